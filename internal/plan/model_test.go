package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// apply is a model of Proxmox: what a step makes of a container.
func (o *Observed) apply(s Step, d Desired) {
	switch s.Kind {
	case Create:
		*o = Observed{Exists: true, Template: d.Template, Unprivileged: d.Unprivileged, GrantedRootBytes: d.RootBytes, RootBytes: d.RootBytes,
			Options: Options{}.TakeBack(optionNames())}
		o.configure(d)
		for i, v := range d.Volumes {
			action := VolumeNew
			if v.HostPath != "" {
				action = VolumeBind
			}
			o.disk(Change{Volume: v.Name, Disk: VolumeStep{Action: action, Key: fmt.Sprintf("mp%d", i)}}, d)
		}
	case Configure:
		for _, c := range s.Changes {
			if c.OwesRestart && o.Running {
				o.RestartOwed = append(o.RestartOwed, string(c.Field))
			}
			o.disk(c, d)
		}
		o.configure(d)
	case Migrate:
		o.Node = s.Node
		if o.Running {
			o.apply(Step{Kind: Shutdown}, d)
			o.apply(Step{Kind: Start}, d)
		}
	case Grow:
		o.grow(s)
	case Start:
		o.Running, o.RestartOwed = true, nil
		for _, v := range o.Volumes {
			if v.Place == Attached {
				o.Mounted = append(o.Mounted, v.Mount)
			}
		}
	case Shutdown:
		o.Running, o.Mounted = false, nil
		for i, v := range o.Volumes {
			if v.Place == Leaving {
				o.Volumes[i].Place, o.Volumes[i].Mount = Kept, Mount{Volume: v.Volume}
			}
		}
		o.forgetBound()
	}
}

// forgetBound drops the paths that are mounted no more: FindVolumes does not find them.
func (o *Observed) forgetBound() {
	o.Volumes = slices.DeleteFunc(o.Volumes, func(v ObservedVolume) bool { return v.bound() && v.Place == Kept })
}

func (o *Observed) configure(d Desired) {
	mac := o.Net.MAC
	o.Hostname, o.SearchDomain, o.Nameservers, o.Net, o.NetPresent = d.Hostname, d.SearchDomain, d.Nameservers, d.Net, true
	if d.Net.MAC == "" {
		o.Net.MAC = mac
	}
	o.MemoryMiB, o.SwapMiB, o.CPU = d.MemoryMiB, d.SwapMiB, d.CPU
	if d.Unprivileged == o.Unprivileged && (d.AsRoot || o.Unprivileged) {
		o.Nesting = d.Nesting
	}
	o.Tags, o.OnBoot, o.BootOrder, o.MarkerCurrent = d.Tags, d.OnBoot, d.BootOrder, true
	wish := d.Options
	if !d.AsRoot {
		wish.Keyctl, wish.FUSE, wish.Mount = nil, nil, nil // Proxmox would refuse them
	}
	o.Options = wish.orElse(o.Options)
}

// disk is a model of what a change makes of the volumes.
func (o *Observed) disk(c Change, d Desired) {
	step := c.Disk
	i := slices.IndexFunc(o.Volumes, func(ov ObservedVolume) bool { return ov.Name == c.Volume })
	if step.Action == "" {
		return
	}
	if step.Action == VolumeDetach {
		o.Volumes[i].Place = Leaving
		if !o.Running {
			o.Volumes[i].Place, o.Volumes[i].Mount = Kept, Mount{Volume: step.Volume}
			o.forgetBound()
		}
		return
	}
	w := d.Volumes[slices.IndexFunc(d.Volumes, func(v Volume) bool { return v.Name == c.Volume })]
	if step.Action == VolumeNew {
		i = len(o.Volumes)
		o.Volumes = append(o.Volumes, ObservedVolume{Name: w.Name, Place: Kept, Storage: w.Storage, GrantedBytes: w.Bytes,
			Mount: Mount{Volume: w.Storage + ":" + w.Name, Bytes: w.Bytes}})
	}
	if step.Action == VolumeBind {
		if i < 0 {
			i = len(o.Volumes)
			o.Volumes = append(o.Volumes, ObservedVolume{Name: w.Name, Place: Kept})
		}
		o.Volumes[i].Volume = w.HostPath
	}
	v := &o.Volumes[i]
	if o.Running && v.Place == Kept {
		o.Mounted = append(o.Mounted, Mount{Key: step.Key, MountPath: w.MountPath, Volume: v.Volume})
	}
	v.Place, v.Key, v.MountPath, v.Backup, v.ReadOnly = Attached, step.Key, w.MountPath, w.Backup, w.ReadOnly
	if v.Bytes == 0 {
		v.Bytes = v.GrantedBytes // Proxmox fills in the size of what is attached
	}
}

