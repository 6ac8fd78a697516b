package invariants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// abandonAnnotation is the person's word that an object may go without its container.
const abandonAnnotation = "nixmox.dev/abandon"

// OneContainer is that no service ever has two containers: now, and whenever something was changed.
func OneContainer(r *Record) []string {
	r.prepare()
	var found []string
	look := func(containers []pvesim.Container, when string) {
		of := map[string][]int{}
		for _, c := range containers {
			if m, ours := r.markOf(c); ours {
				of[m.Service] = append(of[m.Service], c.VMID)
			}
		}
		for service, vmids := range of {
			sentence := fmt.Sprintf("service %s has the containers %v%s", service, vmids, when)
			if len(vmids) > 1 && !slices.Contains(found, sentence) {
				found = append(found, sentence)
			}
		}
	}
	look(r.Containers, "")
	for _, c := range r.Calls {
		look(c.Before, " at "+c.Method+" "+c.Path)
	}
	slices.Sort(found)
	return found
}

// NoLeak is that every live container has its object. An object that a person forced away, or whose host was gone, left one behind
// with their knowledge.
func NoLeak(r *Record) []string {
	r.prepare()
	var found []string
	for _, c := range r.Containers {
		m, ours := r.markOf(c)
		if !ours || m.State == marker.Retained || r.Services[m.Service] || r.leftBehindKnowingly(m) {
			continue
		}
		found = append(found, fmt.Sprintf("container %d is marked as %s's, %s, and there is no such object", c.VMID, m.Service, m.State))
	}
	return found
}

func (r *Record) leftBehindKnowingly(m marker.Marker) bool {
	for _, v := range r.hosts[m.Host] {
		status, _ := statusOf(v.Object)
		if v.deleted || v.Object.GetDeletionTimestamp() != nil || reasonOf(status) == v1alpha1.ReasonCredentials {
			return true
		}
	}
	versions := r.services[m.Service]
	if len(versions) == 0 {
		return false
	}
	last := versions[len(versions)-1]
	for i := len(versions) - 1; i >= 0 && last.deleted && len(last.service.Finalizers) > 0; i-- {
		last = versions[i] // the deletion repeats the last state
	}
	if strings.EqualFold(last.service.Annotations[abandonAnnotation], "true") {
		return true
	}
	// The finalizer was taken off by somebody else than a controller whose writes we know.
	return r.Writes != nil && len(last.service.Finalizers) == 0 && !last.Exact
}
