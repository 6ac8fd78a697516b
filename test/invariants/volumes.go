package invariants

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// attached is a volume as it was last seen on a container of a service.
type attached struct {
	service, name string
	vmid          int
	last          time.Time
}

// VolumesKept is that whatever was once attached to a service's container still exists, under the same name and nowhere else, unless
// the service was deleted with deletionPolicy Delete. The root disk goes by the name rootfs.
func VolumesKept(r *Record) []string {
	r.prepare()
	history := map[string]attached{} // by volume id
	named := map[string]string{}     // volume id, by service and name
	var found []string
	look := func(containers []pvesim.Container, when time.Time) {
		for _, c := range containers {
			for id, now := range r.volumesOf(c, when) {
				before, known := history[id]
				if known && before.service != now.service {
					found = append(found, fmt.Sprintf("volume %s of %s is attached to %s's container %d", id, before.service, now.service, c.VMID))
				}
				if known && now.name == "" {
					now.name = before.name
				}
				history[id] = now
				if now.name == "" {
					continue
				}
				if other := named[now.service+" "+now.name]; other != "" && other != id && slices.Contains(r.Volumes, other) {
					found = append(found, fmt.Sprintf("volume %s of %s was %s and is %s", now.name, now.service, other, id))
				}
				named[now.service+" "+now.name] = id
			}
		}
	}
	for _, c := range r.Calls {
		look(c.Before, c.Time)
	}
	look(r.Containers, time.Now())
	for _, id := range slices.Sorted(maps.Keys(history)) {
		if v := history[id]; !slices.Contains(r.Volumes, id) && !r.mayBeGone(v) {
			found = append(found, fmt.Sprintf("volume %s (%s of %s) does not exist any more", id, v.name, v.service))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// volumesOf are the volumes of a container of ours, by id.
func (r *Record) volumesOf(c pvesim.Container, when time.Time) map[string]attached {
	m, ours := r.markOf(c)
	if !ours {
		return nil
	}
	names := map[string]string{"rootfs": "rootfs"}
	for name, key := range m.Volumes {
		names[key] = name
	}
	volumes := map[string]attached{}
	for key, value := range c.Config {
		if key != "rootfs" && !strings.HasPrefix(key, "mp") && !strings.HasPrefix(key, "unused") {
			continue
		}
		if id := volume(value); id != "" {
			name := names[key]
			if strings.HasPrefix(key, "unused") {
				name = ""
			}
			volumes[id] = attached{service: m.Service, name: name, vmid: c.VMID, last: when}
		}
	}
	return volumes
}

// mayBeGone is whether somebody who may has removed a volume: the deletion of its service, or a hand that is not ours.
func (r *Record) mayBeGone(v attached) bool {
	byUs := false
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if vmid != v.vmid || c.Time.Before(v.last) {
			continue
		}
		if kind == "Destroy" {
			if r.doomed(v.service, c.Time) {
				return true
			}
			byUs = true
		}
		byUs = byUs || kind == "Configure" && strings.Contains(c.Params["delete"], "unused")
	}
	return r.Hands && !byUs
}

// doomed is whether the object of a service said, at a time, that its container is to be destroyed.
func (r *Record) doomed(service string, when time.Time) bool {
	for _, v := range r.services[service] {
		// The watch may tell a moment after the fact.
		if v.Time.After(when) && v.Exact || v.Time.After(when.Add(time.Second)) {
			continue
		}
		if v.service.DeletionTimestamp != nil && v.service.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
			return true
		}
	}
	return false
}
