package health

import (
	"slices"
	"testing"
	"time"
)

func TestGapsBetweenProbes(t *testing.T) {
	spec := Spec{Interval: 30 * time.Second, RetryDelay: 10 * time.Second, Retries: 3}.withDefaults()
	starting, running := Begin(epoch), play(Resume(epoch), "+", 0)
	tests := []struct {
		says   string
		state  State
		result Result
		first  bool
		after  time.Duration // since the container's start
		random float64
		want   time.Duration
	}{
		{"short at the start", starting, failed(""), true, 0, 0.5, 100 * time.Millisecond},
		{"a twentieth of the time so far", starting, failed(""), false, 10 * time.Second, 0.5, 500 * time.Millisecond},
		{"never more than a second", starting, failed(""), false, time.Minute, 0.5, time.Second},
		{"as seldom as ever after the time-out", play(Begin(epoch), "-----", time.Minute), failed(""), false, 5 * time.Minute, 0.5, 30 * time.Second},
		{"seldom when trying is useless", play(Begin(epoch), "!", 0), cannotRun(""), false, 0, 0.5, 30 * time.Second},
		{"the interval when well", running, passed(""), false, time.Hour, 0.5, 30 * time.Second},
		{"a little less", running, passed(""), false, time.Hour, 0, 27 * time.Second},
		{"a little more", running, passed(""), false, time.Hour, 1, 33 * time.Second},
		{"anywhere in it after the first result", running, passed(""), true, time.Hour, 0.25, 7500 * time.Millisecond},
		{"sooner after a failure", running, failed(""), false, time.Hour, 0.5, 10 * time.Second},
		{"sooner when it could not be run", running, notRun(""), false, time.Hour, 0.5, 10 * time.Second},
		{"the interval once unhealthy", play(running, "---", 0), failed(""), false, time.Hour, 0.5, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			if got := gap(spec, tt.state, tt.result, tt.first, epoch.Add(tt.after), tt.random); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// What a roll-out pays for our looking only now and then: with services that are
// ready after 1 to 6 seconds, at most 150 ms in the median.
func TestTheStartIsSeenSoon(t *testing.T) {
	spec := Spec{}.withDefaults()
	const probe = 5 * time.Millisecond
	var delays []time.Duration
	for ready := time.Second; ready <= 6*time.Second; ready += 7 * time.Millisecond {
		at := time.Duration(0)
		for at < ready {
			at += probe
			at += gap(spec, Begin(epoch), failed(""), false, epoch.Add(at), 0.5)
		}
		delays = append(delays, at+probe-ready)
	}
	slices.Sort(delays)
	median, worst := delays[len(delays)/2], delays[len(delays)-1]
	t.Logf("median %s, worst %s", median, worst)
	if median > 150*time.Millisecond || worst > 350*time.Millisecond {
		t.Errorf("median %s, worst %s", median, worst)
	}
}
