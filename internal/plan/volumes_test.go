package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVolumeChanges(t *testing.T) {
	without := func(d *Desired) { d.Volumes = nil }
	renamed := func(d *Desired) { d.Volumes[0].Name = "other" } // the same path, another volume
	place := func(place Place) func(*Observed) {
		return func(o *Observed) {
			o.Volumes[0].Place = place
			if place == Kept {
				o.Volumes[0].Mount, o.Mounted = Mount{Volume: o.Volumes[0].Volume}, nil
			}
		}
	}
	stopped := func(o *Observed) { o.apply(Step{Kind: Shutdown}, Desired{}) }
	theirs := func(path string) func(*Observed) {
		return func(o *Observed) {
			m := Mount{Key: "mp7", MountPath: path, Volume: "tank:theirs"}
			o.Volumes, o.Mounted = append(o.Volumes, ObservedVolume{Mount: m}), append(o.Mounted, m)
		}
	}
	for _, c := range []struct {
		name string
		d    Desired
		o    Observed
		want string
	}{
		{"a removed volume is detached by a restart", desired(without), observed(), `
			Configure: volume data 20 GiB at /var/lib/postgresql -> detached, kept as local-zfs:data (owes a restart)
			Shutdown (disrupts): restart to bring into effect: volume
			Start: second half of the restart`},
		{"of a stopped container at once", desired(without), observed(stopped), `
			Configure: volume data 20 GiB at /var/lib/postgresql -> detached, kept as local-zfs:data
			Start: stopped`},
		{"a removed volume that waits for the restart", desired(without), observed(place(Leaving), func(o *Observed) { o.RestartOwed = []string{"volume"} }), `
			Shutdown (disrupts): restart to bring into effect: volume
			Start: second half of the restart`},
		{"a kept volume is nobody's business", desired(without), observed(place(Kept)), `nothing to do`},
		{"a name that comes back gets its volume", desired(), observed(place(Kept)), `
			Configure: volume data detached -> at /var/lib/postgresql`},
		{"a name that comes back before the restart", desired(), observed(place(Leaving)), `
			Configure: volume data detached when it stops -> at /var/lib/postgresql`},
		{"a volume that is gone is not replaced by an empty one", desired(), observed(place(Lost)), `
			Refused: volume data local-zfs:data -> at /var/lib/postgresql: the container has its volume no more, and an empty one is not put in its place: give it back on Proxmox with ` +
			"`pct set`" + `, or give the volume another name, which makes a new one`},
		{"and a stopped container is not started without it", desired(), observed(place(Lost), stopped), `
			Refused: volume data local-zfs:data -> at /var/lib/postgresql: the container has its volume no more, and an empty one is not put in its place: give it back on Proxmox with ` +
			"`pct set`" + `, or give the volume another name, which makes a new one`},
		{"nothing is allocated while one is lost, for it could get the lost one's id", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "wal", MountPath: "/wal", Storage: "s", Bytes: gib})
		}), observed(place(Lost)), `
			Refused: volume data local-zfs:data -> at /var/lib/postgresql: the container has its volume no more, and an empty one is not put in its place: give it back on Proxmox with ` +
			"`pct set`" + `, or give the volume another name, which makes a new one`},
		{"another name at the same path never hides the old volume from a running service", desired(renamed), observed(), `
			Configure: volume data 20 GiB at /var/lib/postgresql -> detached, kept as local-zfs:data (owes a restart)
			Shutdown (disrupts): restart to bring into effect: volume
			Configure: volume other none -> 20 GiB on local-zfs at /var/lib/postgresql
			Start: second half of the restart`},
		{"nor does a volume above a mounted one", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "lib", MountPath: "/var/lib", Storage: "s", Bytes: gib})
		}), observed(), `
			Shutdown (disrupts): restart to bring into effect: volume
			Configure: volume lib none -> 1 GiB on s at /var/lib
			Start: second half of the restart`},
		{"one below a mounted one is mounted at once", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "wal", MountPath: "/var/lib/postgresql/wal", Storage: "s", Bytes: gib})
		}), observed(), `Configure: volume wal none -> 1 GiB on s at /var/lib/postgresql/wal`},
		{"a volume does not go over somebody else's mount point", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "wal", MountPath: "/theirs", Storage: "s", Bytes: gib})
		}), observed(theirs("/theirs")), `
			Refused: volume wal none -> 1 GiB on s at /theirs: the container has another mount point there, mp7, which is not the service's: take it away on Proxmox, or choose another mountPath`},
		{"each new volume is a call of its own, whatever else changes", desired(func(d *Desired) {
			d.MemoryMiB = 4096
			d.Volumes = append(d.Volumes, Volume{Name: "wal", MountPath: "/wal", Storage: "s", Bytes: gib}, Volume{Name: "log", MountPath: "/log", Storage: "s", Bytes: gib})
		}), observed(), `
			Configure: memory 2048 MiB -> 4096 MiB
			Configure: volume log none -> 1 GiB on s at /log
			Configure: volume wal none -> 1 GiB on s at /wal`},
		{"read-only", desired(func(d *Desired) { d.Volumes[0].ReadOnly = true }), observed(stopped), `
			Configure: volume data at /var/lib/postgresql, backup on -> at /var/lib/postgresql, backup on, read-only
			Start: stopped`},
		{"of a disabled service", desired(without, func(d *Desired) { d.Run = false }), observed(), `
			Configure: volume data 20 GiB at /var/lib/postgresql -> detached, kept as local-zfs:data (owes a restart)
			Shutdown (disrupts): disabled`},
		{"another storage is refused", desired(func(d *Desired) { d.Volumes[0].Storage = "tank" }), observed(), `
			Refused: volume data storage local-zfs -> storage tank: a volume is not moved between storages; set it back, or move it with ` + "`pct move-volume`" + ` first`},
		{"also of one that comes back, which is on its storage still", desired(func(d *Desired) { d.Volumes[0].Storage = "tank" }), observed(place(Kept)), `
			Configure: volume data detached -> at /var/lib/postgresql`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.ReplaceAll(strings.TrimSpace(c.want), "\t", "")
			if diff := cmp.Diff(want, Compute(c.d, c.o).String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindVolumes(t *testing.T) {
	mount := func(key, path, volume string) Mount { return Mount{Key: key, MountPath: path, Volume: volume} }
	data, wal := mount("mp0", "/data", "s:1"), mount("mp1", "/wal", "s:2")
	known := map[string]RememberedVolume{"data": {Key: "mp0", Volume: "s:1", MountPath: "/data"}, "wal": {Key: "mp1", Volume: "s:2", MountPath: "/wal"}}
	byKey := map[string]RememberedVolume{"data": {Key: "mp0"}, "wal": {Key: "mp1"}}
	for _, c := range []struct {
		name       string
		remembered map[string]RememberedVolume
		disks      Disks
		want       string // name=volume@key, with its place
	}{
		{"as remembered", known, Disks{Future: []Mount{data, wal}}, "data=s:1@mp0 wal=s:2@mp1"},
		{"by the key alone, when no id is known", byKey, Disks{Future: []Mount{data, wal}}, "data=s:1@mp0 wal=s:2@mp1"},
		{"mount points that were swapped by hand", known, Disks{Future: []Mount{mount("mp0", "/data", "s:2"), mount("mp1", "/wal", "s:1")}}, "wal=s:2@mp0 data=s:1@mp1"},
		{"one that was moved to another key by hand", known, Disks{Future: []Mount{wal, mount("mp5", "/data", "s:1")}}, "wal=s:2@mp1 data=s:1@mp5"},
		{"one that was moved to another storage", known, Disks{Future: []Mount{mount("mp0", "/data", "tank:9"), wal}, Unused: []string{"s:1"}}, "data=tank:9@mp0 wal=s:2@mp1"},
		{"somebody's own mount point in the old place", known, Disks{Future: []Mount{mount("mp0", "/theirs", "tank:9"), wal}, Unused: []string{"s:1"}},
			"data=s:1@ Kept =tank:9@mp0 wal=s:2@mp1"},
		{"one that was detached by hand", known, Disks{Future: []Mount{wal}, Live: []Mount{wal}, Unused: []string{"s:1"}}, "data=s:1@ Kept wal=s:2@mp1"},
		{"one that leaves when the container stops", known, Disks{Future: []Mount{wal}, Live: []Mount{data, wal}}, "data=s:1@mp0 Leaving wal=s:2@mp1"},
		{"the same, and no id is known", byKey, Disks{Future: []Mount{wal}, Live: []Mount{data, wal}}, "data=s:1@mp0 Leaving wal=s:2@mp1"},
		{"one that is destroyed", known, Disks{Future: []Mount{wal}}, "data=s:1@ Lost wal=s:2@mp1"},
		{"nobody knows which", byKey, Disks{Future: []Mount{wal}, Unused: []string{"s:1", "s:7"}}, "data=@ Lost wal=s:2@mp1"},
		{"mp2 before mp10", nil, Disks{Future: []Mount{mount("mp10", "/b", "s:2"), mount("mp2", "/a", "s:1")}}, "=s:1@mp2 =s:2@mp10"},
		{"one disk is never two volumes", map[string]RememberedVolume{"a": {Key: "mp0", Volume: "s:1"}, "b": {Key: "mp0", Volume: "s:1"}},
			Disks{Future: []Mount{data}}, "b=s:1@ Lost a=s:1@mp0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, v := range FindVolumes(c.remembered, c.disks) {
				text := v.Name + "=" + v.Volume + "@" + v.Key
				if v.Place != Attached {
					text += " " + string(v.Place)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
