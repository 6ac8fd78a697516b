package invariants

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// attached is a volume as it was last seen on a container of a service.
type attached struct {
	service, name string
	vmid          int
	last          time.Time
}

// ledger is what was seen of volumes so far.
type ledger struct {
	record  *Record
	history map[string]attached // by volume id
	named   map[string]string   // volume id, by service and name
	found   []string
}

// VolumesKept is that whatever was once attached to a service's container still exists, under the same name and nowhere else, unless
// the service was deleted with deletionPolicy Delete. The root disk goes by the name rootfs.
func VolumesKept(r *Record) []string {
	r.prepare()
	l := &ledger{record: r, history: map[string]attached{}, named: map[string]string{}}
	for _, c := range r.Calls {
		l.look(c.Before, c.Time)
	}
	l.look(r.Containers, time.Now())
	for _, id := range slices.Sorted(maps.Keys(l.history)) {
		if v := l.history[id]; !slices.Contains(r.Volumes, id) && !r.mayBeGone(v) {
			l.found = append(l.found, fmt.Sprintf("volume %s (%s of %s) does not exist any more", id, v.name, v.service))
		}
	}
	slices.Sort(l.found)
	return slices.Compact(l.found)
}

func (l *ledger) look(containers []pvesim.Container, when time.Time) {
	for _, c := range containers {
		for id, now := range l.record.volumesOf(c, when) {
			l.enter(id, now)
		}
	}
}

// enter compares a volume with what was known of it, and of its name.
func (l *ledger) enter(id string, now attached) {
	before, known := l.history[id]
	if known && before.service != now.service && l.record.mayBeGone(before) {
		known = false // another volume: the ids of destroyed ones are used again
	}
	if known && before.service != now.service {
		l.found = append(l.found, fmt.Sprintf("volume %s of %s is attached to %s's container %d", id, before.service, now.service, now.vmid))
	}
	if known && now.name == "" {
		now.name = before.name
	}
	l.history[id] = now
	if now.name == "" {
		return
	}
	key := now.service + " " + now.name
	if other := l.named[key]; other != "" && other != id && slices.Contains(l.record.Volumes, other) && !l.record.mayBeGone(l.history[other]) {
		l.found = append(l.found, fmt.Sprintf("volume %s of %s was %s and is %s", now.name, now.service, other, id))
	}
	l.named[key] = id
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
		if vmid != v.vmid || c.Time.Before(v.last) && !(kind == "Destroy" && r.destroyedAfter(vmid, v.last)) {
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

// destroyedAfter is whether the destruction of a container ended after a time: it is still seen while that runs.
func (r *Record) destroyedAfter(vmid int, when time.Time) bool {
	return slices.ContainsFunc(r.Log, func(e calllog.Entry) bool {
		return e.Kind == calllog.KindTaskEnd && e.Type == "vzdestroy" && e.VMID == vmid && e.Time.After(when)
	})
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
