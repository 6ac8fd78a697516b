package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// ours is the marker that the service's container is to carry.
func (p *pass) ours(vmid proxmox.VMID) marker.Marker {
	return marker.Marker{
		Instance: p.host.Spec.Instance, Host: p.host.Namespace + "/" + p.host.Name, Service: p.key.String(), UID: string(p.svc.UID),
		VMID: int(vmid), State: marker.Live, Volumes: map[string]string{}, VolumeIDs: map[string]string{},
	}
}

// checkOwner makes sure that the container at our VMID is the service's own before anything else is decided about it.
func (r *ServiceReconciler) checkOwner(p *pass) *Outcome {
	want := p.ours(p.guest.VMID)
	found, _, marked := marker.Parse(p.view.Future.Description)
	switch {
	case marked && sameContainer(found, want):
		// A new UID: the object was deleted and made again. The marker is brought up to date by the plan.
		want.Nonce, want.Volumes, want.VolumeIDs = found.Nonce, maps.Clone(found.Volumes), maps.Clone(found.VolumeIDs)
		p.marker = want
		return nil
	case marked && found.VMID != want.VMID:
		return r.foreign(p, fmt.Sprintf("a copy of container %d", found.VMID))
	case marked:
		return r.foreign(p, fmt.Sprintf("service %s of instance %s", found.Service, found.Instance))
	case r.recognised(p):
		// Somebody edited our lines away. Everything else that we know of it matches, so the marker is written again.
		p.marker = want
		return nil
	}
	return r.foreign(p, "a guest that is not ours")
}

// sameContainer is whether a marker is of the same service, and not a copy that came with a clone or a restore.
func sameContainer(found, want marker.Marker) bool {
	return found.Instance == want.Instance && found.Service == want.Service && found.VMID == want.VMID && found.State != marker.Deleting
}

// recognised is the one way without a marker: VMID, tag, MAC and root volume all are what we saw last.
func (r *ServiceReconciler) recognised(p *pass) bool {
	seen := p.svc.Status.Observed
	if seen == nil || seen.MACAddress == "" || seen.RootVolume == "" {
		return false
	}
	c := p.view.Future
	return proxmox.HasTag(c.Tags, marker.Tag) && strings.EqualFold(c.Nets[0].HWAddr, seen.MACAddress) && c.RootFS.Volume == seen.RootVolume
}

// findContainer looks for a container that is this service's already, before a VMID is allocated: status can be lost or old, and Git
// does not hold it. Every tagged container that no service claims is read once a session; after that the answer is known.
func (r *ServiceReconciler) findContainer(ctx context.Context, p *pass) *Outcome {
	for _, g := range p.session.inventory.Tagged(marker.Tag) {
		if p.svc.Spec.VMID != nil && g.VMID != proxmox.VMID(*p.svc.Spec.VMID) || r.claimed(ctx, p, g.VMID) || g.Lock == "create" {
			continue
		}
		view, err := p.session.inventory.View(ctx, g.Node, g.VMID)
		if proxmox.IsNotExist(err) {
			p.session.inventory.PollSoon()
			o := waiting(v1alpha1.ReasonRetrying, "Container %d is not on %s any more; looking again whether it is the service's", g.VMID, g.Node).again(soon)
			return &o
		}
		if err != nil {
			o := classify(err, fmt.Sprintf("look for a container of the service in %d on %s", g.VMID, g.Node))
			return &o
		}
		if found, _, ok := marker.Parse(view.Future.Description); ok && sameContainer(found, p.ours(g.VMID)) {
			p.log.Info("Found the service's container by its marker", "vmid", g.VMID, "node", g.Node, "state", found.State)
			p.svc.Status.VMID, p.svc.Status.Node = int32(g.VMID), g.Node
			return nil
		}
	}
	return nil
}

// allocate picks node and VMID of a container to be made.
func (r *ServiceReconciler) allocate(ctx context.Context, p *pass) *Outcome {
	if p.svc.Status.Node == "" || p.svc.Status.Template == "" {
		node, reason, o := p.session.place(p.host, p.svc, p.desired, p.now)
		if o != nil {
			return o
		}
		p.svc.Status.Node, p.svc.Status.Placement = node, reason
	}
	if p.svc.Spec.VMID != nil {
		p.svc.Status.VMID = *p.svc.Spec.VMID
	}
	if p.svc.Status.VMID != 0 {
		return nil
	}
	if o := r.lookAgain(ctx, p); o != nil {
		return o
	}
	claimed := func(vmid proxmox.VMID) bool { return r.claimed(ctx, p, vmid) }
	within := p.host.Spec.VMIDRange
	vmid, err := p.session.inventory.Allocate(string(p.svc.UID), proxmox.VMID(within.From), proxmox.VMID(within.To), claimed, vmids(p.host.Status.FreedVMIDs))
	if err != nil {
		o := classify(err, "allocate a VMID")
		return &o
	}
	p.svc.Status.VMID = int32(vmid)
	p.session.settle(p.svc.UID)
	return nil
}

// stubPatience is how long a creation by nobody knows whom holds up ours.
const stubPatience = time.Minute

// lookAgain makes sure that there is no container of the service in a list that is young enough to show it: one read after we first
// saw the object, for the container of an earlier object of the same name was complete by then. A creation that nobody claims may be
// ours too, when the object has lost its status: it is waited for until it can be read.
func (r *ServiceReconciler) lookAgain(ctx context.Context, p *pass) *Outcome {
	since := p.session.firstLook(p.svc.UID, p.now)
	if err := p.session.inventory.RefreshSince(ctx, since); err != nil {
		o := classify(err, "read the resource list")
		return &o
	}
	if o := r.findContainer(ctx, p); o != nil {
		return o
	}
	if p.svc.Status.VMID != 0 {
		o := waiting(v1alpha1.ReasonRetrying, "Found container %d of the service", p.svc.Status.VMID).again(time.Millisecond)
		return &o
	}
	for _, vmid := range p.session.inventory.Stubs() {
		within := int32(vmid) >= p.host.Spec.VMIDRange.From && int32(vmid) <= p.host.Spec.VMIDRange.To
		if within && p.now.Sub(since) < stubPatience && !r.claimed(ctx, p, vmid) {
			o := waiting(v1alpha1.ReasonResolving, "Container %d is being created, by nobody that is known; waiting to see whose it is", vmid).again(soon)
			return &o
		}
	}
	return nil
}

// claimed is whether another service's object names the VMID.
func (r *ServiceReconciler) claimed(ctx context.Context, p *pass, vmid proxmox.VMID) bool {
	var with v1alpha1.NixMoxServiceList
	if err := r.List(ctx, &with, client.MatchingFields{indexVMID: fmt.Sprint(vmid)}); err != nil {
		return true // not knowing is no reason to take it
	}
	return slices.ContainsFunc(with.Items, func(s v1alpha1.NixMoxService) bool {
		return client.ObjectKeyFromObject(&s) != p.key
	})
}

func vmids(numbers []int32) []proxmox.VMID {
	all := make([]proxmox.VMID, len(numbers))
	for i, n := range numbers {
		all[i] = proxmox.VMID(n)
	}
	return all
}
