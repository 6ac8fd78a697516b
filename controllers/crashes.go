package controllers

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// fell is whether the container was seen running, does not run now, and nobody asked for that through us.
func (p *pass) fell() bool {
	before := p.base.Status
	ours := len(p.svc.Status.RestartOwed) > 0 || before.Operation != nil && slices.Contains([]string{string(plan.Shutdown), string(plan.Migrate)}, before.Operation.Kind)
	return !ours && before.Observed != nil && before.Observed.Running && p.observed.Exists && !p.observed.Running
}

// noteCrash counts a stop that nobody asked for, and says when the container is started again.
func (r *ServiceReconciler) noteCrash(p *pass) {
	count := int32(1)
	if c := p.svc.Status.Crashes; c != nil && p.now.Sub(c.RestartAt.Time) < r.Timing.soundRun() {
		count = c.Count + 1
	}
	p.svc.Status.Crashes = &v1alpha1.Crashes{
		Count: count, RestartAt: metav1.NewTime(p.now.Add(r.Timing.restart(count))),
		Generation: p.svc.Generation, StartRequest: p.svc.Annotations[v1alpha1.StartAnnotation],
	}
}

// forgiveCrashes forgets them when the spec changed, when a start was asked for, and when the container has run for a while.
func (r *ServiceReconciler) forgiveCrashes(p *pass) {
	c := p.svc.Status.Crashes
	if c == nil {
		return
	}
	sound := p.observed.Running && p.now.Sub(c.RestartAt.Time) >= r.Timing.soundRun()
	if sound || c.Generation != p.svc.Generation || c.StartRequest != p.svc.Annotations[v1alpha1.StartAnnotation] {
		p.svc.Status.Crashes = nil
	}
}

// crashedLately holds the start of a container back that stopped by itself again and again.
func (r *ServiceReconciler) crashedLately(_ context.Context, p *pass, s plan.Step) *Outcome {
	c := p.svc.Status.Crashes
	if c == nil || s.Kind != plan.Start {
		return nil
	}
	left := c.RestartAt.Sub(p.now)
	if left <= 0 {
		return nil
	}
	o := failing(v1alpha1.ReasonCrashLoop, "Container %d stopped by itself %d times in a row, and is started again at %s; see why on %s with `pct start %d --debug`, "+
		"or start it now with `kubectl annotate --overwrite nms %s %s=\"$(date)\"`",
		p.guest.VMID, c.Count, c.RestartAt.UTC().Format(time.RFC3339), p.guest.Node, p.guest.VMID, p.svc.Name, v1alpha1.StartAnnotation).again(left)
	return &o
}
