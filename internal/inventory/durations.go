package inventory

import "time"

const (
	// A task is asked for at least this often once it should have ended,
	slowestTaskPoll = time.Second
	// and at most this often, also before we know how long its kind takes.
	fastestTaskPoll = 60 * time.Millisecond
	firstTaskPoll   = 350 * time.Millisecond
	// longestAlone is how long a task is left alone at most: it may be much quicker than the last of its kind, and somebody waits.
	longestAlone = 10 * time.Second
	// clockSteps is what may be wrong with a duration that is the difference of two times in whole seconds.
	clockSteps = time.Second
	// longestPatience bounds how long a task that has ended waits for others to share a question with.
	longestPatience = 400 * time.Millisecond
)

// kind of a task: its node and its type, such as vzcreate.
type kind struct{ node, task string }

// elsewhere stands for all nodes: what any of them taught last.
func (k kind) elsewhere() kind { return kind{task: k.task} }

// durations are how long tasks take, by kind: the next one will take about as long. Each kind is held so near to the truth that most tasks
// cost one question, a few hundredths of their duration after their end.
type durations map[kind]time.Duration

// known is whether a task of the kind ended already. Until one has, all of the kind are asked for at the same times: they began together.
func (d durations) known(k kind) bool {
	_, known := d[k]
	return known
}

// first is how long to leave a new task alone.
func (d durations) first(k kind) time.Duration {
	if d.known(k) {
		return min(d.due(k), longestAlone)
	}
	return firstTaskPoll
}

// due is the age at which a task of a known kind should have ended.
func (d durations) due(k kind) time.Duration { return late(d[k]) }

// late is when a task that takes so long is asked for: a question that comes too early costs a call.
func late(typical time.Duration) time.Duration { return typical + typical/100 + 10*time.Millisecond }

// again is the pause after a question that found the task running, asked times before when it should have ended. Where nothing is
// known of the kind it grows with the task's age: slowly, or fast when others are about to teach how long it takes, or have.
func (d durations) again(k kind, age time.Duration, asked int, others bool) time.Duration {
	typical, known := d[k]
	if known && d.due(k) > age {
		return min(max(d.due(k)-age, fastestTaskPoll), longestAlone)
	}
	if known {
		return min(max(typical/40, fastestTaskPoll)<<min(asked, 5), max(typical/4, fastestTaskPoll), slowestTaskPoll)
	}
	guess, guessed := d[k.elsewhere()]
	switch {
	case guessed && late(guess) > age:
		return min(max(firstTaskPoll, age/3), longestAlone, late(guess)-age)
	case others:
		return min(max(firstTaskPoll, age/3), longestAlone)
	}
	return min(max(firstTaskPoll, age/5), slowestTaskPoll)
}

// patience is how long a task may wait for others that end nearly when it does.
func (d durations) patience(k kind) time.Duration {
	return min(d[k]/16, longestPatience)
}

// learn takes in a task that was last seen running at one age and found ended at another. One that had ended at the first question says
// only that it took no longer; what we expect then creeps down, until a question comes too early and says so. took is how long Proxmox says that it
// took, in whole seconds; zero where it does not.
func (d durations) learn(k kind, ran, ended, took time.Duration) {
	defer func() { d[k.elsewhere()] = d[k] }()
	typical, known := d[k]
	between := ran + (ended-ran)*2/3 // a question that comes too early costs a call, one that comes late creeps down
	switch {
	case known && took > 0 && took+2*clockSteps < min(typical, ended):
		d[k] = max(took+clockSteps, ran) // the last was an exception
	case !known || ended < typical:
		d[k] = between
		if known && ran == 0 {
			d[k] = ended
		}
	case ran <= typical:
		d[k] = typical - typical/200
	default:
		// Slower than expected, perhaps this one alone: one outlier must not make all others late.
		d[k] = min(between, typical+typical/16)
	}
}