// orElse has what a wish leaves as it is from what there is.
func (o Options) orElse(has Options) Options {
	if o.Mount == nil {
		o.Mount = has.Mount
	}
	o.MTU, o.RateMBps, o.Timezone = cmp.Or(o.MTU, has.MTU), cmp.Or(o.RateMBps, has.RateMBps), cmp.Or(o.Timezone, has.Timezone)
	o.Keyctl, o.FUSE = cmp.Or(o.Keyctl, has.Keyctl), cmp.Or(o.FUSE, has.FUSE)
	return o
}

func (o *Observed) grow(s Step) {
	if s.Disk == "rootfs" {
		o.RootBytes = s.Bytes
		return
	}
	i := slices.IndexFunc(o.Volumes, func(ov ObservedVolume) bool { return ov.Key == s.Disk })
	o.Volumes[i].Bytes = s.Bytes
}

func drawDesired(t *rapid.T) Desired {
	d := desired()
	d.Hostname = rapid.SampledFrom([]string{"a.example.com", "b.example.com"}).Draw(t, "hostname")
	d.MemoryMiB = rapid.Int64Range(16, 64).Draw(t, "memory")
	d.CPU = CPU{Cores: rapid.IntRange(1, 4).Draw(t, "cores"), LimitMilli: rapid.SampledFrom([]int64{0, 500}).Draw(t, "limit")}
	d.Net.IP = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(1, 5).Draw(t, "ip"))}), 24)
	d.Net.MAC = rapid.SampledFrom([]string{"", "BC:24:11:00:00:01"}).Draw(t, "mac")
	d.RootBytes = int64(rapid.IntRange(1, 4).Draw(t, "root")) * gib
	d.Run = rapid.Bool().Draw(t, "run")
	d.Node = rapid.SampledFrom([]string{"", "n1", "n2"}).Draw(t, "node")
	d.AsRoot = rapid.Bool().Draw(t, "root")
	d.Options = drawOptions(t)
	d.Unprivileged = rapid.Bool().Draw(t, "unprivileged")
	d.Volumes = nil
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), func(s string) string { return s }).Draw(t, "volumes") {
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			d.Volumes = append(d.Volumes, Volume{Name: name, MountPath: "/" + name, HostPath: rapid.SampledFrom([]string{"/x", "/y"}).Draw(t, "path"), ReadOnly: rapid.Bool().Draw(t, "ro")})
			continue
		}
		d.Volumes = append(d.Volumes, Volume{Name: name, MountPath: "/" + name, Storage: rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "storage"),
			Bytes: int64(rapid.IntRange(1, 4).Draw(t, "size")) * gib})
	}
	return d
}

func drawOptions(t *rapid.T) (o Options) {
	flag := rapid.Ptr(rapid.Bool(), true)
	o.MTU = rapid.Ptr(rapid.SampledFrom([]int{0, 1400}), true).Draw(t, "mtu")
	o.RateMBps = rapid.Ptr(rapid.SampledFrom([]float64{0, 12.5}), true).Draw(t, "rate")
	o.Timezone = rapid.Ptr(rapid.SampledFrom([]string{"", "host"}), true).Draw(t, "timezone")
	o.Keyctl, o.FUSE = flag.Draw(t, "keyctl"), flag.Draw(t, "fuse")
	o.Mount = rapid.SampledFrom([][]string{nil, {}, {"nfs"}}).Draw(t, "mount")
	return o
}

// After all of its steps a plan has none left; what is refused stays refused and never gets a step.
func TestAPlanThatWasCarriedOutLeavesNoSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Observed
		for range rapid.IntRange(1, 4).Draw(t, "specs") {
			d := drawDesired(t)
			before := o.RootBytes
			p := Compute(d, o)
			if again := Compute(d, o); again.String() != p.String() {
				t.Fatalf("not deterministic:\n%s\n%s", p, again)
			}
			for range 20 {
				p = Compute(d, o)
				if len(p.Steps) == 0 {
					break
				}
				o.apply(p.Steps[0], d)
			}
			if len(p.Steps) != 0 {
				t.Fatalf("steps remain for ever: %s", p)
			}
			for _, c := range []struct {
				wish, has *bool
			}{{d.Options.Keyctl, o.Options.Keyctl}, {d.Options.FUSE, o.Options.FUSE}} {
				if o.Exists && c.wish != nil && *c.wish != *c.has && len(p.Refused) == 0 {
					t.Fatalf("wanted %v, has %v, and nothing is said of it", *c.wish, *c.has)
				}
			}
			if o.Exists && o.Running != d.Run {
				t.Fatalf("running %v, wanted %v", o.Running, d.Run)
			}
			if o.RootBytes < before {
				t.Fatalf("the root disk shrank from %d to %d", before, o.RootBytes)
			}
		}
	})
}

func TestAStepThatOwesNothingDoesNotDisruptARunningContainer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, o := desired(), observed()
		d.MemoryMiB = rapid.Int64Range(16, 64).Draw(t, "memory")
		d.CPU.Cores = rapid.IntRange(1, 8).Draw(t, "cores")
		d.RootBytes = int64(rapid.IntRange(20, 30).Draw(t, "root")) * gib
		if p := Compute(d, o); p.Disrupts() {
			t.Fatal(p)
		}
	})
}
