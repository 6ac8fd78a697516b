package controllers

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/internal/plan"
)

// owing remembers what was known of the starts of containers when a restart came to be owed. Somebody who restarts one by hand brings into
// effect what we would restart it for.
type owing struct {
	mu    sync.Mutex
	since map[types.NamespacedName]debt
}

type debt struct {
	at     time.Time
	starts int
}

func newOwing() *owing { return &owing{since: map[types.NamespacedName]debt{}} }

// forget begins anew: nothing is owed, or something more than before.
func (o *owing) forget(who types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.since, who)
}

// paid is whether the container was started by somebody else since its restart is owed. The list lags: a start that it shows within the
// settling time may have been before.
func (o *owing) paid(who types.NamespacedName, starts int, now time.Time, settling time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	owed, known := o.since[who]
	switch {
	case !known:
		o.since[who] = debt{now, starts}
	case starts == owed.starts:
	case now.Sub(owed.at) < settling:
		o.since[who] = debt{owed.at, starts}
	default:
		delete(o.since, who)
		return true
	}
	return false
}

// judgeOwed forgets a restart that is owed where somebody else has restarted the container meanwhile.
func (r *ServiceReconciler) judgeOwed(_ context.Context, p *pass) *Outcome {
	s := &p.svc.Status
	if len(s.RestartOwed) == 0 || !p.observed.Exists {
		r.owing.forget(p.key)
		return nil
	}
	settling := r.Timing.lostReply()
	if every := p.host.Spec.PollInterval; every != nil {
		settling += every.Duration.Duration
	}
	if !p.observed.Running || !r.owing.paid(p.key, p.guest.Starts, p.now, settling) {
		return nil
	}
	p.log.Info("Somebody restarted the container: what a restart was owed for has taken effect", "vmid", p.guest.VMID, "owed", s.RestartOwed)
	s.RestartOwed = nil
	p.observed.RestartOwed = slices.DeleteFunc(slices.Clone(p.observed.RestartOwed), func(what string) bool { return !strings.HasPrefix(what, plan.PendingPrefix) })
	return nil
}
