package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestAStartPaysWhatIsOwedOnceTheListHasSettled(t *testing.T) {
	began := time.Now()
	who := types.NamespacedName{Name: "a"}
	type look struct {
		after  time.Duration
		starts int
		paid   bool
	}
	for name, looks := range map[string][]look{
		"no start":                          {{0, 3, false}, {time.Hour, 3, false}},
		"a start before the first look":     {{0, 3, false}, {time.Minute, 3, false}},
		"a start a while later":             {{0, 3, false}, {time.Minute, 4, true}},
		"one that may have been before":     {{0, 3, false}, {30 * time.Second, 4, false}, {time.Hour, 4, false}},
		"that one, and another later":       {{0, 3, false}, {30 * time.Second, 4, false}, {time.Minute, 5, true}},
		"paid, and owed anew, begins again": {{0, 3, false}, {time.Minute, 4, true}, {time.Minute, 4, false}, {2 * time.Minute, 5, true}},
	} {
		o := newOwing()
		for _, l := range looks {
			if paid := o.paid(who, l.starts, began.Add(l.after), 45*time.Second); paid != l.paid {
				t.Errorf("%s: after %v with %d starts it is paid: %v", name, l.after, l.starts, paid)
			}
		}
	}
	o := newOwing()
	o.paid(who, 1, began, 0)
	o.forget(who)
	if o.paid(who, 2, began.Add(time.Hour), 0) {
		t.Error("a start before something more came to be owed counts")
	}
}
