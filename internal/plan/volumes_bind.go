package plan

import (
	"fmt"
	"slices"
	"strings"
)

// bound is whether what is mounted is a path of the node, and no volume: there is nothing to keep or to lose with it.
func (m Mount) bound() bool { return strings.HasPrefix(m.Volume, "/") }

// bind has a path of the node in its place; i is what was found of its name. A name stands for a path or for a volume, and for one of them
// for ever: a volume that is kept under it would be forgotten.
func (p *volumePlan) bind(w Volume, o Observed, i int) {
	to, has := boundTo(w.HostPath, w.MountPath, w.ReadOnly), ObservedVolume{Place: Lost}
	if i >= 0 {
		has = o.Volumes[i]
	}
	switch {
	case w.HostPath == "" || has.Volume != "" && !has.bound():
		if w.HostPath == "" {
			to = "a volume of its own at " + w.MountPath
		}
		p.refuse(w, has.Volume, to, "a name stands for a path of the node or for a volume, and for ever: give the volume another name")
	case has.Place == Attached && boundTo(has.Volume, has.MountPath, has.ReadOnly) == to:
	case !p.asRoot:
		from := "none"
		if has.Place == Attached {
			from = boundTo(has.Volume, has.MountPath, has.ReadOnly)
		}
		p.refuse(w, from, to, fmt.Sprintf("Proxmox lets only root@pam in person mount a path of the node, and no API token: put username and password of root@pam into the "+
			"host's Secret, or set it on the node with `pct set VMID -mpN %s`; until then leave it out of the spec", wordsOf(w)))
	case has.Place == Attached:
		p.now = append(p.now, Change{Field: FieldVolume, Volume: w.Name, OwesRestart: o.Running, From: boundTo(has.Volume, has.MountPath, has.ReadOnly), To: to,
			Disk: VolumeStep{VolumeBind, has.Key, has.Volume}})
	case has.Place == Leaving && !slices.ContainsFunc(o.Volumes, func(v ObservedVolume) bool { return v.Place == Attached && v.Key == has.Key }):
		// The running container has it still, and may have it on.
		p.now = append(p.now, Change{Field: FieldVolume, Volume: w.Name, OwesRestart: has.Volume != w.HostPath || has.MountPath != w.MountPath || has.ReadOnly != w.ReadOnly,
			From: "taken away when it stops", To: to, Disk: VolumeStep{VolumeBind, has.Key, has.Volume}})
	default:
		p.mount(w, o, Change{From: "none", To: to, Disk: VolumeStep{Action: VolumeBind}})
	}
}

func boundTo(hostPath, mountPath string, readOnly bool) string {
	text := fmt.Sprintf("%s of the node at %s", hostPath, mountPath)
	if readOnly {
		text += ", read-only"
	}
	return text
}

// wordsOf is the mount point as pct takes it.
func wordsOf(w Volume) string {
	text := fmt.Sprintf("%s,mp=%s", w.HostPath, w.MountPath)
	if w.ReadOnly {
		text += ",ro=1"
	}
	return text
}
