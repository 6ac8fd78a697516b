package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// AbandonAnnotation on a service that is being deleted, set to "true", lets its object go without its container being touched: for a
// Proxmox that will never answer again.
const AbandonAnnotation = "nixmox.dev/abandon"

// release lets go of the container of a deleted service, and then of its object. Like advance it is a straight line, and it starts
// at most one step a pass.
func (r *ServiceReconciler) release(ctx context.Context, p *pass) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(p.svc, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	r.stopChecks(p.key)
	if p.svc.Annotations[AbandonAnnotation] == "true" {
		r.Events.Eventf(p.svc, nil, "Warning", v1alpha1.ReasonDeleting, "Abandon", "Let go without touching container %d, as the annotation %s asks", p.svc.Status.VMID, AbandonAnnotation)
		return ctrl.Result{}, r.dropFinalizer(ctx, p)
	}
	for _, do := range []func(context.Context, *pass) *Outcome{
		r.resolveHost, r.resolveOperation, r.waitForDependents, r.findOwn, r.stopContainer, r.letGo, r.restVMID,
	} {
		o := do(ctx, p)
		switch {
		case o == nil:
		case r.nobodyToAsk(p) && p.svc.Spec.DeletionPolicy != v1alpha1.DeletionDelete:
			r.Events.Eventf(p.svc, nil, "Warning", v1alpha1.ReasonDeleting, "Retain", "Let go of container %d as it is: %s", p.svc.Status.VMID, o.Message)
			return ctrl.Result{}, r.dropFinalizer(ctx, p)
		default:
			return r.finish(ctx, p, r.holdingOn(*o, p))
		}
	}
	if err := r.dropFinalizer(ctx, p); err != nil {
		return ctrl.Result{}, err
	}
	for _, f := range p.after {
		f()
	}
	return ctrl.Result{}, nil
}

// nobodyToAsk is when the host or its Secret is gone for good, as far as one can tell: a namespace that is deleted whole takes them first.
func (r *ServiceReconciler) nobodyToAsk(p *pass) bool {
	if p.session != nil {
		return false
	}
	if p.host == nil {
		return true
	}
	ready := meta.FindStatusCondition(p.host.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonCredentials
}

// restVMID lets the VMID of a destroyed container rest: it is used again last of all.
func (r *ServiceReconciler) restVMID(ctx context.Context, p *pass) *Outcome {
	const most = 64
	vmid := p.svc.Status.VMID
	if vmid == 0 {
		return nil
	}
	p.session.disown(proxmox.VMID(vmid), p.key)
	freed := p.host.Status.FreedVMIDs
	if p.guest.Present || len(freed) > 0 && freed[len(freed)-1] == vmid {
		return nil
	}
	before := p.host.DeepCopy()
	freed = append(slices.DeleteFunc(slices.Clone(freed), func(n int32) bool { return n == vmid }), vmid)
	p.host.Status.FreedVMIDs = freed[max(0, len(freed)-most):]
	if err := r.Status().Patch(ctx, p.host, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner)); err != nil {
		return &Outcome{Keep: true, Err: fmt.Errorf("remember the freed VMID %d on host %s: %w", vmid, p.host.Name, err)}
	}
	return nil
}

// holdingOn names the way out when what holds the deletion up may never end.
func (r *ServiceReconciler) holdingOn(o Outcome, p *pass) Outcome {
	if o.Class == Blind || o.Reason == v1alpha1.ReasonHostNotFound {
		o.Message += fmt.Sprintf(". To delete the object and leave the container as it is: kubectl annotate nms %s %s=true", p.svc.Name, AbandonAnnotation)
	}
	return o
}

// stackGrace is how long a deleted service waits to see whether what builds on it is deleted too: the objects of a stack are deleted
// one after the other.
const stackGrace = 3 * time.Second

