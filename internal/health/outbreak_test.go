package health

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestManyThatFallIllTogetherAreAnOutbreak(t *testing.T) {
	begin := time.Unix(1e9, 0)
	node := []string{"node pve1"}
	for sentence, test := range map[string]struct {
		all   int
		ill   []time.Duration
		group bool
	}{
		"two of three":                     {3, []time.Duration{0, 1}, false},
		"three of three":                   {3, []time.Duration{0, 1, 2}, true},
		"three of fifteen are a fifth":     {15, []time.Duration{0, 1, 2}, false},
		"three of fourteen are more":       {14, []time.Duration{0, 1, 2}, true},
		"three in three windows":           {3, []time.Duration{0, 61, 122}, false},
		"the last three of four":           {4, []time.Duration{0, 90, 91, 92}, true},
		"twenty-one of a hundred in a row": {100, slices.Repeat([]time.Duration{5}, 21), true},
		"twenty of a hundred":              {100, slices.Repeat([]time.Duration{5}, 20), false},
	} {
		o := NewOutbreaks(time.Minute)
		for i := range test.all {
			o.Note(fmt.Sprint(i), node, time.Time{})
		}
		var n Notice
		for i, at := range test.ill {
			n = o.Note(fmt.Sprint(i), node, begin.Add(at*time.Second))
		}
		if (n.Group != "") != test.group || n.Began != test.group {
			t.Errorf("%s: %+v", sentence, n)
		}
		if test.group && len(n.Others) != len(test.ill)-1 {
			t.Errorf("%s: woken are %v", sentence, n.Others)
		}
	}
}

func TestAnOutbreakEndsWhenEnoughAreWell(t *testing.T) {
	o, at, node := NewOutbreaks(time.Minute), time.Unix(1e9, 0), []string{"node pve1", "bridge vmbr0"}
	for i := range 4 {
		o.Note(fmt.Sprint(i), node, at)
	}
	if n := o.Note("4", node, at); n.Group == "" || n.Began {
		t.Errorf("a fifth one joins: %+v", n)
	}
	for _, well := range []string{"0", "1"} {
		if n := o.Note(well, node, time.Time{}); n.Group != "" || n.Turned {
			t.Errorf("%s is well: %+v", well, n)
		}
	}
	n := o.Note("2", node, time.Time{})
	slices.Sort(n.Others)
	if !n.Turned || n.Began || fmt.Sprint(slices.Compact(n.Others)) != "[3 4]" {
		t.Errorf("the end: %+v", n)
	}
	o.Forget("3")
	if n := o.Note("4", node, at); n.Group != "" {
		t.Errorf("alone: %+v", n)
	}
}
