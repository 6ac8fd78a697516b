package plan

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// box is a model of a container's disks on Proxmox, and of the marker that says which is which.
type box struct {
	t            *rapid.T
	running      bool
	future, live map[string]Mount // by key; live is what the running container has
	unused       []string
	keys, ids    map[string]string // by name, in the marker
	memory       map[string]RememberedVolume
	owed         []string
	made         map[string]string // names by the id of the volume that was allocated for them, as long as that is there
	destroyed    map[string]bool   // names whose volume somebody destroyed
	asked        []Volume
}

// mark brings the marker up to date where that is a reason to write it.
func (b *box) mark(volumes []ObservedVolume) {
	known := map[string]bool{}
	for _, v := range volumes {
		known[v.Name] = true
		if v.Place == Kept || v.Place == Leaving {
			delete(b.keys, v.Name)
			b.ids[v.Name] = v.Volume
		}
	}
	for _, of := range []map[string]string{b.keys, b.ids} {
		maps.DeleteFunc(of, func(name, _ string) bool { return !known[name] })
	}
}

// free is the id that Proxmox gives: the lowest that no volume has.
func (b *box) free(storage string) string {
	for n := 0; ; n++ {
		if id := fmt.Sprintf("%s:%d", storage, n); b.made[id] == "" {
			return id
		}
	}
}

func (b *box) observe() Observed {
	o := observed()
	o.Running, o.RestartOwed, o.Mounted = b.running, slices.Clone(b.owed), nil
	remembered := maps.Clone(b.memory)
	for name, key := range b.keys {
		r := remembered[name]
		r.Key = key
		remembered[name] = r
	}
	for name, id := range b.ids {
		r := remembered[name]
		r.Volume = id
		remembered[name] = r
	}
	disks := Disks{Future: slices.Collect(maps.Values(b.future)), Unused: b.unused}
	if b.running {
		disks.Live = slices.Collect(maps.Values(b.live))
		o.Mounted = disks.Live
		if !maps.Equal(b.live, b.future) {
			o.RestartOwed = append(o.RestartOwed, PendingPrefix+"mp0")
		}
	}
	o.Volumes = FindVolumes(remembered, disks)
	o.Volumes, _ = SettleLost(o.Volumes, b.asked, func(v ObservedVolume) (bool, error) { return b.made[v.Volume] != "", nil })
	b.mark(o.Volumes)
	b.memory = map[string]RememberedVolume{}
	for _, v := range o.Volumes {
		if v.Name != "" {
			b.memory[v.Name] = RememberedVolume{Key: v.Key, Volume: v.Volume, MountPath: v.MountPath}
		}
	}
	return o
}

func (b *box) take(s Step, d Desired) {
	switch s.Kind {
	case Configure:
		b.owed = append(b.owed, OwedBy(s)...)
		for _, c := range s.Changes {
			b.change(c, d)
		}
	case Shutdown:
		b.owed = append(b.owed, OwedBy(s)...)
		b.stop()
	case Start:
		b.start()
		b.owed = nil
	}
}

func (b *box) change(c Change, d Desired) {
	key := c.Disk.Key
	if c.Disk.Action == VolumeDetach {
		if b.future[key].Volume != c.Disk.Volume {
			b.t.Fatalf("%s: %s holds %s", c, key, b.future[key].Volume)
		}
		delete(b.future, key)
		delete(b.keys, c.Volume)
		b.ids[c.Volume] = c.Disk.Volume
		b.settle()
		return
	}
	w := d.Volumes[slices.IndexFunc(d.Volumes, func(v Volume) bool { return v.Name == c.Volume })]
	m := Mount{Key: key, MountPath: w.MountPath, Volume: c.Disk.Volume, Bytes: w.Bytes, Backup: w.Backup, ReadOnly: w.ReadOnly}
	if c.Disk.Action == VolumeNew {
		if slices.Contains(slices.Collect(maps.Values(b.made)), c.Volume) {
			b.t.Fatalf("a second volume is made for the name %s: %v", c.Volume, b.made)
		}
		m.Volume = b.free(w.Storage)
		b.made[m.Volume] = c.Volume
		delete(b.destroyed, c.Volume)
	} else {
		b.ids[c.Volume] = m.Volume
	}
	b.keys[c.Volume] = key
	if was, there := b.future[key]; there && was.Volume != m.Volume {
		b.t.Fatalf("%s pushes %s out of %s", c, was.Volume, key)
	}
	b.future[key] = m
	b.unused = slices.DeleteFunc(b.unused, func(id string) bool { return id == m.Volume })
	if _, there := b.live[key]; b.running && !there {
		for _, other := range b.live {
			if within(other.MountPath, m.MountPath) {
				b.t.Fatalf("%s hides %s from the running service", c, other.Volume)
			}
		}
		b.live[key] = m
	}
	b.settle()
}

