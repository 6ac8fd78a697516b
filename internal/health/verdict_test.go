package health

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	epoch      = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	thresholds = Thresholds{Retries: 3, RetryDelay: 10 * time.Second, StartupTimeout: 5 * time.Minute}
)

// play feeds one result per letter, step apart: + passed, ~ partly, - failed,
// ? not run, ! not run for good.
func play(s State, letters string, step time.Duration) State {
	now := s.begun
	for _, l := range letters {
		now = now.Add(step)
		s = s.Next(letter(l), thresholds, now)
	}
	return s
}

func letter(l rune) Result {
	switch l {
	case '+':
		return passed("fine")
	case '~':
		return Result{Outcome: Partly, Message: "half"}
	case '-':
		return failed("refused")
	case '!':
		return cannotRun("no exec")
	default:
		return notRun("no node")
	}
}

func TestStartup(t *testing.T) {
	tests := []struct {
		says, results string
		step          time.Duration
		verdict       Verdict
		passed        bool
		timedOut      bool
		cannotRun     bool
		message       string
	}{
		{says: "nothing is known before the first result"},
		{says: "failures before the time-out are no verdict", results: "--------", step: time.Second, message: "refused"},
		{says: "one success ends the startup", results: "----+", step: time.Second, verdict: Healthy, passed: true, message: "fine"},
		{says: "a failure after the time-out makes unhealthy", results: "-----", step: time.Minute, verdict: Unhealthy, timedOut: true, message: "refused"},
		{says: "a late success is welcome", results: "------+", step: time.Minute, verdict: Healthy, passed: true, message: "fine"},
		{says: "half a success waits for the rest", results: "~~", step: time.Minute, message: "half"},
		{says: "half a success at the time-out is degraded", results: "~~~~~", step: time.Minute, verdict: Degraded, passed: true, message: "half"},
		{says: "a few quick probes that could not run say nothing", results: "????", step: time.Second, message: "no node"},
		{says: "a long row of them does", results: "????", step: 10 * time.Second, cannotRun: true, message: "no node"},
		{says: "what the configuration rules out is said at once", results: "!", step: time.Second, cannotRun: true, message: "no exec"},
		{says: "not being able to run is never a time-out", results: "??????????", step: time.Minute, cannotRun: true, message: "no node"},
		{says: "an answer proves that it can be run", results: "!-", step: time.Second, message: "refused"},
		{says: "failures after the startup passed count afresh", results: "----+--", step: time.Second, verdict: Healthy, passed: true, message: "fine"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			s := play(Begin(epoch), tt.results, tt.step)
			if s.Verdict != tt.verdict || s.StartupPassed != tt.passed || s.StartupTimedOut != tt.timedOut || s.CannotRun != tt.cannotRun || s.Message != tt.message {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestLiveness(t *testing.T) {
	tests := []struct {
		says, results string
		verdict       Verdict
		message       string
	}{
		{"nothing is known after a restart of ours", "", Unknown, ""},
		{"nor after too few failures", "--", Unknown, ""},
		{"three failures make unhealthy", "+---", Unhealthy, "refused"},
		{"a success between them forgives", "+--+--", Healthy, "fine"},
		{"what could not run is no failure", "+--?", Healthy, "fine"},
		{"and forgives none", "+-?-?-", Unhealthy, "refused"},
		{"three that could not run make unknown", "+???", Unknown, "no node"},
		{"an answer between them does not let that happen", "+??-??", Healthy, "fine"},
		{"one is enough when it is for good", "+!", Unknown, "no exec"},
		{"out of the dark, failures count afresh", "+--???--", Unknown, "no node"},
		{"out of the dark, the third failure counts", "+???---", Unhealthy, "refused"},
		{"one success heals", "+---+", Healthy, "fine"},
		{"three halves degrade", "+~~~", Degraded, "half"},
		{"halves and failures mixed degrade", "+-~-", Degraded, "refused"},
		{"degraded turns unhealthy", "+~~~---", Unhealthy, "refused"},
		{"unhealthy turns degraded at once", "+---~", Degraded, "half"},
		{"one success heals degraded", "~~~+", Healthy, "fine"},
		{"flapping below the threshold changes nothing", "+--+-+--+~~+-~+", Healthy, "fine"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			s := play(Resume(epoch), tt.results, 10*time.Second)
			if s.Verdict != tt.verdict || s.Message != tt.message {
				t.Errorf("verdict %v, message %q, want %v, %q", s.Verdict, s.Message, tt.verdict, tt.message)
			}
			if want := tt.verdict == Unknown && tt.message != ""; s.CannotRun != want {
				t.Errorf("CannotRun = %v, want %v", s.CannotRun, want)
			}
		})
	}
}

func TestSinceIsWhenTheVerdictTurned(t *testing.T) {
	s := play(Resume(epoch), "+++---", time.Second)
	if want := epoch.Add(6 * time.Second); !s.Since.Equal(want) {
		t.Errorf("unhealthy since %v, want %v", s.Since, want)
	}
	if again := play(s, "----", time.Second); !again.Since.Equal(s.Since) {
		t.Errorf("Since moved to %v without a turn", again.Since)
	}
}

// The promises of the thresholds, against every sequence of results.
func TestVerdictProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th := Thresholds{
			Retries:        rapid.IntRange(1, 5).Draw(t, "retries"),
			RetryDelay:     time.Duration(rapid.IntRange(0, 20).Draw(t, "retryDelay")) * time.Second,
			StartupTimeout: time.Duration(rapid.IntRange(0, 60).Draw(t, "startupTimeout")) * time.Second,
		}
		s, now := Begin(epoch), epoch
		if rapid.Bool().Draw(t, "resumed") {
			s = Resume(epoch)
		}
		var sinceSuccess, notRuns int // failures since a success; not-runs in a row
		for _, l := range rapid.SliceOf(rapid.SampledFrom([]rune("++--~??!"))).Draw(t, "results") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			before, r := s, letter(l)
			s = s.Next(r, th, now)
			switch l {
			case '+':
				sinceSuccess, notRuns = 0, 0
			case '-':
				sinceSuccess, notRuns = sinceSuccess+1, 0
			case '~':
				notRuns = 0
			default:
				notRuns++
			}
			checkTurn(t, before, s, r, th, now, sinceSuccess, notRuns)
		}
	})
}

