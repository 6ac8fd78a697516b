package health

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// world answers the probes of a test and remembers them. Its tests run in a
// synctest bubble, whose clock moves only when everything waits.
type world struct {
	*Scheduler
	mu      sync.Mutex
	answers map[int]Result // by VMID; failed("refused") when absent
	takes   time.Duration
	probes  map[int][]time.Time
	changes []string
	panics  int
	atOnce  int
	most    int
	stop    context.CancelFunc
	stopped chan struct{}
}

func newWorld(t *testing.T, change func(*Options)) *world {
	w := &world{answers: map[int]Result{}, probes: map[int][]time.Time{}, stopped: make(chan struct{})}
	o := Options{
		Probe:    w.probe,
		OnChange: func(key string) { w.mu.Lock(); defer w.mu.Unlock(); w.changes = append(w.changes, key) },
		OnPanic:  func(string, any, []byte) { w.mu.Lock(); defer w.mu.Unlock(); w.panics++ },
	}
	if change != nil {
		change(&o)
	}
	w.Scheduler = NewScheduler(o)
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	go func() { defer close(w.stopped); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-w.stopped })
	return w
}

func (w *world) probe(ctx context.Context, _ Check, target Target, l Limits) Result {
	w.mu.Lock()
	w.probes[target.VMID] = append(w.probes[target.VMID], time.Now())
	w.atOnce++
	w.most = max(w.most, w.atOnce)
	takes := w.takes
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.atOnce--; w.mu.Unlock() }()
	if takes > 0 {
		select {
		case <-time.After(min(takes, l.Timeout)):
		case <-ctx.Done():
			return failed("stopped")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r, found := w.answers[target.VMID]
	if !found {
		return failed("refused")
	}
	if r.Message == "panic" {
		panic("at the probe")
	}
	return r
}

func (w *world) answer(vmid int, r Result) { w.mu.Lock(); defer w.mu.Unlock(); w.answers[vmid] = r }

func (w *world) slow(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.takes = d }

// pass lets d go by and returns how many probes of vmid it brought.
func (w *world) pass(d time.Duration, vmid int) int {
	synctest.Wait()
	w.mu.Lock()
	before := len(w.probes[vmid])
	w.mu.Unlock()
	time.Sleep(d) // the bubble's time
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.probes[vmid]) - before
}

// changed returns the OnChange calls since the last call.
func (w *world) changed() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.changes
	w.changes = nil
	slices.Sort(c)
	return c
}

func (w *world) want(t *testing.T, key string, v Verdict, message string) Observation {
	t.Helper()
	synctest.Wait()
	o, found := w.Verdict(key)
	if !found || o.Verdict != v || o.Message != message {
		t.Errorf("%s: %+v (%v), want %v with %q", key, o, found, v, message)
	}
	return o
}

func service(vmid int) Spec {
	return Spec{Check: Check{Kind: KindTCP, Port: 80}, Target: Target{Node: "pve1", VMID: vmid}, Startup: true, Epoch: "1"}
}

func TestAServicesLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.Set("a", service(1))
		if n := w.pass(2*time.Second, 1); n < 16 || n > 24 {
			t.Errorf("%d probes in the first two seconds, want about twenty", n)
		}
		w.want(t, "a", Unknown, "refused")
		if c := w.changed(); len(c) != 0 {
			t.Errorf("OnChange before anything changed: %v", c)
		}

		w.answer(1, passed("fine"))
		w.pass(200*time.Millisecond, 1)
		if o := w.want(t, "a", Healthy, "fine"); !o.StartupPassed {
			t.Error("the startup is not over")
		}
		if n := w.pass(10*time.Minute, 1); n < 15 || n > 25 {
			t.Errorf("%d probes in ten minutes, want about twenty", n)
		}

		w.answer(1, failed("gone"))
		w.pass(19*time.Second, 1)
		w.want(t, "a", Healthy, "fine")
		w.pass(35*time.Second, 1)
		w.want(t, "a", Unhealthy, "gone")
		w.answer(1, passed("back"))
		w.pass(34*time.Second, 1)
		w.want(t, "a", Healthy, "back")
		if c := w.changed(); len(c) != 3 {
			t.Errorf("OnChange %d times, want 3: healthy, unhealthy, healthy", len(c))
		}

		w.Remove("a")
		if n := w.pass(time.Hour, 1); n != 0 {
			t.Errorf("%d probes after Remove", n)
		}
		if _, found := w.Verdict("a"); found {
			t.Error("a verdict after Remove")
		}
	})
}

func TestTheStartupTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		spec := service(1)
		spec.StartupTimeout = time.Minute
		w.Set("a", spec)
		w.pass(59*time.Second, 1)
		if c := w.changed(); len(c) != 0 {
			t.Error("too early")
		}
		w.pass(3*time.Second, 1)
		if o := w.want(t, "a", Unhealthy, "refused"); !o.StartupTimedOut || o.StartupPassed {
			t.Errorf("%+v", o)
		}
		w.answer(1, passed("late"))
		w.pass(34*time.Second, 1)
		if o := w.want(t, "a", Healthy, "late"); o.StartupTimedOut || !o.StartupPassed {
			t.Errorf("%+v", o)
		}
		if c := w.changed(); len(c) != 2 {
			t.Errorf("OnChange %d times, want 2", len(c))
		}
	})
}

