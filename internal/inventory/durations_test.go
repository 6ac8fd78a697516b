package inventory

import (
	"testing"
	"time"
)

var creation = kind{"pve1", "vzcreate"}

// follow is how many questions a task of a duration costs, and how late its end is seen.
func (d durations) follow(k kind, took time.Duration) (questions int, late time.Duration) {
	var ran time.Duration
	at := d.first(k)
	for asked := 0; ; {
		questions++
		if at >= took {
			d.learn(k, ran, at, took.Truncate(time.Second))
			return questions, at - took
		}
		ran = at
		pause := d.again(k, at, asked, false)
		if !d.known(k) || at >= d.due(k) {
			asked++
		}
		at += pause
	}
}

func TestOnceKnownATaskCostsLittleMoreThanOneQuestion(t *testing.T) {
	for _, took := range []time.Duration{300 * time.Millisecond, time.Second, 2 * time.Second, 20 * time.Second, 5 * time.Minute} {
		d := durations{}
		for range 10 {
			d.follow(creation, took)
		}
		questions, late := 0, time.Duration(0)
		for range 100 {
			n, l := d.follow(creation, took)
			questions, late = questions+n, late+l
		}
		if between := int(took / longestAlone); questions > 150+100*between {
			t.Errorf("a hundred tasks of %v cost %d questions", took, questions)
		}
		if mean := late / 100; mean > took/25+40*time.Millisecond {
			t.Errorf("the end of tasks of %v is seen %v late", took, mean)
		}
	}
}

func TestAFirstTaskIsAskedForSeldomEnough(t *testing.T) {
	for took, most := range map[time.Duration]int{time.Second: 4, 2 * time.Second: 7, 20 * time.Second: 30, time.Hour: 3650} {
		d := durations{}
		questions, late := d.follow(creation, took)
		if questions > most || late > took/4+time.Second/4 {
			t.Errorf("the first task of %v cost %d questions, and its end was seen %v late", took, questions, late)
		}
	}
}

func TestOneSlowTaskDoesNotMakeTheOthersLate(t *testing.T) {
	d := durations{}
	for range 10 {
		d.follow(creation, 2*time.Second)
	}
	d.follow(creation, time.Minute)
	if _, late := d.follow(creation, 2*time.Second); late > 250*time.Millisecond {
		t.Errorf("after a slow one the end of a quick one is seen %v late", late)
	}
	// And a machine that has become slower is learnt.
	questions := 0
	for range 30 {
		questions, _ = d.follow(creation, 4*time.Second)
	}
	if questions > 2 {
		t.Errorf("thirty slower tasks later one still costs %d questions", questions)
	}
}

// One that hangs, such as a shutdown of a guest that does not answer, makes the next late by a few seconds at most, and the one after that hardly.
func TestAnExceptionIsForgotten(t *testing.T) {
	d := durations{}
	d.follow(creation, time.Minute)
	for n, most := range []time.Duration{longestAlone, 2 * time.Second, 2 * time.Second} {
		if _, late := d.follow(creation, 2*time.Second); late > most {
			t.Errorf("number %d after it is seen %v late", n, late)
		}
	}
	questions := 0
	for range 20 {
		questions, _ = d.follow(creation, 2*time.Second)
	}
	if questions > 3 {
		t.Errorf("twenty later one costs %d questions", questions)
	}
}
