package health

import "time"

const (
	// While a container starts, the gap between probes is this part of the time since
	// its start, within bounds: what waits for it then waits a few percent longer
	// than it must, and a slow starter is not hammered.
	startupShare  = 20
	startupMinGap = 100 * time.Millisecond
	startupMaxGap = time.Second
	// startupConnect bounds one attempt to connect while a container starts.
	startupConnect = time.Second
	// jitter is the part of an interval by which it varies up and down.
	jitter = 0.1
)

// gap is the time from the end of a probe to the next one. random is in [0,1);
// first says that the service has just got its first result.
func gap(spec Spec, s State, r Result, first bool, now time.Time, random float64) time.Duration {
	switch {
	case r.Outcome == NotRun && r.Final:
		return jittered(spec.Interval, random) // Set wakes it when something changed
	case !s.StartupPassed && !s.StartupTimedOut && !s.CannotRun:
		g := min(max(now.Sub(s.begun)/startupShare, startupMinGap), startupMaxGap)
		return min(g, spec.Interval)
	case retrying(s, r):
		return min(spec.RetryDelay, spec.Interval)
	case first:
		// After a restart of ours everything is probed at once: spread what follows.
		return time.Duration(random * float64(spec.Interval))
	default:
		return jittered(spec.Interval, random)
	}
}

// retrying says that the last result differs from the verdict, which more results
// would turn.
func retrying(s State, r Result) bool {
	switch r.Outcome {
	case Failed:
		return s.Verdict != Unhealthy
	case Partly:
		return s.Verdict != Degraded
	case NotRun:
		return !s.CannotRun || !s.StartupPassed
	default:
		return false
	}
}

func jittered(d time.Duration, random float64) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*random-1)))
}
