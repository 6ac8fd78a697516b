package plan

import (
	"cmp"
	"slices"
	"strings"
)

// Mount is a mount point as Proxmox has it.
type Mount struct {
	// Key such as mp0.
	Key       string
	MountPath string
	// Volume id, or a path of the node.
	Volume   string
	Bytes    int64
	Backup   bool
	ReadOnly bool
}

// Place is where a volume is.
type Place string

// The places.
const (
	// Attached: the configuration has it.
	Attached Place = ""
	// Leaving: the running container has it, and its configuration does not any more.
	Leaving Place = "Leaving"
	// Kept: detached, and there.
	Kept Place = "Kept"
	// Lost: neither mounted nor kept, as far as the configuration tells.
	Lost Place = "Lost"
)

// ObservedVolume is a volume of the service, or a mount point that is not ours.
type ObservedVolume struct {
	// Name of the volume; empty when the mount point is not ours.
	Name  string
	Place Place
	// Mount is where it is mounted. Of one that is kept only the volume is known, of one that is lost what is remembered.
	Mount
	Storage string
	// GrantedBytes is the size that was asked for and given last.
	GrantedBytes int64
}

// Disks are the disks of a container beside its root disk: what its configuration has, what the running container has until it stops,
// and the volumes that were detached.
type Disks struct {
	Future, Live []Mount
	Unused       []string
}

// RememberedVolume is what marker and status know about a volume, by its name. Each part may be missing.
type RememberedVolume struct {
	Key       string
	Volume    string
	MountPath string
	// GrantedBytes is the size that was asked for and given last.
	GrantedBytes int64
}

// FindVolumes finds out which disk is which volume. The volume id decides; a mount point's key alone counts where no id is remembered, or
// where another volume took the place of the old one at the same path, as `pct move-volume` has it.
func FindVolumes(remembered map[string]RememberedVolume, disks Disks) []ObservedVolume {
	f := finding{disks: disks, taken: map[string]string{}}
	names := make([]string, 0, len(remembered))
	for name := range remembered {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f.byVolume(name, remembered[name])
	}
	for _, name := range names {
		f.byKey(name, remembered[name])
	}
	var all []ObservedVolume
	for _, m := range disks.Future {
		all = append(all, describe(f.taken[m.Key], Attached, m, remembered))
	}
	for _, name := range names {
		if !f.has(name) {
			place, mount := f.elsewhere(remembered[name])
			if place == Lost && mount.bound() {
				continue // a path of the node that is mounted no more is nothing to be missed
			}
			all = append(all, describe(name, place, mount, remembered))
		}
	}
	slices.SortStableFunc(all, func(a, b ObservedVolume) int {
		return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key)) // mp2 before mp10
	})
	return all
}

// SettleLost asks where the configuration does not tell. A volume that is there after all, though only a snapshot names it, is kept. One
// that is not there, and not asked for, is forgotten before another is allocated: Proxmox gives that one its id.
func SettleLost(volumes []ObservedVolume, asked []Volume, exists func(ObservedVolume) (bool, error)) ([]ObservedVolume, error) {
	wanted := func(name string) bool {
		return slices.ContainsFunc(asked, func(w Volume) bool { return w.Name == name })
	}
	allocates := slices.ContainsFunc(asked, func(w Volume) bool {
		return !slices.ContainsFunc(volumes, func(v ObservedVolume) bool { return v.Name == w.Name })
	})
	var settled []ObservedVolume
	for _, v := range volumes {
		if v.Place == Lost && (allocates || wanted(v.Name)) {
			there, err := exists(v)
			if err != nil {
				return nil, err
			}
			if there {
				v.Place = Kept
			} else if !wanted(v.Name) {
				continue
			}
		}
		settled = append(settled, v)
	}
	return settled, nil
}

type finding struct {
	disks Disks
	taken map[string]string // names by the key of the mount point that was found to be theirs
}

func (f *finding) has(name string) bool {
	for _, other := range f.taken {
		if other == name {
			return true
		}
	}
	return false
}

func (f *finding) byVolume(name string, r RememberedVolume) {
	for _, m := range f.disks.Future {
		if r.Volume != "" && m.Volume == r.Volume && f.taken[m.Key] == "" {
			f.taken[m.Key] = name
			return
		}
	}
}

func (f *finding) byKey(name string, r RememberedVolume) {
	if f.has(name) {
		return
	}
	for _, m := range f.disks.Future {
		if m.Key == r.Key && f.taken[m.Key] == "" && (r.Volume == "" || m.MountPath == r.MountPath) {
			f.taken[m.Key] = name
			return
		}
	}
}

// elsewhere is for a volume that the configuration does not mount.
func (f *finding) elsewhere(r RememberedVolume) (Place, Mount) {
	for _, m := range f.disks.Live {
		if r.Volume != "" && m.Volume == r.Volume || r.Volume == "" && m.Key == r.Key && r.Key != "" && f.taken[m.Key] == "" {
			return Leaving, m
		}
	}
	if r.Volume != "" && slices.Contains(f.disks.Unused, r.Volume) {
		return Kept, Mount{Volume: r.Volume}
	}
	return Lost, Mount{Volume: r.Volume, MountPath: r.MountPath}
}

func describe(name string, place Place, m Mount, remembered map[string]RememberedVolume) ObservedVolume {
	storage, _, isVolume := strings.Cut(m.Volume, ":")
	if !isVolume || strings.HasPrefix(m.Volume, "/") {
		storage = ""
	}
	return ObservedVolume{Name: name, Place: place, Mount: m, Storage: storage, GrantedBytes: remembered[name].GrantedBytes}
}
