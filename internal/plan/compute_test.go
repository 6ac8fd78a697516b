package plan

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const gib = 1 << 30

func desired(edit ...func(*Desired)) Desired {
	d := Desired{
		Hostname: "db.example.com", SearchDomain: "example.com", Nameservers: []netip.Addr{netip.MustParseAddr("192.168.1.10")},
		Net:       Net{Bridge: "vmbr0", IP: netip.MustParsePrefix("192.168.1.11/24"), Gateway: netip.MustParseAddr("192.168.1.1"), VLANTag: 100},
		MemoryMiB: 2048, SwapMiB: 512, CPU: CPU{Cores: 2}, Template: "local:vztmpl/nixos.tar.xz", Storage: "local-zfs",
		Unprivileged: true, Nesting: true, RootBytes: 20 * gib,
		Volumes: []Volume{{Name: "data", MountPath: "/var/lib/postgresql", Storage: "local-zfs", Bytes: 20 * gib, Backup: true}},
		Tags:    []string{"nixmox", "db"}, OnBoot: true, BootOrder: 1, Run: true, ShutdownTimeout: time.Minute,
	}
	for _, e := range edit {
		e(&d)
	}
	return d
}

// observed is the container that desired() asks for, running.
func observed(edit ...func(*Observed)) Observed {
	d := desired()
	o := Observed{Exists: true}
	o.apply(Step{Kind: Create}, d)
	o.apply(Step{Kind: Start}, d)
	for _, e := range edit {
		e(&o)
	}
	return o
}

// bind has a path of the node asked for, by root@pam in person.
func bind(path string, readOnly bool) func(*Desired) {
	return func(d *Desired) {
		d.AsRoot = true
		d.Volumes = append(d.Volumes, Volume{Name: "media", MountPath: "/media", HostPath: path, ReadOnly: readOnly})
	}
}

func token(d *Desired) { d.AsRoot = false }

// bound has a path of the node mounted.
func bound(path string, readOnly bool) func(*Observed) {
	return func(o *Observed) {
		m := Mount{Key: "mp1", Volume: path, MountPath: "/media", ReadOnly: readOnly}
		o.Volumes, o.Mounted = append(o.Volumes, ObservedVolume{Name: "media", Mount: m}), append(o.Mounted, m)
	}
}

func ptr[T any](v T) *T { return &v }

