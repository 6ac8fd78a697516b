package controllers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// booting holds a shutdown back while the guest may still boot: it would not notice, and the shutdown would run into its time-out. Its
// first passed check shows that it is through, else a while must have passed.
func (r *ServiceReconciler) booting(_ context.Context, p *pass, s plan.Step) *Outcome {
	if s.Kind != plan.Shutdown && !(s.Kind == plan.Migrate && s.Disrupts) || r.answered(p) {
		return nil
	}
	left := r.Timing.bootGrace() - p.session.inventory.Uptime(p.guest.VMID)
	if left <= 0 {
		return nil
	}
	o := waiting(v1alpha1.ReasonStarting, "Container %d was started a moment ago, and a guest that boots may not notice a shutdown: waiting for its first passed check, "+
		"%s at most, before: %s", p.guest.VMID, r.Timing.bootGrace(), s).again(left)
	return &o
}

// answered is whether the guest passed a check since its last start. That it runs is no such check.
func (r *ServiceReconciler) answered(p *pass) bool {
	checks, err := checkup.Of(p.svc, r.executor(p) != nil)
	if err != nil || checks.Liveness.Kind == health.KindRunning {
		return false
	}
	if readyCondition(p.base).Status == metav1.ConditionTrue {
		return true // a start of ours would have ended that
	}
	state, known := r.Scheduler.Verdict(p.key.String())
	return known && state.StartupPassed
}
