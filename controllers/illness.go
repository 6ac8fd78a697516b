package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// This file decides what follows from illness: a restart, or, when many fall ill together, none.

// stopChecks ends the checks of a service whose container does not run.
func (r *ServiceReconciler) stopChecks(key types.NamespacedName) {
	r.Scheduler.Remove(key.String())
	r.outbreaks.Forget(key.String())
}

// together is the outcome of a service that fell ill with many others of its node or bridge: then it is the way to them, or us, and
// nothing is known of each.
func (r *ServiceReconciler) together(p *pass, state health.Observation) *Outcome {
	var since time.Time
	if state.Verdict == health.Unhealthy && state.StartupPassed {
		since = state.Since
	}
	host := hostOf(p.svc).String()
	groups := []string{host + " node " + p.guest.Node, host + " bridge " + p.observed.Net.Bridge}
	notice := r.outbreaks.Note(p.key.String(), groups, since)
	if notice.Turned {
		for _, other := range notice.Others {
			r.wakeService(parseKey(other))
		}
	}
	if notice.Group == "" {
		return nil
	}
	what := notice.Group[len(host)+1:]
	p.svc.Status.Health, p.svc.Status.Checks = health.Unknown.String(), nil
	// No numbers: they change while it lasts.
	message := fmt.Sprintf("Not known: many services of %s fell ill together, so it may be the way to them; nothing is restarted. Its own check says: %s", what, state.Message)
	if notice.Began {
		p.log.Info("Many services fell ill together", "group", what, "ill", notice.Ill, "all", notice.All)
		r.Events.Eventf(p.host, nil, "Warning", v1alpha1.ReasonIllTogether, "Check", "%d of %d services of %s fell ill together: "+
			"nothing is restarted until fewer than a fifth, or than three, are ill; is the network between the controller and them in order?", notice.Ill, notice.All, what)
	}
	p.mark(v1alpha1.ConditionHealthy, metav1.ConditionUnknown, v1alpha1.ReasonIllTogether, "%s", message)
	if p.host.Spec.Rollout.UnknownHealth == v1alpha1.UnknownProceed {
		o := settled(v1alpha1.ReasonRunningUnchecked, "%s", message)
		return &o
	}
	return &Outcome{Class: Blind, Reason: v1alpha1.ReasonIllTogether, Message: message}
}

// judgeRestart owes an unhealthy service a restart, as its restartPolicy says, and takes that back when it is well again before the
// restart began.
func (r *ServiceReconciler) judgeRestart(_ context.Context, p *pass) *Outcome {
	owed := slices.Contains(p.svc.Status.RestartOwed, plan.OwedByIllness)
	switch due, _ := r.restartDue(p); {
	case due && !owed:
		p.svc.Status.RestartOwed = append(slices.Clone(p.svc.Status.RestartOwed), plan.OwedByIllness)
		p.observed.RestartOwed = append(slices.Clone(p.observed.RestartOwed), plan.OwedByIllness)
		count := int32(1)
		if s := p.svc.Status.Restarts; s != nil && p.now.Sub(s.NotBefore.Time) < r.Timing.soundRun() {
			count = s.Count + 1
		}
		p.svc.Status.Restarts = &v1alpha1.RestartsStatus{Count: count, NotBefore: metav1.NewTime(p.now.Add(r.Timing.retry(count + 2)))}
	case owed && p.observed.Running && !r.ill(p):
		p.svc.Status.RestartOwed = withoutOwed(p.svc.Status.RestartOwed, plan.OwedByIllness)
		p.observed.RestartOwed = withoutOwed(p.observed.RestartOwed, plan.OwedByIllness)
	}
	return nil
}

// withoutOwed takes one cause of a restart out of a list. It is a copy: two lists may share their memory.
func withoutOwed(owed []string, cause string) []string {
	left := slices.DeleteFunc(slices.Clone(owed), func(what string) bool { return what == cause })
	if len(left) == 0 {
		return nil
	}
	return left
}

// restartDue is whether a running service has been ill for so long that it is restarted, or how long that is away; neither when it is
// not to be.
func (r *ServiceReconciler) restartDue(p *pass) (due bool, wait time.Duration) {
	if !p.observed.Exists || !p.observed.Running || !p.desired.Run || p.svc.Spec.Suspend || p.svc.Spec.RestartPolicy == v1alpha1.RestartNever || p.elsewhere() {
		return false, 0
	}
	state, known := r.Scheduler.Verdict(p.key.String())
	// A service that was never ready is not mended by starting it again: somebody has to look.
	if !known || state.Verdict != health.Unhealthy || !state.StartupPassed && p.svc.Status.FirstReadyTime == nil {
		return false, 0
	}
	if r.outbreaks.Suspects(p.key.String()) {
		return false, 0
	}
	// So long may others of an outbreak take to show.
	at := state.Since.Add(r.Timing.outbreak())
	if s := p.svc.Status.Restarts; s != nil && s.NotBefore.After(at) {
		at = s.NotBefore.Time
	}
	left := at.Sub(p.now)
	return left <= 0, max(left, 0)
}
