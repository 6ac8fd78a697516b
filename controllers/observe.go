package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// RecreateAnnotation asks for a container that is gone to be made anew; its value is the container's VMID.
const RecreateAnnotation = "nixmox.dev/recreate"

// rootGrant is the root disk's key in status.granted.
const rootGrant = "rootfs"

// observe finds the service's container and reads it: by the VMID in status, else by our marker, since status can be lost.
func (r *ServiceReconciler) observe(ctx context.Context, p *pass) *Outcome {
	if p.svc.Status.VMID == 0 {
		if o := r.findContainer(ctx, p, 0); o != nil {
			return o
		}
	}
	if wanted := p.svc.Spec.VMID; wanted != nil && p.svc.Status.Template == "" {
		p.svc.Status.VMID = *wanted // whatever guest has it already is looked at before anything is made
	}
	vmid := proxmox.VMID(p.svc.Status.VMID)
	if vmid == 0 {
		p.session.firstLook(p.svc.UID, p.now)
		return r.absent(p)
	}
	p.session.own(vmid, p.key)
	p.guest = p.session.inventory.Guest(vmid)
	switch {
	case !p.guest.Present && p.svc.Status.Template == "" && p.svc.Spec.Adopt:
		o := stalled(v1alpha1.ReasonVMIDConflict, "There is no container %d to adopt: correct vmid, or take adopt out of the spec to have one made", vmid).again(later)
		return &o
	case !p.guest.Present && p.svc.Status.Template == "":
		// It was never created: the attempt is over, and the same VMID can be tried again.
		return r.absent(p)
	case !p.guest.Present:
		return r.missing(ctx, p)
	case p.guest.Type != proxmox.TypeLXC:
		return r.foreign(ctx, p, "a virtual machine")
	case p.guest.Lock == "create" && p.svc.Status.Template == "":
		p.session.inventory.PollSoon()
		if o := r.backedOff(ctx, p, plan.Step{Kind: plan.Create}); o != nil {
			return o // our creation failed a moment ago, and the list may still show its beginning
		}
		o := failing(v1alpha1.ReasonLockLeftBehind, "Container %d on %s holds the lock of a creation whose task is not known; if none runs, "+
			"clear it on the node with `pct unlock %d && pct destroy %d`", vmid, p.guest.Node, vmid, vmid).again(later)
		return &o
	}
	if r.trusted(p) {
		p.trust()
		return nil
	}
	return r.read(ctx, p)
}

// read takes in the configuration, once it is known to be of our own container.
func (r *ServiceReconciler) read(ctx context.Context, p *pass) *Outcome {
	view, err := p.session.inventory.View(ctx, p.guest.Node, p.guest.VMID)
	if err != nil {
		if proxmox.IsNotExist(err) {
			// It moved or went since the list was read; the list will tell.
			p.session.inventory.PollSoon()
		}
		o := classify(err, fmt.Sprintf("read container %d on %s", p.guest.VMID, p.guest.Node))
		return &o
	}
	p.view = view
	if o := r.checkOwner(ctx, p); o != nil {
		return o
	}
	p.session.inventory.Watch(p.guest.VMID)
	memory := memoryOf(p.svc)
	if p.adopting {
		memory.Volumes = adopt.VolumesByPath(p.desired.Volumes, p.view.Future)
	} else {
		p.takeBound(memory.Volumes)
	}
	p.observed = inventory.Observe(view, p.guest.Running, memory)
	desired.AsFound(p.host, p.svc, &p.desired, p.observed)
	if o := r.seekLost(ctx, p); o != nil {
		return o
	}
	p.markVolumes()
	p.observed.MarkerCurrent = p.markerCurrent()
	p.svc.Status.Node = p.guest.Node
	p.svc.Status.Observed = observedStatus(p.observed)
	if !p.observed.Running {
		p.svc.Status.Health = ""
	}
	if p.adopting {
		p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonPending, "Container %d on %s is not adopted yet", p.guest.VMID, p.guest.Node)
		return nil
	}
	if p.svc.Status.Template == "" {
		// Found by its marker: what it was created from is not known any more, so it is what is asked for now.
		p.svc.Status.Template, p.svc.Status.Inherited = cmp.Or(p.desired.Template, templateUnknown), true
	}
	p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "Container %d is on %s", p.guest.VMID, p.guest.Node)
	return nil
}

// absent is a service without a container.
func (r *ServiceReconciler) absent(p *pass) *Outcome {
	p.observed = plan.Observed{}
	p.svc.Status.Observed = nil
	p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonPending, "There is no container yet")
	return nil
}

