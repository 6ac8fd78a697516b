package crash

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
)

const (
	// scale is how much faster the simulated Proxmox lives.
	scale = 50
	// usualPatience is for a busy machine; what is waited for takes a second or three.
	usualPatience = 90 * time.Second
	pause         = 20 * time.Millisecond
)

// timing is the patience of a controller whose Proxmox is so fast. The time of an operation is written in whole seconds, so a lost
// reply has to count for more than one.
var timing = controllers.Timing{LostReply: 2400 * time.Millisecond, Retry: 50 * time.Millisecond, BootGrace: 100 * time.Millisecond, LongestPause: 150 * time.Millisecond,
	Telling: 10 * time.Millisecond}

// world is one run of a scenario.
type world struct {
	*lab.Lab
	gate       *gate
	controller *lab.Controller
	patience   time.Duration
	ids        bool          // whether the UPIDs of tasks are written while they run
	restarted  chan struct{} // closed once the controller that died has a successor, or nobody will die any more
}

// start starts a controller behind the gate.
func (w *world) start() {
	log := funcr.New(func(prefix, args string) { w.T.Logf("%s %s %s", time.Now().Format("05.000"), prefix, args) }, funcr.Options{})
	w.controller = w.StartController(lab.ControllerOptions{Log: log, Timing: lab.WithIDs(timing, w.ids), Wrap: w.gate.api})
}

func (w *world) stop() {
	if err := w.controller.Stop(); err != nil {
		w.T.Errorf("the controller ended: %v", err)
	}
}

// eventually waits for something; nil is when it is so, else the error says what is not.
func (w *world) eventually(what string, missing func() error) {
	w.T.Helper()
	deadline := time.Now().Add(w.patience)
	for {
		err := missing()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("never %s: %v", what, err)
		}
		select {
		case <-w.T.Context().Done():
			w.T.Fatalf("interrupted while waiting for %s", what)
		case <-time.After(pause):
		}
	}
}

// Run plays a scenario once. Without a point it gives the names of all writes; with one the controller dies there, and reached says
// whether it came to that.
func (s Scenario) Run(t lab.T, api *apiserver.Server, point *Point) (writes []string, reached bool) {
	// Tasks take a while even so: what is written meanwhile can be told from what is written after.
	text := strings.NewReplacer(`"vzcreate": 2, "vzstart": 1, "vzshutdown": 1, "vzdestroy": 1`,
		`"vzcreate": 8, "vzstart": 5, "vzshutdown": 5, "vzmigrate": 8, "vzdestroy": 5`).Replace(lab.World)
	if s.Nodes {
		text = lab.TwoNodes(text)
	}
	options := lab.Options{TimeScale: scale, Hands: s.Hands, World: text}
	w := &world{Lab: lab.New(t, api, options), gate: newGate(point), restarted: make(chan struct{}), patience: cmp.Or(s.patience, usualPatience)}
	// After a write is nearly before the next: so deaths of both kinds meet statuses with and without the id of a task.
	w.ids = point == nil || point.After
	way := w.Handler
	if s.Between != nil {
		way = s.Between(w, way)
	}
	server := httptest.NewServer(w.gate.proxmox(way))
	t.Cleanup(server.Close)
	w.PVE.URL = server.URL
	w.start()
	over := make(chan struct{})
	t.Cleanup(func() {
		close(over)
		<-w.restarted
		w.stop()
		for _, err := range w.Broken() {
			t.Errorf("%v", err)
		}
	})
	if s.Setup != nil {
		s.Setup(w)
	}
	w.gate.count(true)
	go w.supervise(over)
	s.Act(w)
	w.eventually("at its end", func() error { return s.End(w) })
	w.gate.count(false)
	select {
	case <-w.gate.died:
		<-w.restarted
		reached = true
		w.eventually("at its end again", func() error { return s.End(w) })
	default:
	}
	return slices.Clone(w.gate.writes), reached
}

// supervise starts the controller again once it has died.
func (w *world) supervise(over <-chan struct{}) {
	defer close(w.restarted)
	select {
	case <-over:
		return
	case <-w.gate.died:
	}
	_ = w.controller.Stop() // it ended for no reason of its own
	w.gate.revive()
	w.start()
}

// missing is a condition that does not hold yet.
func missing(format string, args ...any) error { return fmt.Errorf(format, args...) }

// background is for the steps of a person, which no controller's death interrupts.
var background = context.Background()
