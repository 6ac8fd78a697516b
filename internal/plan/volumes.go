package plan

import (
	"fmt"
	"slices"
	"strings"
)

// Volume is a disk beside the root disk, or a path of the node. Its identity is its name, for ever.
type Volume struct {
	Name      string
	MountPath string
	// HostPath is the path of the node, of a volume that has neither Storage nor Bytes.
	HostPath string
	Storage  string
	Bytes    int64
	Backup   bool
	ReadOnly bool
}

// VolumeAction is what a change does to a volume.
type VolumeAction string

// The actions. None destroys or copies anything.
const (
	// VolumeNew allocates one for a name that never had any.
	VolumeNew VolumeAction = "new"
	// VolumeOptions changes where and how it is mounted.
	VolumeOptions VolumeAction = "options"
	// VolumeDetach takes it out of the container and keeps it.
	VolumeDetach VolumeAction = "detach"
	// VolumeAttach brings back the one that the name had.
	VolumeAttach VolumeAction = "attach"
	// VolumeBind mounts a path of the node, or changes what is mounted how.
	VolumeBind VolumeAction = "bind"
)

// VolumeStep is what a change does to which disk.
type VolumeStep struct {
	Action VolumeAction
	// Key of the mount point that is written or deleted, such as mp0.
	Key string
	// Volume id of what is there or comes back; empty for a new one.
	Volume string
}

// volumePlan are the changes of the volumes: those that can be made now, and those that must wait until the container is stopped.
type volumePlan struct {
	now, stopped []Change
	refused      []Refusal
	// lost is whether a volume that is asked for cannot be found.
	lost   bool
	asRoot bool
	used   []string // keys of mount points that are taken
}

// volumeChanges compares by name, never by position, key or size.
func volumeChanges(d Desired, o Observed) volumePlan {
	p := volumePlan{used: usedKeys(o), asRoot: d.AsRoot}
	for _, v := range o.Volumes {
		if v.Name != "" && v.Place == Attached && !slices.ContainsFunc(d.Volumes, func(w Volume) bool { return w.Name == v.Name }) {
			c := Change{Field: FieldVolume, Volume: v.Name, OwesRestart: o.Running, From: size(v.Bytes) + " at " + v.MountPath,
				To: "detached, kept as " + v.Volume, Disk: VolumeStep{VolumeDetach, v.Key, v.Volume}}
			if v.bound() {
				c.From, c.To = boundTo(v.Volume, v.MountPath, v.ReadOnly), "taken away, and left as it is on the node"
			}
			p.now = append(p.now, c)
		}
	}
	for _, w := range InMountOrder(d.Volumes) {
		p.bring(w, o)
	}
	if p.lost {
		// What is allocated now could get the id of the one that is lost, and be taken for it.
		isNew := func(c Change) bool { return c.Disk.Action == VolumeNew }
		p.now, p.stopped = slices.DeleteFunc(p.now, isNew), slices.DeleteFunc(p.stopped, isNew)
	}
	return p
}

// InMountOrder puts a volume before those that are mounted below it. Mount points are mounted by their keys, so that is the order in
// which new ones get theirs.
func InMountOrder(volumes []Volume) []Volume {
	return slices.SortedFunc(slices.Values(volumes), func(a, b Volume) int { return strings.Compare(a.MountPath, b.MountPath) })
}

// bring has a volume that is asked for in its place.
func (p *volumePlan) bring(w Volume, o Observed) {
	to := "at " + w.MountPath
	i := slices.IndexFunc(o.Volumes, func(v ObservedVolume) bool { return v.Name == w.Name })
	switch {
	case w.HostPath != "" || i >= 0 && o.Volumes[i].bound():
		p.bind(w, o, i)
	case i < 0:
		to = fmt.Sprintf("%s on %s at %s", size(w.Bytes), w.Storage, w.MountPath)
		p.mount(w, o, Change{From: "none", To: to, Disk: VolumeStep{Action: VolumeNew}})
	case o.Volumes[i].Place == Lost:
		p.lost = true
		p.refuse(w, orNone(o.Volumes[i].Volume), to, "the container has its volume no more, and an empty one is not put in its place: give it back "+
			"on Proxmox with `pct set`, or give the volume another name, which makes a new one")
	case o.Volumes[i].Place == Kept:
		p.mount(w, o, Change{From: "detached", To: to, Disk: VolumeStep{VolumeAttach, "", o.Volumes[i].Volume}})
	case o.Volumes[i].Place == Leaving && slices.ContainsFunc(o.Volumes, func(v ObservedVolume) bool { return v.Place == Attached && v.Key == o.Volumes[i].Key }):
		p.stopped = append(p.stopped, Change{Field: FieldVolume, Volume: w.Name, From: "replaced when it stops", To: to,
			Disk: VolumeStep{VolumeAttach, p.freeKey(), o.Volumes[i].Volume}})
	case o.Volumes[i].Place == Leaving:
		// The running container has it at that mount point still: at another it would be mounted twice.
		p.now = append(p.now, Change{Field: FieldVolume, Volume: w.Name, From: "detached when it stops", To: to,
			Disk: VolumeStep{VolumeAttach, o.Volumes[i].Key, o.Volumes[i].Volume}})
	default:
		v := o.Volumes[i]
		if from, to := options(v.MountPath, v.Backup, v.ReadOnly), options(w.MountPath, w.Backup, w.ReadOnly); from != to {
			p.now = append(p.now, Change{Field: FieldVolume, Volume: w.Name, OwesRestart: o.Running, From: from, To: to,
				Disk: VolumeStep{VolumeOptions, v.Key, v.Volume}})
		}
	}
}

// mount adds a mount point. A running container mounts it at once, over whatever is there: so it waits where it would hide a volume.
func (p *volumePlan) mount(w Volume, o Observed, c Change) {
	if i := slices.IndexFunc(o.Volumes, func(v ObservedVolume) bool { return v.Name == "" && v.MountPath == w.MountPath }); i >= 0 {
		p.refuse(w, c.From, c.To, fmt.Sprintf("the container has another mount point there, %s, which is not the service's: take it away on Proxmox, "+
			"or choose another mountPath", o.Volumes[i].Key))
		return
	}
	c.Field, c.Volume, c.Disk.Key = FieldVolume, w.Name, p.freeKey()
	if slices.ContainsFunc(o.Mounted, func(m Mount) bool { return m.Volume != c.Disk.Volume && within(m.MountPath, w.MountPath) }) {
		p.stopped = append(p.stopped, c)
		return
	}
	p.now = append(p.now, c)
}

func (p *volumePlan) refuse(w Volume, from, to, why string) {
	p.refused = append(p.refused, Refusal{Change{Field: FieldVolume, Volume: w.Name, From: from, To: to}, why})
}

// freeKey is the first mount point that neither the configuration nor the running container has.
func (p *volumePlan) freeKey() string {
	for n := 0; ; n++ {
		if key := fmt.Sprintf("mp%d", n); !slices.Contains(p.used, key) {
			p.used = append(p.used, key)
			return key
		}
	}
}

func usedKeys(o Observed) []string {
	var keys []string
	for _, v := range o.Volumes {
		keys = append(keys, v.Key)
	}
	for _, m := range o.Mounted {
		keys = append(keys, m.Key)
	}
	return keys
}

// within is whether a path is another one or lies below it.
func within(path, above string) bool { return path == above || strings.HasPrefix(path, above+"/") }

func options(mountPath string, backup, readOnly bool) string {
	text := fmt.Sprintf("at %s, backup %s", mountPath, onOff(backup))
	if readOnly {
		text += ", read-only"
	}
	return text
}