// missing is a container that we had and that the list does not show. That alone proves nothing: the list lags, an edit of the access
// list hides rows, and a status that was restored from a backup names a number of the past.
func (r *ServiceReconciler) missing(ctx context.Context, p *pass) *Outcome {
	vmid, node := proxmox.VMID(p.svc.Status.VMID), p.svc.Status.Node
	gone, err := p.session.inventory.Gone(ctx, node, vmid)
	if err != nil {
		o := classify(err, fmt.Sprintf("see whether container %d on %s still exists", vmid, node))
		return &o
	}
	if !gone {
		p.session.inventory.PollSoon()
		o := waiting(v1alpha1.ReasonResolving, "Container %d is not in the resource list, and not proven to be gone; looking again", vmid).again(later)
		return &o
	}
	if o := r.seekElsewhere(ctx, p); o != nil {
		return o
	}
	asked := p.svc.Annotations[RecreateAnnotation] == fmt.Sprint(vmid)
	if held := p.svc.Status.FirstReadyTime != nil || p.svc.Status.Inherited; held && !asked && p.svc.Spec.Recreate != v1alpha1.RecreateAlways {
		r.Scheduler.Remove(p.key.String())
		p.svc.Status.Health = ""
		p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonContainerGone, "Container %d does not exist any more", vmid)
		o := failing(v1alpha1.ReasonContainerGone, "Container %d was destroyed by somebody, and its data with it: restore it from a backup under the same VMID, "+
			"or make an empty one with `kubectl annotate nms %s %s=%d`", vmid, p.svc.Name, RecreateAnnotation, vmid).again(time.Minute)
		return &o
	}
	if asked {
		if o := r.useUp(ctx, p, RecreateAnnotation); o != nil {
			return o
		}
	}
	p.log.Info("The container is gone and is made anew", "vmid", vmid, "node", node)
	p.forget()
	return r.absent(p)
}

// foreign is a VMID that holds somebody else's guest.
func (r *ServiceReconciler) foreign(ctx context.Context, p *pass, whose string) *Outcome {
	vmid := p.svc.Status.VMID
	ours := p.svc.Status.Template != "" // there was one of ours
	if !ours && p.svc.Spec.VMID == nil {
		p.svc.Status.VMID, p.svc.Status.Node = 0, ""
		o := waiting(v1alpha1.ReasonRetrying, "VMID %d was taken by %s; allocating another", vmid, whose).again(time.Millisecond)
		return &o
	}
	if o := r.seekElsewhere(ctx, p); o != nil {
		return o
	}
	advice := "; choose another vmid or take it out of the spec, or remove that guest"
	if ours && p.svc.Spec.VMID == nil {
		if p.svc.Annotations[RecreateAnnotation] == fmt.Sprint(vmid) {
			return r.startAnew(ctx, p)
		}
		advice = fmt.Sprintf(". If the service's own container is gone for good, a new and empty one is made under another number with "+
			"`kubectl annotate nms %s %s=%d`", p.svc.Name, RecreateAnnotation, vmid)
	} else if ours {
		advice = ""
	}
	p.svc.Status.Observed = nil
	p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonVMIDConflict, "VMID %d belongs to %s", vmid, whose)
	o := stalled(v1alpha1.ReasonVMIDConflict, "VMID %d belongs to %s, and nothing is done to it%s", vmid, whose, advice).again(time.Minute)
	return &o
}

// startAnew forgets a container whose number is somebody else's now.
func (r *ServiceReconciler) startAnew(ctx context.Context, p *pass) *Outcome {
	vmid := p.svc.Status.VMID
	if o := r.useUp(ctx, p, RecreateAnnotation); o != nil {
		return o
	}
	p.session.disown(proxmox.VMID(vmid), p.key)
	p.forget()
	p.svc.Status.VMID, p.svc.Status.Node, p.svc.Status.Observed = 0, "", nil
	o := waiting(v1alpha1.ReasonRetrying, "Making a new container in the place of %d, as asked", vmid).again(time.Millisecond)
	return &o
}

// forget drops what is remembered of a container that is no more.
func (p *pass) forget() {
	s := &p.svc.Status
	s.Template, s.Granted, s.RestartOwed, s.FirstReadyTime, s.Inherited, s.Ownership = "", nil, nil, nil, false, nil
}

func memoryOf(svc *v1alpha1.NixMoxService) inventory.Memory {
	m := inventory.Memory{
		Template: svc.Status.Template, RestartOwed: svc.Status.RestartOwed, GrantedBytes: map[string]int64{}, Volumes: rememberedVolumes(svc),
	}
	for name, text := range svc.Status.Granted {
		if q, err := resource.ParseQuantity(text); err == nil {
			m.GrantedBytes[name] = q.Value()
		}
	}
	if m.Template == templateUnknown {
		m.Template = ""
	}
	m.GrantedRootBytes = m.GrantedBytes[rootGrant]
	return m
}

func observedStatus(o plan.Observed) *v1alpha1.ObservedContainer {
	s := &v1alpha1.ObservedContainer{
		Running: o.Running, Hostname: o.Hostname, Bridge: o.Net.Bridge, VLANTag: int32(o.Net.VLANTag), MACAddress: o.Net.MAC,
		MemoryMiB: o.MemoryMiB, SwapMiB: o.SwapMiB, CPU: o.CPU.String(), RootVolume: o.RootVolume, RootSize: quantity(o.RootBytes), Tags: o.Tags,
		Unmanaged: o.Unmanaged,
	}
	if o.Net.IP.IsValid() {
		s.IP = o.Net.IP.String()
	}
	if o.Net.Gateway.IsValid() {
		s.Gateway = o.Net.Gateway.String()
	}
	s.Volumes = volumesStatus(o.Volumes)
	return s
}

func quantity(bytes int64) string { return resource.NewQuantity(bytes, resource.BinarySI).String() }

// markerCurrent is whether the description says what it should about this container.
func (p *pass) markerCurrent() bool {
	found, _, _ := marker.Parse(p.view.Future.Description)
	want := p.marker
	return found.Instance == want.Instance && found.Host == want.Host && found.Service == want.Service && found.UID == want.UID &&
		found.VMID == want.VMID && found.State == want.State && marker.SameVolumes(found, want)
}
