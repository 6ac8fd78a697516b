package schedules

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// trouble stands between one controller and the API server. Reads come from the controller's cache, and the cache from watches, so that a
// watch that lags makes every read old, those after a write of one's own too.
type trouble struct {
	// lag is by how many events the watches are behind; none is held longer than hold.
	lag  int
	hold time.Duration
	// blind ends a watch without its last events and has the next begin with a list: what happened between is never seen.
	blind float64
	// conflicts is how many of a hundred writes are refused as if somebody had been faster.
	conflicts int

	over   atomic.Bool
	mu     sync.Mutex
	random *rand.Rand
}

func (t *trouble) chance(percent int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.IntN(100) < percent
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (t *trouble) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		switch ours := strings.Contains(r.URL.Path, "/"+v1alpha1.GroupVersion.Group+"/"); {
		case !ours || t.over.Load():
			return next.RoundTrip(r)
		case r.Method == http.MethodPatch && t.chance(t.conflicts):
			return answer(r, http.StatusConflict, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409,"message":"somebody was faster"}`), nil
		case r.URL.Query().Get("watch") == "":
			return next.RoundTrip(r)
		case r.URL.Query().Get("resourceVersion") != "" && t.chance(int(100*t.blind)):
			return answer(r, http.StatusGone, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}`), nil
		}
		response, err := next.RoundTrip(r)
		if err == nil && response.StatusCode == http.StatusOK {
			response.Body = t.slow(response.Body)
		}
		return response, err
	})
}

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// slow passes the events of a watch on late: each waits until lag more have come, or for hold. A blind one ends early and keeps the rest.
func (t *trouble) slow(body io.ReadCloser) io.ReadCloser {
	reader, writer := io.Pipe()
	events := make(chan []byte)
	go func() {
		defer close(events)
		lines := bufio.NewReader(body)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			events <- line
		}
	}()
	go func() {
		defer body.Close()
		t.pass(events, writer)
		for range events { // the reader ends with its connection
		}
	}()
	return &closing{reader, body}
}

func (t *trouble) pass(events <-chan []byte, to *io.PipeWriter) {
	defer to.Close()
	var held [][]byte
	tick := time.NewTicker(t.hold)
	defer tick.Stop()
	for {
		release := 0
		select {
		case line, open := <-events:
			if !open {
				return
			}
			held = append(held, line)
			release = len(held) - t.lag
			if len(held) > 1 && !t.over.Load() && t.chance(int(20*t.blind)) {
				return // with what it held
			}
		case <-tick.C:
			release = len(held)
		}
		if t.over.Load() {
			release = len(held)
		}
		if release > 0 {
			if _, err := to.Write(bytes.Join(held[:release], nil)); err != nil {
				return
			}
			held = held[release:]
		}
	}
}

// closing ends both ends of a slowed watch.
type closing struct {
	*io.PipeReader
	body io.Closer
}

// Close ends the watch.
func (c *closing) Close() error {
	_ = c.PipeReader.Close()
	return c.body.Close()
}
