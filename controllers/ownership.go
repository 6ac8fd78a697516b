package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/inventory"
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
func (r *ServiceReconciler) checkOwner(ctx context.Context, p *pass) *Outcome {
	want := p.ours(p.guest.VMID)
	found, _, marked := marker.Parse(p.view.Future.Description)
	switch claim := marker.Judge(found, marked, want); {
	case claim == marker.Ours, claim == marker.Disputed:
		return r.checkContest(ctx, p, want, found)
	case claim == marker.Unmarked && r.recognised(p):
		// Somebody edited our lines away. Everything else that we know of it matches, so the marker is written again.
		p.marker = want
		return nil
	case p.svc.Spec.Adopt && p.svc.Status.Template == "" && (claim == marker.Unmarked || claim == marker.Copy):
		return r.adopt(ctx, p, want)
	case claim == marker.Copy:
		return r.foreign(ctx, p, fmt.Sprintf("a copy of container %d", found.VMID))
	case claim == marker.Elsewhere:
		return r.elsewhere(ctx, p, want, found)
	}
	return r.foreign(ctx, p, "a guest that is not ours")
}

// own takes what a marker says about the container itself into ours, which the plan then writes.
func (p *pass) own(want, found marker.Marker) {
	want.Nonce, want.Volumes, want.VolumeIDs = found.Nonce, maps.Clone(found.Volumes), maps.Clone(found.VolumeIDs)
	p.marker = want
}

// recognised is the one way without a marker: VMID, tag, MAC and root volume all are what we saw last.
func (r *ServiceReconciler) recognised(p *pass) bool {
	seen := p.svc.Status.Observed
	if p.svc.Status.Template == "" || seen == nil || seen.MACAddress == "" || seen.RootVolume == "" {
		return false
	}
	c := p.view.Future
	return proxmox.HasTag(c.Tags, marker.Tag) && strings.EqualFold(c.Nets[0].HWAddr, seen.MACAddress) && c.RootFS.Volume == seen.RootVolume
}

func isOurs(claim marker.Claim) bool { return claim == marker.Ours || claim == marker.Disputed }

