package inventory

import "time"

const (
	// A task is asked for at least this often once it should have ended,
	slowestTaskPoll = time.Second
	// and at most this often, also before we know how long its kind takes.
	fastestTaskPoll = 60 * time.Millisecond
	firstTaskPoll   = 350 * time.Millisecond
	// longestPatience bounds how long a task that has ended waits for others to share a question with.
	longestPatience = 400 * time.Millisecond
)

// durations are how long tasks take, by kind (node and type): the next one will take about as long. Each kind is held so near to the truth
// that most tasks cost one question, a few hundredths of their duration after their end.
type durations map[string]time.Duration

// known is whether a task of the kind ended already. Until one has, all of the kind are asked for at the same times: they began together.
func (d durations) known(kind string) bool {
	_, known := d[kind]
	return known
}

// first is how long to leave a new task alone.
func (d durations) first(kind string) time.Duration {
	if typical, known := d[kind]; known {
		return typical + typical/100 + 10*time.Millisecond
	}
	return firstTaskPoll
}

// again is the pause after a question that found the task running although it should have ended, asked times before. Where nothing is
// known it grows with the task's age.
func (d durations) again(kind string, age time.Duration, asked int) time.Duration {
	typical, known := d[kind]
	if !known {
		return min(max(firstTaskPoll, age/5), slowestTaskPoll)
	}
	return min(max(typical/40, fastestTaskPoll)<<min(asked, 5), max(typical/4, fastestTaskPoll), slowestTaskPoll)
}

// patience is how long a task may wait for others that end nearly when it does.
func (d durations) patience(kind string) time.Duration {
	return min(d[kind]/16, longestPatience)
}

// learn takes in a task that was last seen running at one age and found ended at another. One that had ended at the first question says
// only that it took no longer; what we expect then creeps down, until a question comes too early and says so.
func (d durations) learn(kind string, ran, ended time.Duration) {
	typical, known := d[kind]
	between := ran + (ended-ran)*2/3 // a question that comes too early costs a call, one that comes late creeps down
	switch {
	case !known || ended < typical:
		d[kind] = between
		if known && ran == 0 {
			d[kind] = ended
		}
	case ran <= typical:
		d[kind] = typical - typical/200
	default:
		// Slower than expected, perhaps this one alone: one outlier must not make all others late.
		d[kind] = min(between, typical+typical/16)
	}
}
