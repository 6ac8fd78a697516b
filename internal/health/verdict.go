package health

import "time"

// Verdict is what the results of a check amount to.
type Verdict int

const (
	// Unknown means that there is no verdict yet, or that the check cannot be run (State.CannotRun).
	Unknown Verdict = iota
	// Healthy means that the last result passed, or that too few since then did not.
	Healthy
	// Degraded means that some layers of the check fail for good.
	Degraded
	// Unhealthy means that the check fails for good.
	Unhealthy
)

// String is the verdict as people and status read it.
func (v Verdict) String() string {
	switch v {
	case Healthy:
		return "Healthy"
	case Degraded:
		return "Degraded"
	case Unhealthy:
		return "Unhealthy"
	default:
		return "Unknown"
	}
}

// Thresholds say how many results, and how much time, turn a verdict.
type Thresholds struct {
	// Retries is how many failures without a success between them make Unhealthy,
	// and how many results in a row that could not be run make Unknown. At least 1.
	Retries int
	// RetryDelay is the time between two such results.
	RetryDelay time.Duration
	// StartupTimeout is how long after Begin the first success may come.
	StartupTimeout time.Duration
}

// State is one service's way from its results to a verdict. It begins with Begin
// or Resume and goes on with Next. The zero State is of no use.
type State struct {
	Verdict Verdict
	// Message is the message of the result that turned the verdict; before the
	// first success, of the last result. Thus failures below a threshold change nothing.
	Message string
	// Layers of that result.
	Layers []LayerResult
	// Since is when the verdict last turned.
	Since time.Time
	// StartupPassed: the check passed once since the container started.
	StartupPassed bool
	// StartupTimedOut: it has not passed and the time for it is over.
	StartupTimedOut bool
	// CannotRun explains an Unknown verdict: the check cannot be run, as opposed to
	// not having been judged yet.
	CannotRun bool

	begun      time.Time
	failures   int       // Failed since the last Passed or Partly
	shortfalls int       // Failed or Partly since the last Passed
	notRuns    int       // NotRun in a row
	firstOfRow time.Time // when that row began
}

// Begin is the state of a container that has just started: the startup check
// counts until its first success or the time-out.
func Begin(now time.Time) State { return State{Since: now, begun: now} }

// Resume is the state of a service whose startup check passed before we came to
// know it, for instance after the controller restarted: nothing is known now, but
// the thresholds of a running service apply.
func Resume(now time.Time) State { return State{Since: now, begun: now, StartupPassed: true} }

// Next is the state after one more result.
func (s State) Next(r Result, t Thresholds, now time.Time) State {
	before := s
	s.count(r, now)
	if s.StartupPassed {
		s.judgeLiveness(r, t)
	} else {
		s.judgeStartup(r, t, now)
	}
	if s.Verdict != before.Verdict {
		s.Since = now
	}
	if s.turnedFrom(before) || !s.StartupPassed && !s.StartupTimedOut {
		s.Message, s.Layers = r.Message, r.Layers
	}
	return s
}

// turnedFrom says whether what others see of s, message aside, differs.
func (s State) turnedFrom(before State) bool {
	return s.Verdict != before.Verdict || s.StartupPassed != before.StartupPassed ||
		s.StartupTimedOut != before.StartupTimedOut || s.CannotRun != before.CannotRun
}

// count keeps the tallies. A result that could not be run neither counts as a
// failure nor forgives one; anything that ran ends the row of those that did not.
func (s *State) count(r Result, now time.Time) {
	if r.Outcome == NotRun {
		if s.notRuns == 0 {
			s.firstOfRow = now
		}
		s.notRuns++
		return
	}
	s.notRuns = 0
	switch r.Outcome {
	case Failed:
		s.failures++
		s.shortfalls++
	case Partly:
		s.failures = 0
		s.shortfalls++
	default:
		s.failures, s.shortfalls = 0, 0
	}
}

func (s *State) judgeStartup(r Result, t Thresholds, now time.Time) {
	overdue := now.Sub(s.begun) >= t.StartupTimeout
	switch {
	case r.Outcome == Passed:
		s.pass(Healthy)
	case r.Outcome == Partly && overdue:
		s.pass(Degraded)
	case r.Outcome == NotRun:
		if s.notRunForGood(r, t, now) {
			s.Verdict, s.CannotRun, s.StartupTimedOut = Unknown, true, false
		}
	default: // an answer, though not the one we wait for
		s.CannotRun = false
		if overdue {
			s.Verdict, s.StartupTimedOut = Unhealthy, true
		}
	}
}

func (s *State) pass(v Verdict) {
	s.Verdict, s.StartupPassed, s.StartupTimedOut, s.CannotRun = v, true, false, false
}

// notRunForGood: while a container starts, probes follow each other so fast that
// their number alone says nothing; the row must also have lasted as long as it
// would have later.
func (s *State) notRunForGood(r Result, t Thresholds, now time.Time) bool {
	long := now.Sub(s.firstOfRow) >= time.Duration(t.Retries-1)*t.RetryDelay
	return r.Final || s.notRuns >= t.Retries && long
}

func (s *State) judgeLiveness(r Result, t Thresholds) {
	switch {
	case r.Outcome == Passed:
		s.Verdict, s.CannotRun = Healthy, false
	case r.Outcome == NotRun:
		if r.Final || s.notRuns >= t.Retries {
			// Whoever comes out of the dark again is judged afresh.
			s.Verdict, s.CannotRun, s.failures, s.shortfalls = Unknown, true, 0, 0
		}
	case s.failures >= t.Retries:
		s.Verdict, s.CannotRun = Unhealthy, false
	case r.Outcome == Partly && s.Verdict == Unhealthy, s.shortfalls >= t.Retries && s.Verdict != Unhealthy:
		s.Verdict, s.CannotRun = Degraded, false
	}
}