func TestCompute(t *testing.T) {
	for _, c := range []struct {
		name string
		d    Desired
		o    Observed
		want string
	}{
		{"no container: it is created and started", desired(), Observed{}, `
			Create: no container yet
			Start: created`},
		{"no container and disabled: none is made", desired(func(d *Desired) { d.Run = false }), Observed{}, `nothing to do`},
		{"as desired", desired(), observed(), `nothing to do`},
		{"memory in place", desired(func(d *Desired) { d.MemoryMiB = 4096 }), observed(), `
			Configure: memory 2048 MiB -> 4096 MiB`},
		{"several edits are one call", desired(), observed(func(o *Observed) {
			o.MemoryMiB, o.CPU, o.Tags = 1024, CPU{Cores: 2, LimitMilli: 1500}, []string{"db"}
			o.Net.IP = netip.MustParsePrefix("192.168.1.99/24")
		}), `
			Configure: ip 192.168.1.99/24 -> 192.168.1.11/24, memory 1024 MiB -> 2048 MiB, cpu 1500m on 2 cores -> 2, tags db -> db;nixmox`},
		{"hostname owes a restart", desired(), observed(func(o *Observed) { o.Hostname = "old" }), `
			Configure: hostname old -> db.example.com (owes a restart)
			Shutdown (disrupts): restart to bring into effect: hostname
			Start: second half of the restart`},
		{"hostname of a stopped container owes nothing", desired(), observed(func(o *Observed) { o.Hostname, o.Running = "old", false }), `
			Configure: hostname old -> db.example.com
			Start: stopped`},
		{"a restart that is still owed", desired(), observed(func(o *Observed) { o.RestartOwed = []string{"hostname"} }), `
			Shutdown (disrupts): restart to bring into effect: hostname
			Start: second half of the restart`},
		{"a disk whose mount point is pending grows after the restart", desired(func(d *Desired) { d.Volumes[0].Bytes, d.Volumes[0].Backup = 40*gib, false }), observed(), `
			Configure: volume data at /var/lib/postgresql, backup on -> at /var/lib/postgresql, backup off (owes a restart)
			Shutdown (disrupts): restart to bring into effect: volume
			Start: second half of the restart
			Grow: volume data 20 GiB -> 40 GiB`},
		{"an address is handed over with one stop", desired(func(d *Desired) {
			d.HandOver, d.Hostname = "hands 192.168.1.99 over to b", "new.example.com"
		}), observed(func(o *Observed) { o.Net.IP = netip.MustParsePrefix("192.168.1.99/24") }), `
			Shutdown (disrupts): hands 192.168.1.99 over to b
			Configure: hostname db.example.com -> new.example.com, ip 192.168.1.99/24 -> 192.168.1.11/24
			Start: second half of the restart`},
		{"a stopped container has handed it over already", desired(func(d *Desired) { d.HandOver = "hands 192.168.1.99 over to b" }),
			observed(func(o *Observed) { o.Running = false }), `Start: stopped`},
		{"stopped", desired(), observed(func(o *Observed) { o.Running = false }), `Start: stopped`},
		{"stopped and to be left", desired(func(d *Desired) { d.KeepStopped = true }), observed(func(o *Observed) { o.Running = false }), `nothing to do`},
		{"disabled", desired(func(d *Desired) { d.Run = false }), observed(), `Shutdown (disrupts): disabled`},
		{"disabled and stopped", desired(func(d *Desired) { d.Run = false }), observed(func(o *Observed) { o.Running = false }), `nothing to do`},
		{"asked to be on another node", desired(func(d *Desired) { d.Node = "pve2" }), observed(func(o *Observed) { o.Node = "pve1" }), `
			Migrate (disrupts): node pve1 -> pve2, by a restart, killed if it does not stop within 1m0s`},
		{"on the node that was asked for", desired(func(d *Desired) { d.Node = "pve2" }), observed(func(o *Observed) { o.Node = "pve2" }), `nothing to do`},
		{"a move is the restart for other changes too", desired(func(d *Desired) { d.Node, d.RootBytes = "pve2", 30*gib }), observed(func(o *Observed) { o.Node, o.Hostname = "pve1", "old" }), `
			Configure: hostname old -> db.example.com (owes a restart)
			Grow: storage 20 GiB -> 30 GiB
			Migrate (disrupts): node pve1 -> pve2, by a restart, killed if it does not stop within 1m0s, that also brings into effect: hostname`},
		{"moved while it stands still", desired(func(d *Desired) { d.Node = "pve2" }), observed(func(o *Observed) { o.Node, o.Running = "pve1", false }), `
			Migrate: node pve1 -> pve2
			Start: stopped`},
		{"disabled and moved", desired(func(d *Desired) { d.Node, d.Run = "pve2", false }), observed(func(o *Observed) { o.Node = "pve1" }), `
			Shutdown (disrupts): disabled
			Migrate: node pve1 -> pve2`},
		{"moved between the halves of a restart that is needed anyway", desired(func(d *Desired) { d.Node, d.HandOver = "pve2", "hands 192.168.1.11 over to b" }),
			observed(func(o *Observed) { o.Node = "pve1" }), `
			Shutdown (disrupts): hands 192.168.1.11 over to b
			Migrate: node pve1 -> pve2
			Start: second half of the restart`},
		{"a move that is refused changes nothing else", desired(func(d *Desired) { d.Node, d.NodeRefused = "pve9", "there is no such node" }), observed(func(o *Observed) { o.Node, o.Hostname = "pve1", "old" }), `
			Refused: node pve1 -> pve9: there is no such node
			Configure: hostname old -> db.example.com (owes a restart)
			Shutdown (disrupts): restart to bring into effect: hostname
			Start: second half of the restart`},
		{"a move that came to nothing owes a running container no restart", desired(), observed(func(o *Observed) { o.RestartOwed = []string{"node"} }), `nothing to do`},
		{"a path of the node is mounted, in a call of its own", desired(bind("/tank/media", true), func(d *Desired) { d.MemoryMiB = 4096 }), observed(), `
			Configure: memory 2048 MiB -> 4096 MiB
			Configure: volume media none -> /tank/media of the node at /media, read-only`},
		{"another path, and no more read-only, owe a restart", desired(bind("/tank/films", false)), observed(bound("/tank/media", true)), `
			Configure: volume media /tank/media of the node at /media, read-only -> /tank/films of the node at /media (owes a restart)
			Shutdown (disrupts): restart to bring into effect: volume
			Start: second half of the restart`},
		{"as it is mounted", desired(bind("/tank/media", true)), observed(bound("/tank/media", true)), `nothing to do`},
		{"an API token may leave it as it is", desired(bind("/tank/media", true), token), observed(bound("/tank/media", true)), `nothing to do`},
		{"an API token may take it away, and nothing is kept", desired(token), observed(bound("/tank/media", true)), `
			Configure: volume media /tank/media of the node at /media, read-only -> taken away, and left as it is on the node (owes a restart)
			Shutdown (disrupts): restart to bring into effect: volume
			Start: second half of the restart`},
		{"an API token may not mount it", desired(bind("/tank/media", true), token), observed(), `
			Refused: volume media none -> /tank/media of the node at /media, read-only: Proxmox lets only root@pam in person mount a path of the node, and no API token: put username and password of root@pam into the host's Secret, or set it on the node with ` + "`pct set VMID -mpN /tank/media,mp=/media,ro=1`" + `; until then leave it out of the spec`},
		{"an API token creates nothing that would lack it", desired(bind("/tank/media", false), token), Observed{}, `
			Refused: volume media none -> /tank/media of the node at /media: Proxmox lets only root@pam in person mount a path of the node, and no API token: put username and password of root@pam into the host's Secret, or set it on the node with ` + "`pct set VMID -mpN /tank/media,mp=/media`" + `; until then leave it out of the spec`},
		{"created with it", desired(bind("/tank/media", false)), Observed{}, `
			Create: no container yet
			Start: created`},
		{"a volume does not become a path under its name", desired(func(d *Desired) {
			d.AsRoot, d.Volumes[0] = true, Volume{Name: "data", MountPath: "/var/lib/postgresql", HostPath: "/tank/db"}
		}), observed(), `
			Refused: volume data local-zfs:data -> /tank/db of the node at /var/lib/postgresql: a name stands for a path of the node or for a volume, and for ever: give the volume another name`},
		{"nor a path a volume", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "media", MountPath: "/media", Storage: "local-zfs", Bytes: gib})
		}), observed(bound("/tank/media", false)), `
			Refused: volume media /tank/media -> a volume of its own at /media: a name stands for a path of the node or for a volume, and for ever: give the volume another name`},
		{"not over a mount point of somebody else", desired(bind("/tank/media", false)), observed(func(o *Observed) {
			o.Volumes = append(o.Volumes, ObservedVolume{Mount: Mount{Key: "mp5", Volume: "/theirs", MountPath: "/media"}})
		}), `
			Refused: volume media none -> /tank/media of the node at /media: the container has another mount point there, mp5, which is not the service's: take it away on Proxmox, or choose another mountPath`},
		{"disks grow, one call each", desired(func(d *Desired) { d.RootBytes, d.Volumes[0].Bytes = 30*gib, 40*gib }), observed(), `
			Grow: storage 20 GiB -> 30 GiB
			Grow: volume data 20 GiB -> 40 GiB`},
		{"a disk that somebody enlarged is left alone", desired(), observed(func(o *Observed) { o.RootBytes = 50 * gib }), `nothing to do`},
		{"a smaller disk is refused", desired(func(d *Desired) { d.RootBytes = 10 * gib }), observed(), `
			Refused: storage 20 GiB -> 10 GiB: disks never shrink; ask for at least what it has`},
		{"a smaller volume is refused, the rest goes on", desired(func(d *Desired) { d.Volumes[0].Bytes = gib; d.MemoryMiB = 1024 }), observed(), `
			Refused: volume data 20 GiB -> 1 GiB: disks never shrink; ask for at least what it has
			Configure: memory 2048 MiB -> 1024 MiB`},
		{"a new volume is allocated", desired(func(d *Desired) {
			d.Volumes = append(d.Volumes, Volume{Name: "wal", MountPath: "/wal", Storage: "local-zfs", Bytes: gib})
		}), observed(), `Configure: volume wal none -> 1 GiB on local-zfs at /wal`},
		{"volumes are known by name, not by position", desired(func(d *Desired) {
			d.Volumes = append([]Volume{{Name: "wal", MountPath: "/wal", Storage: "s", Bytes: gib}}, d.Volumes...)
		}), observed(func(o *Observed) {
			o.Volumes = append(o.Volumes, ObservedVolume{Name: "wal", Mount: Mount{Key: "mp1", MountPath: "/wal", Bytes: gib}, Storage: "s"})
		}), `nothing to do`},
		{"a mount point that is not ours is left alone", desired(), observed(func(o *Observed) {
			o.Volumes = append(o.Volumes, ObservedVolume{Mount: Mount{Key: "mp7", MountPath: "/theirs", Bytes: gib}})
		}), `nothing to do`},
		{"another template is refused", desired(func(d *Desired) { d.Template = "local:vztmpl/new.tar.xz" }), observed(), `
			Refused: template local:vztmpl/nixos.tar.xz -> local:vztmpl/new.tar.xz: a container keeps the template that it was created from; set it back, or make a new service`},
		{"unprivileged is refused", desired(func(d *Desired) { d.Unprivileged = false }), observed(), `
			Refused: unprivileged on -> off: Proxmox cannot change it on an existing container; set it back`},
		{"the MAC is kept when none is asked for", desired(), observed(func(o *Observed) { o.Net.MAC = "BC:24:11:00:00:01" }), `nothing to do`},
		{"a MAC in another case is the same", desired(func(d *Desired) { d.Net.MAC = "bc:24:11:00:00:01" }),
			observed(func(o *Observed) { o.Net.MAC = "BC:24:11:00:00:01" }), `nothing to do`},
		{"an option that nobody asked for is left as it is", desired(), observed(func(o *Observed) {
			o.Options.MTU, o.Options.RateMBps, o.Options.Keyctl, o.Options.Mount = ptr(1400), ptr(10.0), ptr(true), []string{"nfs"}
		}), `nothing to do`},
		{"the rate limit in place, the mtu at a restart", desired(func(d *Desired) {
			d.Options.RateMBps, d.Options.MTU, d.Options.Timezone = ptr(12.5), ptr(1400), ptr("host")
		}), observed(), `
			Configure: mtu none -> 1400 (owes a restart), rate limit none -> 12.5 MB/s, timezone none -> host (owes a restart)
			Shutdown (disrupts): restart to bring into effect: mtu, timezone
			Start: second half of the restart`},
		{"an option that was set once is taken back", desired(func(d *Desired) { d.Options = d.Options.TakeBack([]string{"mtu", "mount"}) }),
			observed(func(o *Observed) {
				o.Options.MTU, o.Options.RateMBps, o.Options.Mount, o.Running = ptr(1400), ptr(10.0), []string{"nfs"}, false
			}), `
			Refused: mount nfs -> none: Proxmox lets only root@pam in person change it, and no API token; take it out of the spec, or set it with pct on the node
			Configure: mtu 1400 -> none
			Start: stopped`},
		{"root@pam in person may change features", desired(func(d *Desired) {
			d.AsRoot, d.Options.Keyctl, d.Options.Mount = true, ptr(true), []string{"nfs", "cifs"}
		}), observed(), `
			Configure: keyctl off -> on (owes a restart), mount none -> cifs;nfs (owes a restart)
			Shutdown (disrupts): restart to bring into effect: keyctl, mount
			Start: second half of the restart`},
		{"a token may not, and the rest goes on", desired(func(d *Desired) { d.Options.FUSE, d.MemoryMiB = ptr(true), 1024 }), observed(), `
			Refused: fuse off -> on: Proxmox lets only root@pam in person change it, and no API token; take it out of the spec, or set it with pct on the node
			Configure: memory 2048 MiB -> 1024 MiB`},
		{"a feature that it has already needs nobody", desired(func(d *Desired) { d.Options.FUSE = ptr(true) }),
			observed(func(o *Observed) { o.Options.FUSE = ptr(true) }), `nothing to do`},
		{"a container is not made without what a token may not set", desired(func(d *Desired) { d.Options.Keyctl = ptr(true) }), Observed{}, `
			Refused: keyctl off -> on: Proxmox lets only root@pam in person change it, and no API token; take it out of the spec, or set it with pct on the node`},
		{"nesting of a privileged container", desired(func(d *Desired) { d.Unprivileged = false }), Observed{}, `
			Refused: nesting off -> on: Proxmox lets only root@pam in person change features of a privileged container, and no API token; take it out of the spec, or set it with pct on the node`},
		{"an edited marker is written again", desired(), observed(func(o *Observed) { o.MarkerCurrent = false }), `Configure: marker edited -> current`},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.ReplaceAll(strings.TrimSpace(c.want), "\t", "")
			if diff := cmp.Diff(want, Compute(c.d, c.o).String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
