package pvesim

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// Options are what a world file does not say.
type Options struct {
	// Log gets what the simulator has to say about itself, such as a port that it cannot open; default: nowhere.
	Log *slog.Logger
	// TimeScale is how many simulated seconds pass in a real one; default 1. It shortens task durations, the lag of
	// cluster/resources, lock waits and the delay of a 401. Time stamps stay wall-clock times.
	TimeScale float64
	// PVE is the release whose parameters and defaults hold: 9.2 (default) or 8.4.
	PVE string
	// CallLog gets JSON lines (package calllog); default: nowhere.
	CallLog io.Writer
}

// Simulator is one simulated Proxmox VE installation. It is safe for concurrent use.
type Simulator struct {
	world *World
	table *schema.Table
	// release is 9.2 or 8.4.
	release string
	log     *slog.Logger
	calls   *calllog.Writer
	scale   float64
	began   time.Time

	// done ends everything that waits; running counts workers and listeners.
	done    chan struct{}
	stop    func()
	running sync.WaitGroup

	// mu guards everything below. Take it with lock, which publishes first what a broadcast would have seen.
	mu       sync.Mutex
	nodes    map[string]*node
	guests   map[int]*guest
	volumes  map[volumeKey]*volume
	tasks    taskBook
	flocks   map[int]*flock
	access   access
	faults   []*Fault
	noQuorum bool
	held     map[int]func() // file locks held by the control endpoint
	lastTick int64
	dirty    map[int]*guest
	rows     resourceCache
	random   *rand.Rand
}

type node struct {
	Node
	online bool
}

// New makes a simulator of a world. The caller serves Handler and calls Close in the end.
func New(world *World, options Options) (*Simulator, error) {
	if options.PVE == "" {
		options.PVE = "9.2"
	}
	table, err := schema.Load(options.PVE)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if options.TimeScale == 0 {
		options.TimeScale = 1
	}
	if options.TimeScale < 0 {
		return nil, fmt.Errorf("start simulator: time scale %g must be positive", options.TimeScale)
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	done := make(chan struct{})
	stop := sync.OnceFunc(func() { close(done) })
	s := &Simulator{
		world: world, table: table, release: options.PVE, log: options.Log, calls: calllog.NewWriter(options.CallLog), scale: options.TimeScale,
		began: time.Now(), done: done, stop: stop,
		nodes: make(map[string]*node), guests: make(map[int]*guest), volumes: make(map[volumeKey]*volume),
		flocks: make(map[int]*flock), dirty: make(map[int]*guest), access: newAccess(world), held: make(map[int]func()),
		random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)),
	}
	s.mu.Lock() // services of containers that run from the start may become ready at once
	defer s.mu.Unlock()
	for _, entry := range world.Nodes {
		s.nodes[entry.Name] = &node{Node: entry, online: entry.Status == "online"}
	}
	for _, entry := range world.Containers {
		if err := s.addGuest(entry); err != nil {
			stop()
			return nil, err
		}
	}
	s.publish()
	return s, nil
}

// Handler answers API requests, below /api2/json.
func (s *Simulator) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Close ends all tasks and simulated services and waits for them.
func (s *Simulator) Close() {
	s.stop()
	s.lock()
	for _, guest := range s.guests {
		guest.closeServices()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// elapsed is the simulated time since the start.
func (s *Simulator) elapsed() time.Duration {
	return time.Duration(float64(time.Since(s.began)) * s.scale)
}

// real turns a simulated duration into a real one.
func (s *Simulator) real(simulated time.Duration) time.Duration {
	return time.Duration(float64(simulated) / s.scale)
}

// lock takes the lock and, first of all, publishes the state if a broadcast was due since the lock was last held.
func (s *Simulator) lock() {
	s.mu.Lock()
	s.tick()
}

// pause lets simulated time pass, without the lock. It reports false if the simulator was closed, or abort was, meanwhile.
func (s *Simulator) pause(simulated time.Duration, abort <-chan struct{}) bool {
	s.mu.Unlock()
	defer s.lock()
	timer := time.NewTimer(s.real(simulated))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-abort:
		return false
	case <-s.done:
		return false
	}
}
