package controllers

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// TakeOverAnnotation takes over a container that the marker says is somebody else's; its value is the container's VMID.
const TakeOverAnnotation = "nixmox.dev/take-over"

// contestedMost is how often a marker that was ours may be written over by another object. Once happens: an object of the same name was
// applied anew, or the API was restored from a backup. Twice is a controller elsewhere, with the same manifests and the same instance.
const contestedMost = 2

// checkContest is for a container of this service: it is ours, unless a controller elsewhere says the same of it. Two that write their
// marker over each other's would pull the container to and fro for ever; so the one who notices marks it as contested, and both stop.
func (r *ServiceReconciler) checkContest(ctx context.Context, p *pass, want, found marker.Marker) *Outcome {
	if p.svc.Status.Ownership == nil {
		p.svc.Status.Ownership = &v1alpha1.Ownership{}
	}
	seen := p.svc.Status.Ownership
	asked := p.asks(TakeOverAnnotation)
	switch {
	case found.UID == want.UID && found.State == marker.Live:
		if seen.UID = want.UID; asked {
			seen.Contested = 0
			if o := r.useUp(ctx, p, TakeOverAnnotation); o != nil {
				return o
			}
		}
	case asked:
	case found.State == marker.Contested:
		return r.contested(p)
	case found.UID != want.UID && seen.UID == want.UID:
		seen.UID = found.UID
		if seen.Contested++; seen.Contested >= contestedMost {
			return r.contest(ctx, p, found)
		}
		p.log.Info("Somebody else wrote over the marker of our container", "vmid", p.guest.VMID, "uid", found.UID)
	case found.UID != want.UID && seen.Contested >= contestedMost:
		return r.contested(p)
	}
	p.own(want, found)
	return nil
}

// asks is whether an annotation names this very container.
func (p *pass) asks(annotation string) bool {
	return p.svc.Annotations[annotation] == fmt.Sprint(p.guest.VMID)
}

// contest marks the container so that the other controller stops too, under the digest of what was read.
func (r *ServiceReconciler) contest(ctx context.Context, p *pass, found marker.Marker) *Outcome {
	_, rest, _ := marker.Parse(p.view.Future.Description)
	found.State = marker.Contested
	err := p.session.api.SetConfig(ctx, p.guest.Node, p.guest.VMID, proxmox.Params{"description": found.Render(rest)}, nil, p.view.Live.Digest)
	p.session.inventory.Invalidate(p.guest.VMID)
	if err != nil {
		p.svc.Status.Ownership.UID, p.svc.Status.Ownership.Contested = string(p.svc.UID), contestedMost-1 // not said yet: said again
		o := classify(err, fmt.Sprintf("mark container %d as contested", p.guest.VMID))
		return &o
	}
	return r.contested(p)
}

func (r *ServiceReconciler) contested(p *pass) *Outcome {
	vmid := p.guest.VMID
	p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonOwnedElsewhere, "Container %d is contested", vmid)
	o := stalled(v1alpha1.ReasonOwnedElsewhere, "Container %d is claimed by another controller too, with the instance %q and a service of this name: both leave it as it is. "+
		"Delete the service in one place, or give one host another spec.instance; then, in the other: kubectl annotate nms %s %s=%d",
		vmid, p.host.Spec.Instance, p.svc.Name, TakeOverAnnotation, vmid).again(time.Minute)
	return &o
}

// elsewhere is a container that is marked as another service's, or another instance's. It is taken over when somebody asks for that and no
// service here has it.
func (r *ServiceReconciler) elsewhere(ctx context.Context, p *pass, want, found marker.Marker) *Outcome {
	vmid, whose := p.guest.VMID, fmt.Sprintf("service %s of instance %s", found.Service, found.Instance)
	if found.State == marker.Deleting {
		return r.foreign(ctx, p, whose+", whose container is being destroyed")
	}
	if op := p.base.Status.Operation; op != nil && op.Kind == string(plan.Create) {
		// The creation that this pass saw the end of was the other's: our call was lost, and a controller that still believed to lead had
		// given both the same VMID. Nothing was made for this service yet.
		p.svc.Status.Template = ""
	}
	if p.svc.Status.Template == "" && p.svc.Spec.VMID == nil {
		return r.foreign(ctx, p, whose)
	}
	taken := r.claimed(ctx, p, vmid)
	if p.asks(TakeOverAnnotation) && !taken {
		p.log.Info("Taking over a container", "vmid", vmid, "from", whose)
		p.svc.Status.Inherited = true
		p.own(want, found)
		return nil
	}
	if o := r.seekElsewhere(ctx, p); o != nil {
		return o
	}
	p.svc.Status.Observed = nil
	p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonOwnedElsewhere, "Container %d belongs to %s", vmid, whose)
	way := fmt.Sprintf("to take it over: kubectl annotate nms %s %s=%d", p.svc.Name, TakeOverAnnotation, vmid)
	if taken {
		way = "another service here has it: delete that one before this one takes it over"
	}
	o := stalled(v1alpha1.ReasonOwnedElsewhere, "Container %d belongs to %s, and nothing is done to it; %s", vmid, whose, way).again(time.Minute)
	return &o
}
