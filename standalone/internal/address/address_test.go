package address

import (
	"slices"
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, listen string
		urlBegins    string
		certifies    []string
	}{
		{"loopback by address", "127.0.0.1:0", "https://127.0.0.1:", []string{"127.0.0.1", "::1", "localhost"}},
		{"loopback by name", "localhost:0", "https://localhost:", []string{"127.0.0.1", "::1", "localhost"}},
		{"another loopback address", "127.0.0.2:0", "https://127.0.0.2:", []string{"127.0.0.1", "127.0.0.2", "::1", "localhost"}},
		{"every address", ":0", "https://127.0.0.1:", nil},
		{"every IPv4 address", "0.0.0.0:0", "https://127.0.0.1:", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Listen(test.listen)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Listener.Close()
			if url := got.URL(); !strings.HasPrefix(url, test.urlBegins) || strings.HasSuffix(url, ":0") {
				t.Errorf("URL is %s, want one that begins with %s and names a port", url, test.urlBegins)
			}
			hosts := got.CertificateHosts()
			if test.certifies != nil && !slices.Equal(hosts, test.certifies) {
				t.Errorf("the certificate is for %v, want %v", hosts, test.certifies)
			}
			if test.certifies == nil && len(hosts) <= 3 {
				t.Errorf("the certificate is for %v; want the addresses of other machines' view too", hosts)
			}
		})
	}
}

func TestListenOnATakenPort(t *testing.T) {
	t.Parallel()
	first, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Listener.Close()
	if second, err := Listen(first.Listener.Addr().String()); err == nil {
		second.Listener.Close()
		t.Error("a second listener got the same port")
	}
}
