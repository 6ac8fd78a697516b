package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// step is how far a service came: one of the conditions Valid, DependenciesReady, Provisioned and Healthy.
type step struct {
	status          metav1.ConditionStatus
	reason, message string
}

// mark notes a step for report; conditions are written nowhere else.
func (p *pass) mark(condition string, status metav1.ConditionStatus, reason, format string, args ...any) {
	p.steps[condition] = step{status, reason, fmt.Sprintf(format, args...)}
}

// finish reports the outcome of a pass with at most one write, and tells those who wait.
func (r *ServiceReconciler) finish(ctx context.Context, p *pass, o Outcome) (ctrl.Result, error) {
	if !o.Keep {
		report(p, o)
		if r.untold(p, o) {
			p.svc.Status = *p.base.Status.DeepCopy()
		}
	}
	err := r.patchStatus(ctx, p)
	switch {
	case apierrors.IsConflict(err):
		// Somebody edited the object meanwhile: nothing was written, so what was decided is decided again on the new one.
		return ctrl.Result{RequeueAfter: conflictPause}, nil
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("write the status of service %s/%s: %w", p.svc.Namespace, p.svc.Name, err)
	}
	for _, f := range p.after {
		f()
	}
	if p.session != nil && p.svc.Status.Operation == nil {
		p.session.cluster.Load().slots.release(p.key)
		if o.Reason != v1alpha1.ReasonWaitingForSlot {
			p.session.cluster.Load().slots.leave(p.key)
		}
	}
	if o.Err != nil {
		return ctrl.Result{}, o.Err
	}
	return ctrl.Result{RequeueAfter: r.Timing.pause(o.Again)}, nil
}

// patchStatus writes what changed since the pass began or wrote last. Nothing changed: nothing is written.
func (r *ServiceReconciler) patchStatus(ctx context.Context, p *pass) error {
	if equality.Semantic.DeepEqual(p.base.Status, p.svc.Status) {
		return nil
	}
	before := p.base
	r.freshness.writes(p.key)
	err := r.Status().Patch(ctx, p.svc, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner))
	if err != nil {
		r.freshness.failed(p.key)
		return err
	}
	p.base = p.svc.DeepCopy()
	r.freshness.wrote(p.key, p.svc.ResourceVersion)
	r.announce(p, before)
	return nil
}

// report turns an outcome into the status. It is the only writer of conditions.
func report(p *pass, o Outcome) {
	s := &p.svc.Status
	s.ObservedGeneration = p.svc.Generation
	if p.planned && len(p.plan.Steps) == 0 {
		s.ObservedHostGeneration = p.host.Generation
	}
	s.WaitingFor = o.WaitingFor
	s.State = stateWord(o)
	s.LastHandledReconcileAt = p.svc.Annotations[v1alpha1.RequestedAtAnnotation]
	for _, name := range []string{v1alpha1.ConditionValid, v1alpha1.ConditionDependenciesReady, v1alpha1.ConditionProvisioned, v1alpha1.ConditionHealthy} {
		if st, marked := p.steps[name]; marked {
			meta.SetStatusCondition(&s.Conditions, metav1.Condition{
				Type: name, Status: st.status, Reason: st.reason, Message: st.message, ObservedGeneration: p.svc.Generation,
			})
		}
	}
	message := o.Message
	if p.svc.Spec.Suspend {
		message = "Suspended, nothing is changed. " + message
	}
	summarize(&s.Conditions, p.svc.Generation, o, message)
	if o.Class == Settled && o.Reason != v1alpha1.ReasonDisabled && s.FirstReadyTime == nil {
		first := readyCondition(p.svc).LastTransitionTime
		s.FirstReadyTime = &first
	}
}

// summarize sets Ready, and Reconciling or Stalled, which exist only while they are true and never together.
func summarize(conditions *[]metav1.Condition, generation int64, o Outcome, message string) {
	set := func(name string, status metav1.ConditionStatus) {
		if c := meta.FindStatusCondition(*conditions, name); c != nil && c.LastTransitionTime.Unix() == 0 {
			meta.RemoveStatusCondition(conditions, name) // the default of an object that nobody looked at; 1970 is when nothing happened
		}
		meta.SetStatusCondition(conditions, metav1.Condition{Type: name, Status: status, Reason: o.Reason, Message: message, ObservedGeneration: generation})
	}
	ready := metav1.ConditionFalse
	switch o.Class {
	case Settled:
		ready = metav1.ConditionTrue
	case Blind:
		ready = metav1.ConditionUnknown
	}
	set(v1alpha1.ConditionReady, ready)
	present := map[Class]string{Reconciling: v1alpha1.ConditionReconciling, Blind: v1alpha1.ConditionReconciling, Stalled: v1alpha1.ConditionStalled}[o.Class]
	for _, name := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if name == present {
			set(name, metav1.ConditionTrue)
		} else {
			meta.RemoveStatusCondition(conditions, name)
		}
	}
}

func readyCondition(svc *v1alpha1.NixMoxService) metav1.Condition {
	if c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonPending}
}

// stateWord is the outcome in one word for people.
func stateWord(o Outcome) string {
	switch o.Reason {
	case v1alpha1.ReasonHealthy, v1alpha1.ReasonRunningUnchecked:
		return "Running"
	case v1alpha1.ReasonWaitingForHealth:
		return "Checking"
	case v1alpha1.ReasonHostUnreachable, v1alpha1.ReasonHostUnauthorized:
		return "Unreachable"
	case v1alpha1.ReasonResolving:
		return "Resolving"
	case v1alpha1.ReasonCreating, v1alpha1.ReasonStarting, v1alpha1.ReasonUpdating, v1alpha1.ReasonStopping, v1alpha1.ReasonDeleting, v1alpha1.ReasonMigrating,
		v1alpha1.ReasonRetrying, v1alpha1.ReasonDisabled, v1alpha1.ReasonUnhealthy, v1alpha1.ReasonDegraded, v1alpha1.ReasonEnvironment, v1alpha1.ReasonStopped, v1alpha1.ReasonCrashLoop:
		return o.Reason
	case v1alpha1.ReasonContainerGone:
		return "Gone"
	}
	return map[Class]string{Reconciling: "Waiting", Blind: "Unknown", Stalled: "Stalled", Failing: "Failed", Settled: "Ready"}[o.Class]
}

// announce logs and records an event when the reason changed, once a transition.
func (r *ServiceReconciler) announce(p *pass, before *v1alpha1.NixMoxService) {
	was, is := readyCondition(before), readyCondition(p.svc)
	stalled := meta.IsStatusConditionTrue(p.svc.Status.Conditions, v1alpha1.ConditionStalled)
	if was.Reason == is.Reason && was.Status == is.Status && stalled == meta.IsStatusConditionTrue(before.Status.Conditions, v1alpha1.ConditionStalled) {
		return
	}
	level := 0
	if p.svc.Status.Operation != nil {
		level = 1 // the step itself is logged once it has a task
	}
	p.log.V(level).Info(is.Reason, "message", is.Message, "ready", is.Status, "vmid", p.svc.Status.VMID, "node", p.svc.Status.Node)
	kind := "Normal"
	if stalled ||
		is.Status == metav1.ConditionFalse && !meta.IsStatusConditionTrue(p.svc.Status.Conditions, v1alpha1.ConditionReconciling) {
		kind = "Warning"
	}
	r.Events.Eventf(p.svc, nil, kind, is.Reason, "Reconcile", "%s", is.Message)
}