func TestSetIsIdempotentAndKnowsWhatBeginsAnew(t *testing.T) {
	tests := []struct {
		says    string
		change  func(*Spec)
		probes  int // at once
		verdict Verdict
	}{
		{"the same again", func(*Spec) {}, 0, Healthy},
		{"Startup, which counts only at the beginning", func(s *Spec) { s.Startup = false }, 0, Healthy},
		{"the defaults written out", func(s *Spec) { s.Interval, s.Retries = DefaultInterval, DefaultRetries }, 0, Healthy},
		{"the same startup check, given apart", func(s *Spec) { c := s.Check; s.StartupCheck = &c }, 0, Healthy},
		{"an equal list", func(s *Spec) { s.Target.AllowedHosts = []string{} }, 0, Healthy},
		{"an interval", func(s *Spec) { s.Interval = time.Minute }, 1, Healthy},
		{"a node", func(s *Spec) { s.Target.Node = "pve2" }, 1, Healthy},
		{"a policy", func(s *Spec) { s.Target.AllowedHosts = []string{"x"} }, 1, Healthy},
		{"a way in", func(s *Spec) { s.Target.Exec = executorFunc(nil) }, 1, Healthy},
		{"an epoch", func(s *Spec) { s.Epoch = "2" }, 1, Unknown},
		{"a check", func(s *Spec) { s.Check.Port = 81 }, 1, Unknown},
		{"a startup check", func(s *Spec) { s.StartupCheck = &Check{Kind: KindRunning} }, 1, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.answer(1, passed("fine"))
				w.Set("a", service(1))
				w.pass(0, 1)
				w.answer(1, failed("now failing"))
				spec := service(1)
				tt.change(&spec)
				w.Set("a", spec)
				if n := w.pass(0, 1); n != 0 {
					t.Fatalf("%d probes while nothing moved", n) // pass waits first
				}
				w.mu.Lock()
				probes := len(w.probes[1]) - 1
				w.mu.Unlock()
				if probes != tt.probes {
					t.Errorf("%d probes at once, want %d", probes, tt.probes)
				}
				if o, _ := w.Verdict("a"); o.Verdict != tt.verdict {
					t.Errorf("%v, want %v", o.Verdict, tt.verdict)
				}
			})
		})
	}
}

func TestTheStartupCheckGivesWayToTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []Check
		w := newWorld(t, func(o *Options) {
			o.Probe = func(_ context.Context, c Check, _ Target, _ Limits) Result {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, c)
				return passed("fine")
			}
		})
		spec := service(1)
		spec.StartupCheck = &Check{Kind: KindCommand, Command: "ready"}
		w.Set("a", spec)
		w.pass(31*time.Second, 1)
		mu.Lock()
		defer mu.Unlock()
		if len(asked) < 2 || asked[0] != *spec.StartupCheck || asked[1] != spec.Check {
			t.Errorf("asked %v", asked)
		}
	})
}

func TestAResultOfTheTimeBeforeCountsForNothing(t *testing.T) {
	changes := map[string]func(*world){
		"another epoch": func(w *world) { s := service(1); s.Epoch = "2"; w.Set("a", s) },
		"removed":       func(w *world) { w.Remove("a") },
		"removed, back": func(w *world) { w.Remove("a"); w.Set("a", service(1)) },
		"stopped":       func(w *world) { w.stop(); <-w.stopped },
	}
	for says, change := range changes {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.slow(5 * time.Second)
				w.answer(1, passed("of the time before"))
				w.Set("a", service(1))
				w.pass(time.Second, 1)
				w.answer(1, failed("refused"))
				change(w)
				w.pass(6*time.Second, 1)
				if o, _ := w.Verdict("a"); o.Verdict != Unknown || o.StartupPassed {
					t.Errorf("%+v", o)
				}
				if c := w.changed(); len(c) != 0 {
					t.Errorf("OnChange: %v", c)
				}
			})
		})
	}
}

func TestKickProbesAtOnceAndAgainAfterOneUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.answer(1, passed("fine"))
		w.Set("a", service(1))
		w.pass(time.Second, 1)
		w.slow(time.Second)
		w.Kick("a")
		w.Kick("nobody")
		w.pass(500*time.Millisecond, 1)
		w.Kick("a")
		w.Kick("a")
		if n := w.pass(2*time.Second, 1); n != 1 {
			t.Errorf("%d probes after kicks during one, want 1", n)
		}
		if n := len(w.probes[1]); n != 3 {
			t.Errorf("%d probes, want 3", n)
		}
	})
}

func TestAPanickingProbeIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.answer(1, passed("panic"))
		w.answer(2, passed("fine"))
		w.Set("a", service(1))
		w.Set("b", service(2))
		w.pass(time.Minute, 1)
		w.want(t, "b", Healthy, "fine")
		if o, _ := w.Verdict("a"); o.Verdict != Unknown || !o.CannotRun || w.panics < 3 {
			t.Errorf("%+v, %d panics reported", o, w.panics)
		}
	})
}

func TestWorkersAreBoundedAndADeadNodeDoesNotHoldUpStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 8
		w := newWorld(t, func(o *Options) { o.Workers = workers })
		w.slow(time.Hour) // every probe runs into its time-out
		for i := range 100 {
			s := service(100 + i)
			s.Startup = false
			w.Set(fmt.Sprint("dead", i), s)
		}
		w.pass(time.Second, 1)
		if w.most != workers-workers/4 {
			t.Errorf("%d probes of running services at once, want %d", w.most, workers-workers/4)
		}
		w.slow(0)
		w.answer(1, passed("fine"))
		w.Set("starting", service(1))
		w.pass(0, 1)
		if o, _ := w.Verdict("starting"); o.Verdict != Healthy {
			t.Errorf("the starting one is %v", o.Verdict)
		}
		w.slow(time.Hour)
		for i := range 100 {
			w.Set(fmt.Sprint("start", i), service(300+i))
		}
		w.pass(time.Second, 1)
		if w.most != workers {
			t.Errorf("%d probes at once, want %d", w.most, workers)
		}
		w.pass(time.Hour, 1)
		for i := range 100 {
			if o, _ := w.Verdict(fmt.Sprint("dead", i)); o.Verdict != Unhealthy {
				t.Errorf("dead%d is %v", i, o.Verdict)
			}
		}
	})
}

func TestFlappingBelowTheThresholdIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.answer(1, passed("fine"))
		w.Set("a", service(1))
		w.pass(time.Second, 1)
		w.changed()
		before := w.want(t, "a", Healthy, "fine")
		for range 50 {
			w.answer(1, failed("blink"))
			w.Kick("a")
			synctest.Wait()
			w.answer(1, passed("another message"))
			w.Kick("a")
			synctest.Wait()
		}
		if after := w.want(t, "a", Healthy, "fine"); !reflect.DeepEqual(after, before) || len(w.changed()) != 0 {
			t.Errorf("%+v became %+v", before, after)
		}
	})
}

func TestReviewSeesTurnsAndHasTheLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns []Turn
		w := newWorld(t, func(o *Options) {
			o.Review = func(turn Turn) Verdict {
				turns = append(turns, turn)
				if turn.To == Unhealthy {
					return Unknown
				}
				return turn.To
			}
		})
		w.answer(1, passed("fine"))
		w.Set("a", service(1))
		w.pass(time.Second, 1)
		w.answer(1, failed("all of us"))
		w.pass(2*time.Minute, 1)
		w.want(t, "a", Unknown, "all of us")
		if len(turns) != 2 || turns[1].From != Healthy || turns[1].To != Unhealthy || turns[1].Node != "pve1" || turns[1].Key != "a" {
			t.Errorf("%+v", turns)
		}
		if c := w.changed(); len(c) != 2 {
			t.Errorf("OnChange %d times, want 2", len(c))
		}
	})
}

func TestProbesOfManyServicesSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for i := range 1000 {
			w.answer(i, passed("fine"))
			s := service(i)
			s.Startup = false
			w.Set(fmt.Sprint(i), s)
		}
		w.pass(2*time.Minute, 0)
		perSecond := map[int64]int{}
		for _, times := range w.probes {
			for _, at := range times[1:] {
				perSecond[at.Unix()]++
			}
		}
		for second, n := range perSecond {
			if n > 100 { // the mean is 33
				t.Errorf("%d probes in second %d", n, second)
			}
		}
	})
}

// stoppedClock moves only when told to.
type stoppedClock struct {
	mu  sync.Mutex
	now time.Time
	due chan time.Time
}

func (c *stoppedClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *stoppedClock) After(time.Duration) (<-chan time.Time, func()) { return c.due, func() {} }

func (c *stoppedClock) forward(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	now := c.now
	c.mu.Unlock()
	c.due <- now
}

func TestTheInjectedClockIsTheOnlyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &stoppedClock{now: epoch, due: make(chan time.Time)}
		w := newWorld(t, func(o *Options) { o.Clock = clock })
		w.answer(1, passed("fine"))
		w.Set("a", service(1))
		if o := w.want(t, "a", Healthy, "fine"); !o.Since.Equal(epoch) {
			t.Errorf("since %v", o.Since)
		}
		if n := w.pass(time.Hour, 1); n != 0 {
			t.Errorf("%d probes by another clock", n)
		}
		clock.forward(34 * time.Second)
		synctest.Wait()
		if n := len(w.probes[1]); n != 2 {
			t.Errorf("%d probes, want 2", n)
		}
	})
}
