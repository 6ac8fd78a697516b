package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// At the moment when a phase ends, everybody who waits for it waits for something else, and those who need not wait any more begin: the API server
// is not to be busy with what is of no consequence just then.
const (
	// mostTelling is how long the next to tell is held back by the steps of others.
	mostTelling = 5 * time.Second
	// tellingEvery is the least time between two that tell.
	tellingEvery = 25 * time.Millisecond
)

// tellings are the services that are to say what they wait for, and have not yet. One after the other is woken to do so.
type tellings struct {
	wake func(types.NamespacedName)
	// after is how long a service waits at least before its status says for what, and how long no step must have begun then (Timing.Telling).
	after time.Duration

	mu    sync.Mutex
	queue []untoldWait
	since map[types.NamespacedName]time.Time // of those that wait; what is in the queue with another time is not in it any more
	woken map[types.NamespacedName]bool      // it is their turn
	timer *time.Timer                        // nil while nobody is in the queue
	step  time.Time                          // when somebody's step began last
}

type untoldWait struct {
	who   types.NamespacedName
	since time.Time
}

func newTellings(wake func(types.NamespacedName), after time.Duration) *tellings {
	return &tellings{wake: wake, after: after, since: map[types.NamespacedName]time.Time{}, woken: map[types.NamespacedName]bool{}}
}

// begins is a step of some service.
func (t *tellings) begins() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step = time.Now()
}

// mayTell is whether it is a service's turn. If not, it will be woken when it is.
func (t *tellings) mayTell(who types.NamespacedName) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.woken[who] {
		delete(t.woken, who)
		return true
	}
	if _, queued := t.since[who]; !queued {
		now := time.Now()
		t.since[who] = now
		t.queue = append(t.queue, untoldWait{who, now})
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(t.after, t.next)
	}
	return false
}

// next wakes who is next, or looks again when that may be so.
func (t *tellings) next() {
	t.mu.Lock()
	for len(t.queue) > 0 && !t.since[t.queue[0].who].Equal(t.queue[0].since) {
		t.queue = t.queue[1:]
	}
	if len(t.queue) == 0 {
		t.timer = nil
		t.mu.Unlock()
		return
	}
	who, since := t.queue[0].who, t.queue[0].since
	due := since.Add(t.after)
	if calm := t.step.Add(t.after); calm.After(due) {
		due = calm
	}
	if most := since.Add(mostTelling); most.Before(due) {
		due = most
	}
	if left := time.Until(due); left > 0 {
		t.timer.Reset(left)
		t.mu.Unlock()
		return
	}
	delete(t.since, who)
	t.woken[who] = true
	t.timer.Reset(tellingEvery)
	t.mu.Unlock()
	t.wake(who)
}

// forget is for a service that does not wait any more.
func (t *tellings) forget(who types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.since, who)
	delete(t.woken, who)
}

// untold is whether the outcome of a pass is not written yet: it only says for what a service waits that has nothing, and what stands there says that it
// waits, too.
func (r *ServiceReconciler) untold(p *pass, o Outcome) bool {
	before, after := &p.base.Status, &p.svc.Status
	waits := o.Reason == v1alpha1.ReasonWaitingForDependency || o.Reason == v1alpha1.ReasonWaitingForPhase || o.Reason == v1alpha1.ReasonWaitingForSlot
	has := before.VMID != 0 || after.VMID != 0 || before.Operation != nil || after.Operation != nil
	if !waits || has || !saysItWaits(before) || equality.Semantic.DeepEqual(before, after) {
		r.tellings.forget(p.key)
		return false
	}
	return !r.tellings.mayTell(p.key)
}

// saysItWaits is whether a status says that things take their course. One that asks somebody to mend something, or that calls the service ready, does not
// stay a moment longer than it is true.
func saysItWaits(s *v1alpha1.NixMoxServiceStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	return ready == nil || ready.Reason == v1alpha1.ReasonPending ||
		ready.Status == metav1.ConditionFalse && meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReconciling)
}