// waitForDependents takes a stack down in reverse: first what builds on this service, as far as that is being deleted too.
func (r *ServiceReconciler) waitForDependents(ctx context.Context, p *pass) *Outcome {
	services, err := servicesOf(ctx, r, hostOf(p.svc))
	if err != nil {
		return &Outcome{Keep: true, Err: err}
	}
	left := stackGrace - p.now.Sub(p.svc.DeletionTimestamp.Time)
	var waitFor []string
	for i := range services {
		other := &services[i]
		if other.Namespace == p.svc.Namespace && slices.Contains(other.Spec.DependsOn, p.svc.Name) && (other.DeletionTimestamp != nil || left > 0) {
			waitFor = append(waitFor, other.Name)
		}
	}
	if len(waitFor) == 0 {
		return nil
	}
	slices.Sort(waitFor)
	o := waiting(v1alpha1.ReasonDeleting, "Waiting for %s to be deleted first", list(waitFor)).again(max(left, 0))
	o.WaitingFor = waitFor
	return &o
}

// findOwn finds the container, if there is one. A stranger's at our VMID is none of ours.
func (r *ServiceReconciler) findOwn(ctx context.Context, p *pass) *Outcome {
	if p.svc.Status.Template == "" && p.svc.Status.Node == "" {
		p.svc.Status.VMID = 0 // a number that was asked for, and nothing was made
	}
	if p.svc.Status.VMID == 0 {
		if o := r.lookAgain(ctx, p); o != nil {
			return o
		}
		p.session.settle(p.svc.UID)
		return nil
	}
	vmid := proxmox.VMID(p.svc.Status.VMID)
	p.session.own(vmid, p.key)
	p.guest = p.session.inventory.Guest(vmid)
	if !p.guest.Present {
		gone, err := p.session.inventory.Gone(ctx, p.svc.Status.Node, vmid)
		if err != nil || !gone {
			p.session.inventory.PollSoon()
			o := waiting(v1alpha1.ReasonDeleting, "Container %d is not in the resource list, and not proven to be gone; looking again", vmid).again(later)
			return &o
		}
		return r.releaseElsewhere(ctx, p)
	}
	if p.guest.Type != proxmox.TypeLXC {
		return r.notOurs(ctx, p)
	}
	view, err := p.session.inventory.Fresh(ctx, p.guest.Node, vmid)
	if err != nil {
		o := classify(err, fmt.Sprintf("read container %d on %s", vmid, p.guest.Node))
		return &o
	}
	found, _, marked := marker.Parse(view.Future.Description)
	if !p.mayRelease(found, marked) {
		return r.notOurs(ctx, p)
	}
	p.view, p.marker = view, found
	return nil
}

// mayRelease is whether the container is this very object's: the marker names its UID too. One of an earlier object of the same name is
// taken back by a service that lives, and one of an object elsewhere is not to be stopped by us.
func (p *pass) mayRelease(found marker.Marker, marked bool) bool {
	want := p.ours(p.guest.VMID)
	return marked && found.Instance == want.Instance && found.Service == want.Service && found.VMID == want.VMID && found.UID == want.UID &&
		found.State != marker.Contested
}

// releaseElsewhere makes sure that there is no container of ours under another number than the one in status, before the object goes.
func (r *ServiceReconciler) releaseElsewhere(ctx context.Context, p *pass) *Outcome {
	since := p.session.firstLook(p.svc.UID, p.now)
	if err := p.session.inventory.RefreshSince(ctx, since); err != nil {
		o := classify(err, "read the resource list")
		return &o
	}
	if o := r.seekElsewhere(ctx, p); o != nil {
		return o
	}
	p.session.settle(p.svc.UID)
	return nil
}

// notOurs leaves a stranger's guest at our VMID alone: the object may go.
func (r *ServiceReconciler) notOurs(ctx context.Context, p *pass) *Outcome {
	if o := r.releaseElsewhere(ctx, p); o != nil {
		return o
	}
	p.log.Info("The guest at our VMID is not ours and is left alone", "vmid", p.guest.VMID, "node", p.guest.Node)
	r.Events.Eventf(p.svc, nil, "Warning", v1alpha1.ReasonVMIDConflict, "Release", "Guest %d is not marked as this service's and is left alone", p.guest.VMID)
	return nil
}

