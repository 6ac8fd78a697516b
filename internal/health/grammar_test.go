package health

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseKnowsTheFourForms(t *testing.T) {
	tests := map[string]Check{
		// Commands of systemd.
		"systemctl is-active --quiet unbound": {Kind: KindSystemctl, Command: "systemctl is-active --quiet unbound"},
		"systemctl is-active --quiet tomcat && systemctl is-active --quiet guacamole-server": {
			Kind: KindSystemctl, Command: "systemctl is-active --quiet tomcat && systemctl is-active --quiet guacamole-server"},
		"systemctl\tis-active x": {Kind: KindSystemctl, Command: "systemctl\tis-active x"},
		// URLs.
		"http://localhost:2019/health":          {Kind: KindHTTP, URL: "http://localhost:2019/health", Host: "localhost", Port: 2019},
		"http://localhost:9090/-/healthy":       {Kind: KindHTTP, URL: "http://localhost:9090/-/healthy", Host: "localhost", Port: 9090},
		"https://app.example.com":               {Kind: KindHTTP, URL: "https://app.example.com", Host: "app.example.com", Port: 443},
		"https+insecure://192.168.1.4:8006/a?b": {Kind: KindHTTP, URL: "https://192.168.1.4:8006/a?b", Host: "192.168.1.4", Port: 8006, InsecureTLS: true},
		"HTTP://LocalHost./x":                   {Kind: KindHTTP, URL: "http://localhost/x", Host: "localhost", Port: 80},
		"http://[FD00::1]:8080/":                {Kind: KindHTTP, URL: "http://[fd00::1]:8080/", Host: "fd00::1", Port: 8080},
		"http://[::1]/a%20b?c=%2F#part":         {Kind: KindHTTP, URL: "http://[::1]/a%20b?c=%2F", Host: "::1", Port: 80},
		// Ports.
		"tcp:5432":           {Kind: KindTCP, Port: 5432},
		"TCP:localhost:5432": {Kind: KindTCP, Host: "localhost", Port: 5432},
		"tcp:[fd00::1]:22":   {Kind: KindTCP, Host: "fd00::1", Port: 22},
		" tcp:1.2.3.4:65535": {Kind: KindTCP, Host: "1.2.3.4", Port: 65535},
		// Anything else.
		"curl -f -s http://localhost:8080/health": {Kind: KindCommand, Command: "curl -f -s http://localhost:8080/health"},
		"pg_isready -U 'my user'\n":               {Kind: KindCommand, Command: "pg_isready -U 'my user'"},
		"systemctld status":                       {Kind: KindCommand, Command: "systemctld status"},
		"nc -z localhost 80":                      {Kind: KindCommand, Command: "nc -z localhost 80"},
		"ftp://localhost/":                        {Kind: KindCommand, Command: "ftp://localhost/"},
		"réponse?":                                {Kind: KindCommand, Command: "réponse?"},
	}
	for text, want := range tests {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q): %s", text, diff)
		}
	}
}

func TestParseRefusesWithASentence(t *testing.T) {
	tests := map[string]string{
		"":                                      "the check is empty",
		" \n":                                   "the check is empty",
		"true\x00":                              "bytes that no command line can carry",
		"true \xff":                             "bytes that no command line can carry",
		"http://":                               "names no host",
		"http:///health":                        "names no host",
		"http://:8080/":                         "names no host",
		"http://localhost:0/":                   `"0" is not a port`,
		"http://localhost:70000/":               `"70000" is not a port`,
		"http://localhost:http/":                "the URL cannot be read",
		"http://me:secret@localhost/":           "takes no user or password",
		"http://localhost/ && systemctl x":      "one URL and nothing else",
		"http://my_host/":                       `"my_host" is not a host`,
		"http://bücher.example/":                "is not a host",
		"http://[fe80::1%25eth0]/":              "has a zone",
		"https+insecure://":                     "names no host",
		"tcp:":                                  `"" is not a port`,
		"tcp:0":                                 `"0" is not a port`,
		"tcp:+80":                               `"+80" is not a port`,
		"tcp:65536":                             `"65536" is not a port`,
		"tcp:postgres":                          `"postgres" is not a port`,
		"tcp://localhost:80":                    "has no slashes",
		"tcp::80":                               "names no host",
		"tcp:fd00::1:80":                        "IPv6 address stands in brackets",
		"tcp:localhost:":                        `"" is not a port`,
		"tcp:-bad-:80":                          "is not a host",
		"tcp:" + strings.Repeat("a", 64) + ":1": "is not a host",
	}
	for text, want := range tests {
		got, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %+v, error %v, want one with %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("Parse(%q) repeats the password: %v", text, err)
		}
	}
}

func TestLocalhostMeansInside(t *testing.T) {
	tests := map[string][2]bool{ // needs exec, prefers exec
		"systemctl is-active x":     {true, false},
		"true":                      {true, false},
		"http://localhost/":         {false, true},
		"http://127.0.0.9/":         {false, true},
		"https://[::1]/":            {false, true},
		"tcp:localhost:80":          {false, true},
		"tcp:[::ffff:127.0.0.1]:80": {false, true},
		"tcp:80":                    {false, false},
		"http://localhost.lan/":     {false, false},
		"tcp:192.168.1.1:80":        {false, false},
	}
	for text, want := range tests {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{c.NeedsExec(), c.PrefersExec()}; got != want {
			t.Errorf("%s: needs, prefers exec = %v, want %v", text, got, want)
		}
	}
}

// roundTrips is the promise of String, for whatever text.
func roundTrips(t interface{ Fatalf(string, ...any) }, text string) {
	c, err := Parse(text)
	if err != nil {
		return
	}
	again, err := Parse(c.String())
	if err != nil {
		t.Fatalf("Parse(%q).String() = %q, which does not parse: %v", text, c.String(), err)
	}
	if again != c {
		t.Fatalf("Parse(%q) = %+v, its String parses to %+v", text, c, again)
	}
	if (c.Kind == KindHTTP || c.Kind == KindTCP) && c.Port == 0 {
		t.Fatalf("Parse(%q) = %+v has no port", text, c)
	}
}

func TestStringRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.SampledFrom([]string{"localhost", "A.b.C", "10.0.0.1", "[::1]", "[fd00::A]", "x.", "", "[::ffff:1.2.3.4]"})
		port := rapid.SampledFrom([]string{"", ":", ":80", ":443", ":080", ":65535", ":65536"})
		scheme := rapid.SampledFrom([]string{"http://", "https://", "https+insecure://", "HTTPS://", "tcp:", "systemctl ", ""})
		roundTrips(t, scheme.Draw(t, "scheme")+host.Draw(t, "host")+port.Draw(t, "port")+rapid.String().Draw(t, "rest"))
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"systemctl x", "http://localhost:1/%2f?#", "https+insecure://[::1]:2/a", "tcp:[::1]:3", "tcp:4", "x", "http://h//a/../b?;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { roundTrips(t, text) })
}