// settle is what Proxmox does as soon as the container is stopped.
func (b *box) settle() {
	if b.running {
		return
	}
	for id := range b.made {
		mounted := slices.ContainsFunc(slices.Collect(maps.Values(b.future)), func(m Mount) bool { return m.Volume == id })
		if !mounted && !slices.Contains(b.unused, id) {
			b.unused = append(b.unused, id)
		}
	}
	b.live = maps.Clone(b.future)
}

func (b *box) stop() {
	b.running = false
	b.settle()
}

func (b *box) start() {
	b.settle()
	b.running = true
}

// check is what holds at any moment, however far a plan came.
func (b *box) check() {
	b.t.Helper()
	for which, mounts := range map[string]map[string]Mount{"configuration": b.future, "running container": b.live} {
		seen := map[string]string{}
		for key, m := range mounts {
			if other := seen[m.Volume]; other != "" {
				b.t.Fatalf("%s has %s at %s and at %s", which, m.Volume, other, key)
			}
			seen[m.Volume] = key
		}
	}
}

// Whatever lists of volumes follow each other, whatever is interrupted, restarted, detached by hand or forgotten: a name has one volume,
// which is never copied, never another's, and there whenever the name is asked for.
func TestANameKeepsItsVolumeForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &box{t: t, future: map[string]Mount{}, live: map[string]Mount{}, keys: map[string]string{}, ids: map[string]string{},
			memory: map[string]RememberedVolume{}, made: map[string]string{}, destroyed: map[string]bool{}}
		storages := map[string]string{}
		for range rapid.IntRange(1, 8).Draw(t, "specs") {
			d := desired()
			d.Run, d.Volumes = rapid.Bool().Draw(t, "run"), nil
			paths := rapid.Permutation([]string{"/a", "/b", "/a/below", "/c"}).Draw(t, "paths")
			for i, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"one", "two", "three"}), 0, 3, rapid.ID[string]).Draw(t, "names") {
				if storages[name] == "" {
					storages[name] = rapid.SampledFrom([]string{"s", "tank"}).Draw(t, "storage")
				}
				d.Volumes = append(d.Volumes, Volume{Name: name, MountPath: paths[i], Storage: storages[name], Bytes: gib,
					Backup: rapid.Bool().Draw(t, "backup"), ReadOnly: rapid.Bool().Draw(t, "ro")})
			}
			b.happens()
			b.carryOut(d, rapid.IntRange(0, 3).Draw(t, "steps before it is interrupted"))
			b.happens()
			b.asDesired(b.carryOut(d, 40))
		}
	})
}

// happens is what may come from outside.
func (b *box) happens() {
	switch rapid.IntRange(0, 5).Draw(b.t, "happens") {
	case 0:
		b.stop()
	case 1:
		b.stop()
		b.start()
	case 2: // the object lost its status; what is remembered is in the marker, which had no reason yet to be written with all ids
		b.memory = map[string]RememberedVolume{}
	case 3: // somebody detaches a volume, and a pass sees it and brings the marker up to date
		for _, v := range b.observe().Volumes {
			if v.Place == Attached {
				delete(b.future, v.Key)
				b.settle()
				break
			}
		}
		b.observe()
	case 4: // somebody destroys a detached volume
		for i, id := range b.unused {
			b.observe() // it was seen before
			b.destroyed[b.made[id]] = true
			delete(b.made, id)
			b.unused = slices.Delete(b.unused, i, i+1)
			break
		}
	}
}

// carryOut takes steps, and has the user give up what is refused: a volume that was destroyed.
func (b *box) carryOut(d Desired, most int) Desired {
	for range most {
		b.asked = d.Volumes
		p := Compute(d, b.observe())
		for _, r := range p.Refused {
			if !b.destroyed[r.Change.Volume] {
				b.t.Fatalf("refused: %s", p)
			}
			d.Volumes = slices.DeleteFunc(slices.Clone(d.Volumes), func(w Volume) bool { return w.Name == r.Change.Volume })
		}
		if len(p.Refused) > 0 {
			continue
		}
		if len(p.Steps) == 0 {
			break
		}
		b.take(p.Steps[0], d)
		b.check()
	}
	return d
}

func (b *box) asDesired(d Desired) {
	o := b.observe()
	if p := Compute(d, o); len(p.Steps) > 0 {
		b.t.Fatalf("steps remain for ever: %s", p)
	}
	for _, w := range d.Volumes {
		v := o.attached(w.Name)
		if v == nil || b.made[v.Volume] != w.Name || v.MountPath != w.MountPath || v.Backup != w.Backup || v.ReadOnly != w.ReadOnly {
			b.t.Fatalf("volume %s: asked for %+v, there is %+v, made were %v", w.Name, w, v, b.made)
		}
	}
	if mounted := len(b.future); mounted != len(d.Volumes) {
		b.t.Fatalf("%d mount points for %d volumes", mounted, len(d.Volumes))
	}
	if d.Run && !maps.Equal(b.live, b.future) {
		b.t.Fatalf("the running container has %v, not %v", b.live, b.future)
	}
}