// stopContainer shuts a running container down, in either policy.
func (r *ServiceReconciler) stopContainer(ctx context.Context, p *pass) *Outcome {
	if p.view == nil || !p.guest.Running {
		return nil
	}
	p.desired.ShutdownTimeout, p.desired.ForceStop = desired.ShutdownTimeout(p.svc), p.svc.Spec.ForceStop
	s := plan.Step{Kind: plan.Shutdown, Disrupts: true, Cause: "deleted"}
	if o := r.booting(ctx, p, s); o != nil {
		return o
	}
	return r.releaseStep(ctx, p, s)
}

// letGo marks the container as retained, or destroys it with its volumes.
func (r *ServiceReconciler) letGo(ctx context.Context, p *pass) *Outcome {
	if p.view == nil {
		return nil
	}
	state := marker.Retained
	if p.svc.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
		if p.view.Future.Protection {
			o := failing(v1alpha1.ReasonDeleting, "Container %d is protected: take its protection off on Proxmox, or set deletionPolicy to Retain", p.guest.VMID).again(time.Minute)
			return &o
		}
		state = marker.Deleting
	}
	if p.marker.State != state || p.view.Future.OnBoot {
		return r.remark(ctx, p, state)
	}
	if state == marker.Retained {
		r.Events.Eventf(p.svc, nil, "Normal", v1alpha1.ReasonDeleting, "Retain", "Container %d on %s is shut down and kept; applying the object again takes it back", p.guest.VMID, p.guest.Node)
		p.session.disown(p.guest.VMID, p.key)
		return nil
	}
	// The configuration was read a moment ago and says "deleting" under our name: nobody else's container is destroyed here.
	return r.releaseStep(ctx, p, plan.Step{Kind: execute.Destroy, Disrupts: true, Cause: "deletionPolicy is Delete"})
}

// remark writes what is to become of the container into its description, under the digest of what was read.
func (r *ServiceReconciler) remark(ctx context.Context, p *pass, state marker.State) *Outcome {
	m := p.marker
	m.State = state
	_, rest, _ := marker.Parse(p.view.Future.Description)
	set := proxmox.Params{"description": m.Render(rest)}
	set.SetBool("onboot", false)
	err := p.session.api.SetConfig(ctx, p.guest.Node, p.guest.VMID, set, nil, p.view.Live.Digest)
	p.session.inventory.Invalidate(p.guest.VMID)
	if err != nil {
		o := classify(err, fmt.Sprintf("mark container %d as %s", p.guest.VMID, state))
		return &o
	}
	o := waiting(v1alpha1.ReasonDeleting, "Marked container %d as %s", p.guest.VMID, state).again(time.Millisecond)
	return &o
}

// releaseStep is one step with a task, recorded ahead like any other.
func (r *ServiceReconciler) releaseStep(ctx context.Context, p *pass, s plan.Step) *Outcome {
	if o := r.backedOff(ctx, p, s); o != nil {
		return o
	}
	p.svc.Status.Node = p.guest.Node
	if o := r.begin(ctx, p, s.Kind); o != nil {
		return o
	}
	if s.Kind == execute.Destroy {
		if o := r.lastLook(ctx, p); o != nil {
			return o
		}
	}
	o := r.call(ctx, p, s)
	return &o
}

// dropFinalizer lets the object go. The write is conditional: a change meanwhile means looking again.
func (r *ServiceReconciler) dropFinalizer(ctx context.Context, p *pass) error {
	before := p.svc.DeepCopy()
	if !controllerutil.RemoveFinalizer(p.svc, v1alpha1.Finalizer) {
		return nil
	}
	err := r.Patch(ctx, p.svc, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("drop the finalizer of service %s: %w", p.key, err)
	}
	p.log.Info("Let go of the service", "vmid", p.svc.Status.VMID, "policy", p.svc.Spec.DeletionPolicy)
	return nil
}