func checkTurn(t *rapid.T, before, s State, r Result, th Thresholds, now time.Time, failures, notRuns int) {
	turned := s.Verdict != before.Verdict
	switch {
	case r.Outcome == Passed && (s.Verdict != Healthy || !s.StartupPassed || s.CannotRun):
		t.Fatalf("a success left %+v", s)
	case turned && s.Verdict == Healthy && r.Outcome != Passed:
		t.Fatalf("healthy without a success")
	case turned && s.Verdict == Unhealthy && r.Outcome != Failed:
		t.Fatalf("unhealthy by a result that %v", r.Outcome)
	case turned && s.Verdict == Unhealthy && s.StartupPassed && failures < th.Retries:
		t.Fatalf("unhealthy after %d failures of %d", failures, th.Retries)
	case turned && s.Verdict == Unknown && !r.Final && notRuns < th.Retries:
		t.Fatalf("unknown after %d of %d that could not run", notRuns, th.Retries)
	case before.StartupPassed && !s.StartupPassed:
		t.Fatalf("the startup was taken back")
	case s.StartupTimedOut && (s.StartupPassed || s.Verdict != Unhealthy || now.Sub(epoch) < th.StartupTimeout):
		t.Fatalf("timed out wrongly: %+v", s)
	case s.CannotRun && s.Verdict != Unknown:
		t.Fatalf("cannot run and yet %v", s.Verdict)
	case turned && !s.Since.Equal(now):
		t.Fatalf("Since was not moved")
	case before.StartupPassed && !s.turnedFrom(before) && s.Message != before.Message:
		t.Fatalf("the message changed without a turn")
	}
}
