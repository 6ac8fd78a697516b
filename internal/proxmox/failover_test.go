package proxmox_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

const versionData = `{"version":"9.2.11","release":"9.2"}`

func TestReadsMoveOnAndStay(t *testing.T) {
	for name, first := range map[string]answer{
		"the proxy cannot connect":   {status: 595, reason: "Connection refused"},
		"the proxy has an empty 596": {status: 596},
		"the reply is lost":          {hangUp: true},
		"the reply breaks off":       {status: 200, reason: "OK", body: `{"data`, short: true},
		"a gateway is overloaded":    {status: 503, reason: "Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := newFake(t, always(first)), newFake(t, always(ok(versionData)))
			client := newClient(t, options(bad.URL, good.URL))
			for range 3 {
				if err := version(t.Context(), client); err != nil {
					t.Fatal(err)
				}
			}
			if len(bad.all()) != 1 || len(good.all()) != 3 {
				t.Errorf("the bad endpoint was asked %d times, the good one %d; want 1 and 3", len(bad.all()), len(good.all()))
			}
		})
	}
}

func TestRefusalsDoNotMoveOn(t *testing.T) {
	for name, first := range map[string]answer{
		"a refusal":           refused(500, "CT is locked (backup)"),
		"an unaccepted token": {status: 401, reason: "Authentication failed!"},
		"a reply of nonsense": {status: 200, reason: "OK", body: "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := newFake(t, always(first)), newFake(t, always(ok(versionData)))
			if err := version(t.Context(), newClient(t, options(bad.URL, good.URL))); err == nil {
				t.Error("no error")
			}
			if len(good.all()) != 0 {
				t.Error("the second endpoint was asked")
			}
		})
	}
}

func TestEveryEndpointIsDown(t *testing.T) {
	client := newClient(t, options(closedEndpoint(t), closedEndpoint(t)))
	err := version(t.Context(), client)
	if diff := cmp.Diff([]string{"unreachable"}, holding(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestChangesAreSentOnce(t *testing.T) {
	for name, first := range map[string]answer{
		"the reply is lost":    {hangUp: true},
		"a 596":                {status: 596},
		"a 595":                {status: 595, reason: "Connection refused"},
		"the reply breaks off": {status: 200, reason: "OK", body: `{"data`, short: true},
	} {
		for verb, change := range map[string]call{"create": create, "set config": setConfig, "destroy": destroy, "resize": resize} {
			t.Run(name+", "+verb, func(t *testing.T) {
				bad, good := newFake(t, always(first)), newFake(t, always(ok(`"`+exampleUPID+`"`)))
				err := change(t.Context(), newClient(t, options(bad.URL, good.URL)))
				if never := first.status == 595; proxmox.MayHaveHappened(err) == never { // nobody was there to send it to
					t.Errorf("%v: it may have happened: %t", err, !never)
				}
				if len(bad.all()) != 1 || len(good.all()) != 0 {
					t.Errorf("sent %d + %d times, want once", len(bad.all()), len(good.all()))
				}
			})
		}
	}
}

// TestStaleConnection: net/http repeats a request on a kept connection that
// the server has closed. A change must not be repeated once it has left.
func TestStaleConnection(t *testing.T) {
	var mu sync.Mutex
	posts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`{"data":` + versionData + `}`))
			return
		}
		mu.Lock()
		posts++
		mu.Unlock()
		write(w, answer{hangUp: true})
	}))
	defer server.Close()
	client := newClient(t, options(server.URL))
	if err := version(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	err := create(t.Context(), client)
	if diff := cmp.Diff([]string{mayHaveHappened, "unreachable"}, holding(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if posts != 1 {
		t.Errorf("the server saw %d creates, want 1", posts)
	}
}

func TestAChangeThatNeverLeft(t *testing.T) {
	good := newFake(t, always(ok(`"`+exampleUPID+`"`)))
	client := newClient(t, options(closedEndpoint(t), good.URL))
	err := create(t.Context(), client)
	if diff := cmp.Diff([]string{"unreachable"}, holding(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(good.all()) != 0 {
		t.Error("the create moved on by itself")
	}
	if err := create(t.Context(), client); err != nil {
		t.Errorf("the next call does not begin with the next endpoint: %v", err)
	}
}

// silentServer accepts connections and requests, and never answers.
func silentServer(t *testing.T) (url string, received <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{}, 10)
	release := make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { close(release); _ = server.Close() })
	return "http://" + listener.Addr().String(), arrived
}

func TestTimeout(t *testing.T) {
	silent, received := silentServer(t)
	o := options(silent)
	o.Timeout = 100 * time.Millisecond
	err := create(t.Context(), newClient(t, o))
	<-received
	if diff := cmp.Diff([]string{mayHaveHappened, "unreachable"}, holding(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no timeout", err)
	}
}

func TestCancelledByTheCaller(t *testing.T) {
	silent, received := silentServer(t)
	client := newClient(t, options(silent))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-received; cancel() }()
	err := create(ctx, client)
	if diff := cmp.Diff([]string{mayHaveHappened}, holding(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not tell of the cancellation", err)
	}

	before, cancelBefore := context.WithCancel(t.Context())
	cancelBefore()
	if err := create(before, client); proxmox.MayHaveHappened(err) || err == nil {
		t.Errorf("%v: a create that never left may have happened", err)
	}
}

func TestTheFirstEndpointIsUsedAgainOnceItIsBack(t *testing.T) {
	var mu sync.Mutex
	down := true
	first := newFake(t, func(seen) answer {
		mu.Lock()
		defer mu.Unlock()
		if down {
			return answer{hangUp: true}
		}
		return ok(versionData)
	})
	second := newFake(t, always(ok(versionData)))
	o := options(first.URL, second.URL)
	o.ReturnAfter = 50 * time.Millisecond
	client := newClient(t, o)
	asked := func() {
		t.Helper()
		if err := version(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		asked() // the first is tried at most once each 50 ms, and its failure is nobody's
	}
	mu.Lock()
	down = false
	mu.Unlock()
	until := time.Now().Add(2 * time.Minute)
	for before := len(second.all()); ; before = len(second.all()) {
		if asked(); len(second.all()) == before {
			break // the first answered
		}
		if time.Now().After(until) {
			t.Fatal("the first endpoint is not used again")
		}
	}
	// It stays in use, and the second steps in again when it fails.
	before := len(second.all())
	for range 5 {
		asked()
	}
	if n := len(second.all()) - before; n > 0 {
		t.Errorf("the second was asked %d times although the first is back", n)
	}
	mu.Lock()
	down = true
	mu.Unlock()
	asked()
	if len(second.all()) == before {
		t.Error("the second did not step in again")
	}
}

func TestAChangeTriesNoEndpointThatMayStillBeDown(t *testing.T) {
	first, second := newFake(t, always(answer{hangUp: true})), newFake(t, always(ok(`"`+exampleUPID+`"`)))
	o := options(first.URL, second.URL)
	o.ReturnAfter = time.Nanosecond
	client := newClient(t, o)
	_ = version(t.Context(), client) // a reply that is no version, from the second
	before := len(first.all())
	if err := create(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if n := len(first.all()) - before; n > 0 {
		t.Error("a change was sent to the first endpoint")
	}
}
