package health

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func serveHTTP(t *testing.T, h http.HandlerFunc) (port string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return portOf(t, srv.URL)
}

func portOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func TestHTTPStatusDecides(t *testing.T) {
	port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/302":
			http.Redirect(w, r, "/302", http.StatusFound) // a loop, for whoever follows
		case "/201":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(201)
		case "/404":
			w.WriteHeader(404)
		case "/500":
			w.WriteHeader(500)
		}
	})
	for path, outcome := range map[string]Outcome{"200": Passed, "201": Passed, "204": Passed, "302": Passed, "404": Failed, "500": Failed} {
		r := testProber().Probe(t.Context(), mustParse(t, "http://db.example.com:"+port+"/"+path), testTarget(), Limits{Timeout: patient})
		wantResult(t, r, outcome, "HTTP "+path+" from "+own+":"+port)
	}
}

func TestRedirectsToOtherHostsAreHealthyAndNotFollowed(t *testing.T) {
	var visits atomic.Int32
	other := serveHTTP(t, func(http.ResponseWriter, *http.Request) { visits.Add(1) })
	port := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:"+other+"/", http.StatusMovedPermanently)
	})
	r := testProber().Probe(t.Context(), mustParse(t, "http://"+own+":"+port), testTarget(), Limits{Timeout: patient})
	wantResult(t, r, Passed, "HTTP 301")
	if visits.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestTheHostHeaderIsTheServicesHostname(t *testing.T) {
	var host, uri atomic.Value
	port := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { host.Store(r.Host); uri.Store(r.RequestURI) })
	tests := []struct{ check, hostname, want string }{
		{"http://localhost:" + port + "/a%2Fb?c=d%20e", "db.example.com", "db.example.com"},
		{"http://" + own + ":" + port + "/a%2Fb?c=d%20e", "db.example.com", "db.example.com"},
		{"http://localhost:" + port + "/a%2Fb?c=d%20e", "", own + ":" + port},
		{"http://" + elsewhere + ":" + port + "/a%2Fb?c=d%20e", "db.example.com", elsewhere + ":" + port},
	}
	for _, tt := range tests {
		target := testTarget()
		target.Hostname, target.AllowedHosts = tt.hostname, []string{elsewhere}
		wantResult(t, testProber().Probe(t.Context(), mustParse(t, tt.check), target, Limits{Timeout: patient}), Passed, "HTTP 200")
		if host.Load() != tt.want || uri.Load() != "/a%2Fb?c=d%20e" {
			t.Errorf("%s of %q: Host %v, URI %v, want %s", tt.check, tt.hostname, host.Load(), uri.Load(), tt.want)
		}
	}
}

func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	var visits atomic.Int32
	proxy := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { visits.Add(1); w.WriteHeader(502) })
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+proxy)
	}
	port := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	wantResult(t, testProber().Probe(t.Context(), mustParse(t, "http://"+own+":"+port), testTarget(), Limits{Timeout: patient}), Passed, "HTTP 200")
	if visits.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestAnEndlessBodyIsCut(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter) bool{
		"fast": func(w http.ResponseWriter) bool { _, err := w.Write(make([]byte, 32<<10)); return err == nil },
		"slow": func(w http.ResponseWriter) bool {
			_, err := w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
			return err == nil
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			port := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				defer close(ended)
				for write(w) {
				}
			})
			began := time.Now()
			r := testProber().Probe(t.Context(), mustParse(t, "http://"+own+":"+port), testTarget(), Limits{Timeout: time.Hour})
			wantResult(t, r, Passed, "HTTP 200")
			<-ended // the server was told to stop
			if took := time.Since(began); took > patient {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestHTTPServersThatMisbehave(t *testing.T) {
	tests := []struct {
		says    string
		serve   func(net.Conn)
		timeout time.Duration
		message string
	}{
		{"accepts and never answers", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); drain(c) }, quick, "no answer from 192.0.2.10"},
		{"answers half a line and stops", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 2")); drain(c) }, quick, "no answer from 192.0.2.10"},
		{"never stops sending headers", func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for {
				if _, err := c.Write([]byte("X: " + strings.Repeat("y", 1000) + "\r\n")); err != nil {
					return
				}
			}
		}, patient, "longer than 64 KiB"},
		{"sends hints and then no answer", func(c net.Conn) {
			for {
				if _, err := c.Write([]byte("HTTP/1.1 103 Early Hints\r\n\r\n")); err != nil {
					return
				}
			}
		}, patient, "longer than 64 KiB"},
		{"hangs up", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }, patient, "closed the connection without an answer"},
		{"speaks another protocol", func(c net.Conn) { _, _ = c.Write([]byte("220 mail ESMTP\r\n")); drain(c) }, patient, "malformed HTTP"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			port := listen(t, tt.serve)
			r := testProber().Probe(t.Context(), mustParse(t, "http://"+own+":"+port), testTarget(), Limits{Timeout: tt.timeout})
			wantResult(t, r, Failed, tt.message)
		})
	}
	port := refusingPort(t)
	r := testProber().Probe(t.Context(), mustParse(t, "http://"+own+":"+port), testTarget(), Limits{Timeout: patient})
	wantResult(t, r, Failed, "connection refused by "+own+":"+port)
}

// drain waits for the other side to leave.
func drain(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func TestCertificates(t *testing.T) {
	good, goodCA := certificate(t, "db.example.com", time.Now().Add(time.Hour))
	old, oldCA := certificate(t, "db.example.com", time.Now().Add(-time.Hour))
	tests := []struct {
		says, scheme, hostname string
		cert                   tls.Certificate
		roots                  *x509.CertPool
		outcome                Outcome
		message                string
	}{
		{"valid for the hostname", "https", "db.example.com", good, goodCA, Passed, "HTTP 200"},
		{"of another name", "https", "other.example.com", good, goodCA, Failed, "not valid for other.example.com"},
		{"of nobody we know", "https", "db.example.com", good, x509.NewCertPool(), Failed, "unknown authority; https+insecure://"},
		{"expired", "https", "db.example.com", old, oldCA, Failed, "has expired"},
		{"without a hostname, against the address", "https", "", good, goodCA, Failed, "not valid for " + own},
		{"opted out", "https+insecure", "other.example.com", old, x509.NewCertPool(), Passed, "HTTP 200"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{tt.cert}}
			srv.Config.ErrorLog = quietLog
			srv.StartTLS()
			defer srv.Close()
			p, target := testProber(), testTarget()
			p.RootCAs, target.Hostname = tt.roots, tt.hostname
			r := p.Probe(t.Context(), mustParse(t, tt.scheme+"://localhost:"+portOf(t, srv.URL)), target, Limits{Timeout: patient})
			wantResult(t, r, tt.outcome, tt.message)
		})
	}
	plain := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	r := testProber().Probe(t.Context(), mustParse(t, "https://"+own+":"+plain), testTarget(), Limits{Timeout: patient})
	wantResult(t, r, Failed, "does not speak TLS")
}

func certificate(t *testing.T, name string, notAfter time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
