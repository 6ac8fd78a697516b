package pvesim_test

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

func faultOnce(taskType, text string) pvesim.Fault {
	return pvesim.Fault{Name: "test", TaskType: taskType, Text: text, Times: 1}
}

func TestCommandsInsideAContainer(t *testing.T) {
	c := start(t)
	c.caddy("100")
	c.create("101")
	c.until("the service is ready", func() bool {
		container, _ := c.sim.Container(100)
		return container.Ready["caddy"]
	})
	for sentence, test := range map[string]struct {
		vmid   int
		script string
		code   int
		stdout string
		stderr string
	}{
		"a ready unit is active":                {100, "systemctl is-active caddy", 0, "active\n", ""},
		"quiet says nothing":                    {100, "systemctl is-active --quiet caddy.service", 0, "", ""},
		"an unknown unit is inactive":           {100, "systemctl is-active postfix", 4, "inactive\n", ""},
		"both must be active":                   {100, "systemctl is-active -q caddy && systemctl is-active -q postfix", 4, "", ""},
		"curl answers on localhost":             {100, "curl -f -s http://localhost:2019/health", 0, "fine", ""},
		"curl says the status":                  {100, "curl -q -g -fsS -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 3 -H 'Host: a.b' http://localhost:2019/health", 0, "200", ""},
		"curl has no status without an answer":  {100, "curl -s -o /dev/null -w '%{http_code}' http://localhost:81/", 7, "000", ""},
		"curl -f fails on 503":                  {100, "curl -fs http://127.0.0.1:28080/sick", 22, "", ""},
		"without -f it does not":                {100, "curl -s http://192.168.99.10:28080/sick", 0, "", ""},
		"nobody listens there":                  {100, "curl -s http://localhost:81/", 7, "", ""},
		"localhost alone is not the address":    {100, "curl -s http://192.168.99.10:2019/health", 7, "", ""},
		"the world outside is not there":        {100, "curl -s http://example.com/", 6, "", ""},
		"wget prints":                           {100, "wget -q -O - http://localhost:2019/health", 0, "fine", ""},
		"a command of the world":                {100, "pg_isready -q", 0, "", ""},
		"command -v finds it":                   {100, "command -v pg_isready >/dev/null", 0, "", ""},
		"command -v finds nothing else":         {100, "command -v gcc", 1, "", ""},
		"a file of the world":                   {100, "test -f /etc/caddy/Caddyfile && cat /etc/caddy/Caddyfile", 0, "hello\n", ""},
		"the machine's own files are not there": {100, "test -e /etc/passwd", 1, "", ""},
		"nor can they be read":                  {100, "cat /etc/passwd", 1, "", "cat: /etc/passwd: No such file or directory\n"},
		"nor its environment":                   {100, `echo "$GOPATH$SHELL" "$USER"`, 0, " root\n", ""},
		"exit codes are kept":                   {100, "echo out; echo err >&2; exit 7", 7, "out\n", "err\n"},
		"another command is not found":          {100, "gcc --version", 127, "", "gcc: command not found\n"},
		"a stopped container runs nothing":      {101, "true", 255, "", "container '101' not running!\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := c.sim.Exec(t.Context(), test.vmid, []string{"/bin/sh", "-c", test.script})
			if err != nil {
				t.Fatal(err)
			}
			want := pvesim.ExecResult{ExitCode: test.code, Stdout: test.stdout, Stderr: test.stderr}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestARestartedServiceIsNotReadyAtOnce(t *testing.T) {
	c := start(t)
	c.caddy("100")
	ready := func() bool {
		container, _ := c.sim.Container(100)
		return container.Ready["caddy"]
	}
	c.until("the service is ready", ready)
	if _, err := c.sim.Exec(t.Context(), 100, []string{"systemctl", "restart", "caddy"}); err != nil {
		t.Fatal(err)
	}
	if ready() {
		t.Error("it is ready right after its restart")
	}
	c.until("it is ready again", ready)
	if err := c.sim.SetHealthy(100, "caddy", false); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.sim.Exec(t.Context(), 100, []string{"systemctl", "is-active", "caddy"}); got.Stdout != "failed\n" {
		t.Errorf("an ill service is %q", got.Stdout)
	}
}
