package crash

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Point is one moment at which the controller dies.
type Point struct {
	// Write names it: a call, and the how manieth of its like.
	Write string
	// After is whether the write has its effect, with nobody left to get the answer.
	After bool
}

func (p Point) String() string {
	if p.After {
		return "after " + p.Write
	}
	return "before " + p.Write
}

// errDead is what the calls of a dead controller end with.
var errDead = errors.New("this controller is dead")

// gate stands right beside the controller, on its way to both servers: it names the writes and kills at one of them.
type gate struct {
	mu       sync.Mutex
	counting bool
	seen     map[string]int
	writes   []string
	point    *Point
	dead     bool
	died     chan struct{} // closed when the point was reached
}

func newGate(point *Point) *gate {
	return &gate{point: point, seen: map[string]int{}, died: make(chan struct{})}
}

// count begins to name the writes, and to wait for the point.
func (g *gate) count(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counting = on
}

// revive lets the next controller through.
func (g *gate) revive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = false
}

func (g *gate) isDead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead
}

type passage int

const (
	through passage = iota
	dieBefore
	dieAfter
)

// write names a write and says what becomes of it. A controller that dies before it is dead from now on.
func (g *gate) write(call string) passage {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return dieBefore
	}
	if !g.counting {
		return through
	}
	g.seen[call]++
	name := fmt.Sprintf("%s #%d", call, g.seen[call])
	g.writes = append(g.writes, name)
	if g.point == nil || g.point.Write != name {
		return through
	}
	if g.point.After {
		return dieAfter
	}
	g.die()
	return dieBefore
}

// die is called with the lock held.
func (g *gate) die() {
	g.dead, g.point = true, nil
	close(g.died)
}

// diedAfter is the death once the write had its effect.
func (g *gate) diedAfter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.die()
}

// proxmox is the way to the simulator.
func (g *gate) proxmox(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verdict := through
		if r.Method != http.MethodGet {
			verdict = g.write(r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api2/json"))
		} else if g.isDead() {
			verdict = dieBefore
		}
		switch verdict {
		case through:
			next.ServeHTTP(w, r)
			return
		case dieAfter:
			defer g.diedAfter() // whoever stands between may abort the call too
			// The client that goes away does not keep the call from its effect.
			next.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		}
		panic(http.ErrAbortHandler)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// api is the way to the API server. Events are no writes that anything depends on, and they come when they like.
func (g *gate) api(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if g.isDead() {
			return nil, errDead
		}
		_, object, ours := strings.Cut(r.URL.Path, "/"+v1alpha1.GroupVersion.String()+"/namespaces/")
		if r.Method == http.MethodGet || !ours {
			return next.RoundTrip(r)
		}
		_, object, _ = strings.Cut(object, "/")
		switch g.write(r.Method + " " + object) {
		case dieBefore:
			return nil, errDead
		case dieAfter:
			response, err := next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
			if err == nil {
				_ = response.Body.Close()
			}
			g.diedAfter()
			return nil, errDead
		}
		return next.RoundTrip(r)
	})
}