// findContainer looks for a container that is this service's already, before a VMID is allocated: status can be lost or old, and Git
// does not hold it. Every tagged container that is not known to be another's is read once a session; after that the answer is known.
func (r *ServiceReconciler) findContainer(ctx context.Context, p *pass, except proxmox.VMID) *Outcome {
	for _, g := range p.session.inventory.Tagged(p.key.String()) {
		if g.VMID == except || p.svc.Spec.VMID != nil && g.VMID != proxmox.VMID(*p.svc.Spec.VMID) || g.Lock == "create" || r.has(ctx, p, g.VMID) {
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
		if found, _, ok := marker.Parse(view.Future.Description); isOurs(marker.Judge(found, ok, p.ours(g.VMID))) {
			p.log.Info("Found the service's container by its marker", "vmid", g.VMID, "node", g.Node, "state", found.State)
			p.svc.Status.VMID, p.svc.Status.Node, p.svc.Status.Inherited = int32(g.VMID), g.Node, true
			return nil
		}
	}
	return nil
}

// allocate picks the VMID of a container to be made.
func (r *ServiceReconciler) allocate(ctx context.Context, p *pass) *Outcome {
	if p.svc.Spec.VMID != nil {
		p.svc.Status.VMID = *p.svc.Spec.VMID
	}
	if o := r.lookAgain(ctx, p); o != nil {
		return o
	}
	if p.svc.Status.VMID != 0 {
		p.session.settle(p.svc.UID)
		return nil
	}
	vmid, o := r.freeVMID(ctx, p)
	if o != nil {
		return o
	}
	p.svc.Status.VMID = int32(vmid)
	p.session.settle(p.svc.UID)
	return nil
}

// A list of volumes may be so old when a VMID is chosen by it; when none is left, so old only.
const (
	volumesAge     = 5 * time.Minute
	volumesAgeLast = 5 * time.Second
)

// freeVMID is a number that no guest has, no service, and no volume that outlived its guest.
func (r *ServiceReconciler) freeVMID(ctx context.Context, p *pass) (proxmox.VMID, *Outcome) {
	within := p.host.Spec.VMIDRange
	var exhausted *inventory.ExhaustedError
	for _, age := range []time.Duration{volumesAge, volumesAgeLast} {
		occupied, err := p.session.inventory.HasVolumes(ctx, p.svc.Status.Node, p.storages(), age)
		if err != nil {
			o := classify(err, "see which VMIDs have volumes")
			return 0, &o
		}
		taken := func(vmid proxmox.VMID) bool { return occupied(vmid) || r.claimed(ctx, p, vmid) }
		vmid, err := p.session.inventory.Allocate(p.owner(), proxmox.VMID(within.From), proxmox.VMID(within.To), taken, r.freed(ctx, p))
		if err == nil {
			return vmid, nil
		}
		if !errors.As(err, &exhausted) {
			o := classify(err, "allocate a VMID")
			return 0, &o
		}
	}
	o := classify(exhausted, "allocate a VMID")
	return 0, &o
}

// storages are those that the container is to be on.
func (p *pass) storages() []string {
	all := []string{p.desired.Storage}
	for _, v := range p.desired.Volumes {
		if v.HostPath == "" {
			all = append(all, v.Storage)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// seekElsewhere looks for the service's container under another number than the one in status, which holds none of ours: a status that
// was restored from a backup is one of the past, and a lost one names none. Nothing is reported when there is none.
func (r *ServiceReconciler) seekElsewhere(ctx context.Context, p *pass) *Outcome {
	if p.svc.Spec.VMID != nil && p.svc.Status.VMID != 0 {
		return nil // it insists on its number
	}
	was, node := p.svc.Status.VMID, p.svc.Status.Node
	p.svc.Status.VMID = 0
	if o := r.findContainer(ctx, p, proxmox.VMID(was)); o != nil {
		p.svc.Status.VMID = was
		return o
	}
	if p.svc.Status.VMID == 0 {
		p.svc.Status.VMID, p.svc.Status.Node = was, node
		return nil
	}
	if was != 0 {
		p.session.disown(proxmox.VMID(was), p.key)
	}
	o := waiting(v1alpha1.ReasonRetrying, "Found container %d of the service", p.svc.Status.VMID).again(time.Millisecond)
	return &o
}

// stubPatience is how long a creation by nobody knows whom holds up ours.
const stubPatience = time.Minute

// lookAgain makes sure that there is no container of the service in a list that is young enough to show it: one read after we first
// saw the object, for the container of an earlier object of the same name was complete by then. That the status names a number proves
// nothing: it may be of yesterday. A creation that nobody claims may be
// ours too, when the object has lost its status: it is waited for until it can be read.
func (r *ServiceReconciler) lookAgain(ctx context.Context, p *pass) *Outcome {
	since := p.session.firstLook(p.svc.UID, p.now)
	if err := p.session.inventory.RefreshSince(ctx, since); err != nil {
		o := classify(err, "read the resource list")
		return &o
	}
	if o := r.seekElsewhere(ctx, p); o != nil || p.svc.Status.VMID != 0 {
		return o
	}
	for _, vmid := range p.session.inventory.Stubs() {
		within := int32(vmid) >= p.host.Spec.VMIDRange.From && int32(vmid) <= p.host.Spec.VMIDRange.To
		if within && p.now.Sub(since) < stubPatience && !p.gaveToAnother(vmid) && !r.claimed(ctx, p, vmid) {
			o := waiting(v1alpha1.ReasonResolving, "Container %d is being created, by nobody that is known; waiting to see whose it is", vmid).again(soon)
			return &o
		}
	}
	return nil
}

// owner is the object as VMIDs are given to it.
func (p *pass) owner() string { return p.key.String() + " " + string(p.svc.UID) }

// gaveToAnother is whether this controller gave out the VMID to another service, whose status may be on its way to us yet.
func (p *pass) gaveToAnother(vmid proxmox.VMID) bool {
	owner := p.session.inventory.GivenTo(vmid)
	return owner != "" && !strings.HasPrefix(owner, p.key.String()+" ")
}

// claimed is whether the object of another service on this Proxmox names the VMID. One of a host that is not connected may be.
func (r *ServiceReconciler) claimed(ctx context.Context, p *pass, vmid proxmox.VMID) bool {
	return r.claimedBy(ctx, p, vmid, func(s *v1alpha1.NixMoxService) bool { return r.Sessions.kin(p.session, hostOf(s)) != otherProxmox })
}

// has is whether the container is known to be another service's own: it was found to carry that one's marker. A number alone proves
// nothing: anybody can write it into a spec.
func (r *ServiceReconciler) has(ctx context.Context, p *pass, vmid proxmox.VMID) bool {
	return r.claimedBy(ctx, p, vmid, func(s *v1alpha1.NixMoxService) bool {
		return s.Status.VMID == int32(vmid) && s.Status.Template != "" && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionProvisioned) &&
			r.Sessions.kin(p.session, hostOf(s)) == sameProxmox
	})
}

func (r *ServiceReconciler) claimedBy(ctx context.Context, p *pass, vmid proxmox.VMID, counts func(*v1alpha1.NixMoxService) bool) bool {
	var with v1alpha1.NixMoxServiceList
	if err := r.List(ctx, &with, client.MatchingFields{indexVMID: fmt.Sprint(vmid)}, client.UnsafeDisableDeepCopy); err != nil {
		return true // not knowing is no reason to take it
	}
	for i := range with.Items {
		if s := &with.Items[i]; client.ObjectKeyFromObject(s) != p.key && counts(s) {
			return true
		}
	}
	return false
}

// freed are the VMIDs that rest, of all hosts on this Proxmox, each host's longest-freed first.
func (r *ServiceReconciler) freed(ctx context.Context, p *pass) []proxmox.VMID {
	all := vmids(p.host.Status.FreedVMIDs)
	for _, name := range r.Sessions.neighbours(p.session) {
		var host v1alpha1.NixMoxHost
		if name != client.ObjectKeyFromObject(p.host) && r.Get(ctx, name, &host) == nil {
			all = append(all, vmids(host.Status.FreedVMIDs)...)
		}
	}
	return all
}

func vmids(numbers []int32) []proxmox.VMID {
	all := make([]proxmox.VMID, len(numbers))
	for i, n := range numbers {
		all[i] = proxmox.VMID(n)
	}
	return all
}
