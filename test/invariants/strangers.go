package invariants

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// StrangersUntouched is that no call changes a container that is not ours at that moment. A creation changes none: Proxmox refuses a
// VMID that exists. A container whose marker was edited away is still ours by its root disk; one to be adopted is ours by the word of
// its object.
func StrangersUntouched(r *Record) []string {
	r.prepare()
	var found []string
	roots := map[string]bool{}
	for _, c := range r.Calls {
		for _, g := range c.Before {
			if _, ours := r.markOf(g); ours {
				roots[volume(g.Config["rootfs"])] = true
			}
		}
		kind, vmid := c.step()
		if vmid == 0 || kind == "Create" {
			continue
		}
		if c.Before == nil {
			if !r.createdByUs(vmid, c.Time) {
				found = append(found, fmt.Sprintf("%s %s: we never created container %d", c.Method, c.Path, vmid))
			}
			continue
		}
		g, there := c.container(vmid)
		if !there || roots[volume(g.Config["rootfs"])] || r.adopting(vmid, c.Time) {
			continue
		}
		found = append(found, fmt.Sprintf("%s %s: container %d carries no marker of ours (%q)", c.Method, c.Path, vmid, g.Config["description"]))
	}
	return found
}

func (r *Record) createdByUs(vmid int, before time.Time) bool {
	for _, e := range r.Log {
		if e.Kind == calllog.KindTaskStart && e.Type == "vzcreate" && e.VMID == vmid && !e.Time.After(before) {
			return true
		}
	}
	return false
}

// adopting is whether an object asks to take over the container with this VMID.
func (r *Record) adopting(vmid int, when time.Time) bool {
	for _, versions := range r.services {
		for _, v := range versions {
			wants, _, _ := unstructured.NestedBool(v.Object.Object, "spec", "adopt")
			asked := v.service.Spec.VMID
			if wants && asked != nil && int(*asked) == vmid && !v.Time.After(when.Add(time.Second)) {
				return true
			}
		}
	}
	return false
}

// OnlyTheDoomedDestroyed is that a container is destroyed only when its object is being deleted with deletionPolicy Delete and its
// marker says so too.
func OnlyTheDoomedDestroyed(r *Record) []string {
	r.prepare()
	var found []string
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if kind != "Destroy" {
			continue
		}
		g, there := c.container(vmid)
		m, ours := r.markOf(g)
		switch {
		case c.Before == nil:
			if service, known := r.serviceOf(vmid, c.Time); !known || !r.doomed(service, c.Time) {
				found = append(found, fmt.Sprintf("container %d is destroyed, and no object with deletionPolicy Delete that is being deleted has it", vmid))
			}
		case !there:
		case !ours || m.State != marker.Deleting:
			found = append(found, fmt.Sprintf("container %d is destroyed while its marker says %q", vmid, m.State))
		case !r.doomed(m.Service, c.Time):
			found = append(found, fmt.Sprintf("container %d of %s is destroyed, and its object was not deleted with deletionPolicy Delete", vmid, m.Service))
		}
	}
	return found
}

// serviceOf is the service that named a VMID as its own at a time.
func (r *Record) serviceOf(vmid int, when time.Time) (string, bool) {
	for name, versions := range r.services {
		for _, v := range versions {
			if !v.Time.After(when.Add(time.Second)) && int(v.service.Status.VMID) == vmid {
				return name, true
			}
		}
	}
	return "", false
}
