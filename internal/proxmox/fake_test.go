package proxmox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// answer is what the fake Proxmox writes on the wire: net/http's server cannot
// set a reason phrase, and the reason phrase is where Proxmox speaks.
type answer struct {
	status int
	reason string
	body   string
	// short promises more bytes than it sends.
	short bool
	// hangUp closes the connection without a word.
	hangUp bool
}

func ok(data string) answer { return answer{status: 200, reason: "OK", body: `{"data":` + data + `}`} }

func refused(status int, reason string) answer {
	return answer{status: status, reason: reason, body: fmt.Sprintf(`{"data":null,"message":"%s\n"}`, reason)}
}

func badParameter(key, sentence string) answer {
	return answer{
		status: 400, reason: "Parameter verification failed.",
		body: fmt.Sprintf(`{"data":null,"errors":{"%s":"%s"},"message":"Parameter verification failed.\n"}`, key, sentence),
	}
}

// seen is a request that reached the fake.
type seen struct {
	Method, Path, Query, Body, ContentType, Authorization string
}

// fake is a Proxmox that answers every request as told and remembers it.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
}

func newFake(t *testing.T, respond func(seen) answer) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(f.handler(respond))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) handler(respond func(seen) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		if r.ContentLength > 0 {
			if _, err := r.Body.Read(body); err != nil && err.Error() != "EOF" {
				panic(err)
			}
		}
		request := seen{
			Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body),
			ContentType: r.Header.Get("Content-Type"), Authorization: r.Header.Get("Authorization"),
		}
		f.mu.Lock()
		f.requests = append(f.requests, request)
		f.mu.Unlock()
		write(w, respond(request))
	}
}

func write(w http.ResponseWriter, a answer) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer func() { _ = connection.Close() }()
	if a.hangUp {
		return
	}
	length := len(a.body)
	if a.short {
		length += 100
	}
	_, _ = fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", a.status, a.reason, length, a.body)
	_ = buffered.Flush()
}

func (f *fake) all() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.requests...)
}

const secret = "0c9a9b3e-1111-2222-3333-444455556666"

func options(endpoints ...string) proxmox.Options {
	return proxmox.Options{
		Endpoints: endpoints, TokenID: "nixmox@pve!ctl", TokenSecret: secret, Timeout: 5 * time.Second,
	}
}

func newClient(t *testing.T, o proxmox.Options) *proxmox.Client {
	t.Helper()
	client, err := proxmox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// always answers every request alike.
func always(a answer) func(seen) answer { return func(seen) answer { return a } }

// closedEndpoint is an address where nobody listens.
func closedEndpoint(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}
