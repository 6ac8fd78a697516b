package health

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// launch runs one probe of e on a worker of l. The lock is held.
func (s *Scheduler) launch(ctx context.Context, l *lane, e *entry, workers *sync.WaitGroup) {
	ctx, e.cancel = context.WithCancel(ctx)
	layers, limits := e.spec.next(e.state)
	l.running++
	workers.Go(func() {
		r := s.probe(ctx, e.key, layers, e.spec.Target, limits)
		if s.finish(ctx, l, e, r) && s.options.OnChange != nil {
			s.options.OnChange(e.key)
		}
	})
}

func (s *Scheduler) probe(ctx context.Context, key string, layers []Layer, t Target, l Limits) Result {
	one := func(ctx context.Context, c Check, t Target, l Limits) Result { return s.probeOne(ctx, key, c, t, l) }
	if len(layers) == 1 && layers[0].Name == "" {
		return one(ctx, layers[0].Check, t, l)
	}
	return probeLayers(ctx, one, layers, t, l)
}

func (s *Scheduler) probeOne(ctx context.Context, key string, c Check, t Target, l Limits) (r Result) {
	defer func() {
		if value := recover(); value != nil {
			if s.options.OnPanic != nil {
				s.options.OnPanic(key, value, debug.Stack())
			}
			r = notRun("the check could not be run: an error in the controller, see its log")
		}
	}()
	return s.options.Probe(ctx, c, t, l)
}

// finish frees the worker, records the result and says whether the Observation
// changed. A probe that was stopped, by Remove, Set or the end of Run, found nothing.
func (s *Scheduler) finish(ctx context.Context, l *lane, e *entry, r Result) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasWorker(l) {
		s.poke()
	}
	l.running--
	stopped := ctx.Err() != nil
	e.cancel()
	if stopped || s.entries[e.key] != e {
		return false
	}
	now := s.options.Clock.Now()
	changed = s.record(e, r, now)
	e.due = now.Add(gap(e.spec, e.state, r, !e.probed, now, rand.Float64()))
	if e.living() {
		e.due = e.due.Truncate(tick).Add(tick)
	}
	if e.again {
		e.due, e.again = now, false
	}
	e.probed = true
	s.enqueue(e)
	return changed
}

func (s *Scheduler) record(e *entry, r Result, now time.Time) (changed bool) {
	before, published := e.state, e.published
	e.state = before.Next(r, e.spec.thresholds(), now)
	if e.state.Verdict != before.Verdict {
		e.published = e.state.Verdict
		if s.options.Review != nil {
			e.published = s.options.Review(Turn{Key: e.key, Node: e.spec.Target.Node, From: published, To: e.state.Verdict, At: now})
		}
	}
	outcome := before
	outcome.Verdict = e.state.Verdict
	return e.published != published || e.state.turnedFrom(outcome)
}
