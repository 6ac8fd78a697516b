package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// At the moment when a phase ends, everybody who waits for it waits for something else, and those who need not wait any more are to begin: the
// API server is not to be busy with what is of no consequence just then.
const (
	// tellingAfter is how long a service without a container waits before its status says for what.
	tellingAfter = 500 * time.Millisecond
	// tellingEvery is the least time between two such writes, of all services.
	tellingEvery = 25 * time.Millisecond
)

// tellings is who is to say when what it waits for.
type tellings struct {
	mu   sync.Mutex
	due  map[types.NamespacedName]time.Time
	last time.Time
}

func newTellings() *tellings { return &tellings{due: map[types.NamespacedName]time.Time{}} }

// left is how long it is until a service that waits may say so; zero is now.
func (t *tellings) left(who types.NamespacedName, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	due, pending := t.due[who]
	if !pending {
		due = now.Add(tellingAfter)
		if next := t.last.Add(tellingEvery); next.After(due) {
			due = next
		}
		t.due[who], t.last = due, due
	}
	if left := due.Sub(now); left > 0 {
		return left
	}
	delete(t.due, who)
	return 0
}

// forget is for a service that does not wait any more.
func (t *tellings) forget(who types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.due, who)
}

// untold is how long the outcome of a pass need not be written yet: it only says for what a service waits that has nothing yet.
func (r *ServiceReconciler) untold(p *pass, o Outcome) time.Duration {
	s := &p.base.Status
	if equality.Semantic.DeepEqual(*s, p.svc.Status) {
		return 0
	}
	waits := o.Reason == v1alpha1.ReasonWaitingForDependency || o.Reason == v1alpha1.ReasonWaitingForPhase || o.Reason == v1alpha1.ReasonWaitingForSlot
	if !waits || s.VMID != 0 || s.Operation != nil || p.svc.Status.Operation != nil {
		r.tellings.forget(p.key)
		return 0
	}
	return r.tellings.left(p.key, p.now)
}
