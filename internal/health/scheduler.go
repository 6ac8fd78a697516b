package health

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Options make a Scheduler.
type Options struct {
	// Probe runs one check: (*Prober).Probe.
	Probe func(context.Context, Check, Target, Limits) Result
	// Workers is how many probes run at once; 0 means 64. A quarter of them is kept
	// for containers that are starting and a quarter for those that run, so that a
	// dead node, where every probe runs into its time-out, does not hold up a
	// roll-out elsewhere, nor a large roll-out the watch over what runs.
	Workers int
	// Clock is SystemClock unless a test says otherwise.
	Clock Clock
	// OnChange is called, from a worker and without locks, after the Observation of
	// key changed in anything but its Message before the first success. It must return
	// soon and may call the Scheduler.
	OnChange func(key string)
	// Review may overrule a verdict before it is published; nil publishes all. Called
	// with the scheduler's lock held: it must not call back. The place for judging
	// illness that is common to a node.
	Review func(Turn) Verdict
	// OnPanic hears of a probe that panicked, which counts as not run.
	OnPanic func(key string, value any, stack []byte)
}

// Turn is a verdict that is about to change.
type Turn struct {
	Key, Node string
	From, To  Verdict
	At        time.Time
}

// Observation is what is known of a service. It is the same until OnChange says
// otherwise, except for the Message before the first success.
type Observation struct {
	Verdict Verdict
	Message string
	Layers  []LayerResult
	Since   time.Time
	// StartupPassed, StartupTimedOut and CannotRun are as in State.
	StartupPassed, StartupTimedOut, CannotRun bool
}

// Scheduler runs the checks of all services. At rest it is one goroutine and one
// timer, whatever the number of services. All methods are safe for concurrent
// use and none waits for a probe, except Run.
type Scheduler struct {
	options Options
	wake    chan struct{}

	mu               sync.Mutex
	entries          map[string]*entry
	starting, living lane
	wakes            time.Time // when the dispatcher looks again by itself
}

// lane is what waits and what is under way of one sort of containers.
type lane struct {
	queue
	running int
}

// entry is one service under one Spec. A changed Spec makes a new entry, so that
// a probe that was under way for the old one finds itself orphaned.
type entry struct {
	key       string
	spec      Spec
	state     State
	published Verdict
	probed    bool
	again     bool // kicked while its probe runs
	paused    bool // neither waiting nor probed
	cancel    context.CancelFunc

	due   time.Time
	queue *queue // nil while its probe runs
	index int
}

// living says that nobody waits for the container to start: it has, or its time is
// over.
func (e *entry) living() bool { return e.state.StartupPassed || e.state.StartupTimedOut }

// NewScheduler makes a Scheduler; nothing is probed before Run.
func NewScheduler(o Options) *Scheduler {
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	return &Scheduler{options: o, wake: make(chan struct{}, 1), entries: map[string]*entry{}}
}

// Set makes key be probed as spec says, at once if anything changed; the same spec
// again costs next to nothing. Another Epoch or check begins anew, with no verdict;
// any other change keeps what is known.
func (s *Scheduler) Set(key string, spec Spec) {
	spec = spec.withDefaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.entries[key]
	if old != nil && !old.paused && spec.equal(old.spec) {
		return
	}
	spec.Target.AllowedHosts, spec.Layers = slices.Clone(spec.Target.AllowedHosts), slices.Clone(spec.Layers)
	now := s.options.Clock.Now()
	e := &entry{key: key, spec: spec, due: now}
	if old == nil || spec.supersedes(old.spec) {
		e.state = spec.begin(now)
	} else {
		e.state, e.published, e.probed = old.state, old.published, old.probed
	}
	s.drop(old)
	s.entries[key] = e
	s.enqueue(e)
}

// Remove forgets key and stops its probe.
func (s *Scheduler) Remove(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.entries[key])
	delete(s.entries, key)
}

// Pause stops the probes of key, whose results would say nothing, until the next Set: during a backup, or while we work on it ourselves.
func (s *Scheduler) Pause(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil || e.paused {
		return
	}
	paused := *e
	paused.paused, paused.again = true, false
	s.drop(e)
	paused.queue = nil
	s.entries[key] = &paused
}

// Kick has key probed at once; when a probe is under way, again after it. Its
// result counts like any other.
func (s *Scheduler) Kick(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil || e.paused {
		return
	}
	if e.queue == nil {
		e.again = true
		return
	}
	e.queue.remove(e)
	e.due = s.options.Clock.Now()
	s.enqueue(e)
}

// Verdict is what is known of key; false when it was never Set, or Removed.
func (s *Scheduler) Verdict(key string) (Observation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		return Observation{}, false
	}
	return Observation{
		Verdict: e.published, Message: e.state.Message, Layers: e.state.Layers, Since: e.state.Since,
		StartupPassed: e.state.StartupPassed, StartupTimedOut: e.state.StartupTimedOut, CannotRun: e.state.CannotRun,
	}, true
}

// Run probes until ctx ends, then stops the probes under way and returns when the
// last one has ended. Call it once.
func (s *Scheduler) Run(ctx context.Context) {
	var workers sync.WaitGroup
	defer workers.Wait()
	for ctx.Err() == nil {
		wait := s.dispatch(ctx, &workers)
		timer, stop := s.options.Clock.After(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer:
		}
		stop()
	}
}

// idle is how long the dispatcher sleeps when nothing is due: until it is woken.
const idle = time.Hour

// tick is how finely the probes of running services are timed: those of one tick share
// one turn of the dispatcher, which costs more than a probe does.
const tick = 50 * time.Millisecond

// dispatch starts every probe that is due and has a worker, and returns the time
// to the next one that has one: whoever frees a worker that is missed wakes us.
func (s *Scheduler) dispatch(ctx context.Context, workers *sync.WaitGroup) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Clock.Now()
	wait := idle
	for _, l := range []*lane{&s.starting, &s.living} {
		for s.hasWorker(l) {
			e := l.popDue(now)
			if e == nil {
				break
			}
			s.launch(ctx, l, e, workers)
		}
		if e := l.first(); e != nil && s.hasWorker(l) {
			wait = min(wait, e.due.Sub(now))
		}
	}
	s.wakes = now.Add(wait)
	return wait
}

func (s *Scheduler) hasWorker(l *lane) bool {
	total := s.options.Workers
	return l.running < total-total/4 && s.starting.running+s.living.running < total
}

func (s *Scheduler) enqueue(e *entry) {
	l := &s.starting
	if e.living() {
		l = &s.living
	}
	l.push(e)
	if e.due.Before(s.wakes) {
		s.poke()
	}
}

// drop takes an entry out of its queue, or stops its probe.
func (s *Scheduler) drop(e *entry) {
	switch {
	case e == nil, e.paused:
	case e.queue != nil:
		e.queue.remove(e)
	default:
		e.cancel()
	}
}

// poke has the dispatcher look again.
func (s *Scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
