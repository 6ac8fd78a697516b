package execute_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

const gib = 1 << 30

func wish(edit ...func(*plan.Desired)) plan.Desired {
	d := plan.Desired{
		Hostname: "db.lan", SearchDomain: "lan",
		Nameservers: []netip.Addr{netip.MustParseAddr("192.168.1.53"), netip.MustParseAddr("fd00::53")},
		Net:         plan.Net{Bridge: "vmbr0", IP: netip.MustParsePrefix("192.168.1.11/24"), Gateway: netip.MustParseAddr("192.168.1.1"), VLANTag: 100},
		MemoryMiB:   2048, SwapMiB: 512, CPU: plan.CPU{Cores: 2}, Template: "local:vztmpl/nixos.tar.xz", Storage: "local-zfs",
		Unprivileged: true, Nesting: true, RootBytes: 20 * gib,
		Volumes: []plan.Volume{{Name: "data", MountPath: "/data", Storage: "local-zfs", Bytes: 5 * gib, Backup: true}},
		Tags:    []string{"db", "nixmox"}, OnBoot: true, BootOrder: 1, Run: true,
	}
	for _, e := range edit {
		e(&d)
	}
	return d
}

func ours() marker.Marker {
	return marker.Marker{Instance: "home", Host: "lab/default", Service: "lab/db", UID: "7b1c", VMID: 901, Nonce: "k3v9", State: marker.Live, Volumes: map[string]string{}}
}

// text is parameters as sorted lines; the marker in a description is cut to its volumes.
func text(set proxmox.Params, del []string) string {
	var lines []string
	for _, key := range set.Keys() {
		value := set[key]
		if key == "description" {
			m, rest, ok := marker.Parse(value)
			ids := ""
			if len(m.VolumeIDs) > 0 {
				ids = fmt.Sprintf("ids %v, ", m.VolumeIDs)
			}
			value = fmt.Sprintf("(marked %v, volumes %v, %snotes %q)", ok, m.Volumes, ids, rest)
		}
		lines = append(lines, key+"="+value)
	}
	if len(del) > 0 {
		lines = append(lines, "delete="+strings.Join(del, ","))
	}
	return strings.Join(lines, "\n")
}

func same(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.ReplaceAll(strings.TrimSpace(want), "\t", ""), got); diff != "" {
		t.Error(diff)
	}
}

func TestCreateParams(t *testing.T) {
	for _, c := range []struct {
		name string
		d    plan.Desired
		want string
	}{
		{"everything", wish(func(d *plan.Desired) { d.SSHKeys = []string{"ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"} }), `
			cores=2
			description=(marked true, volumes map[data:mp0], notes "")
			features=nesting=1
			hostname=db.lan
			memory=2048
			mp0=local-zfs:5,mp=/data,backup=1
			nameserver=192.168.1.53 fd00::53
			net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,ip=192.168.1.11/24,tag=100,type=veth
			onboot=1
			ostemplate=local:vztmpl/nixos.tar.xz
			rootfs=local-zfs:20
			searchdomain=lan
			ssh-public-keys=ssh-ed25519 AAAA one
			ssh-ed25519 BBBB two
			startup=order=1
			swap=512
			tags=db;nixmox
			unprivileged=1`},
		{"the least", plan.Desired{
			Hostname: "a", Net: plan.Net{Bridge: "vmbr0", IP: netip.MustParsePrefix("10.0.0.2/8")}, MemoryMiB: 512, CPU: plan.CPU{Cores: 1},
			Template: "t", Storage: "local", RootBytes: 4 * gib, Tags: []string{"nixmox"},
		}, `
			cores=1
			description=(marked true, volumes map[], notes "")
			hostname=a
			memory=512
			net0=name=eth0,bridge=vmbr0,ip=10.0.0.2/8,type=veth
			onboot=0
			ostemplate=t
			rootfs=local:4
			startup=order=0
			swap=0
			tags=nixmox
			unprivileged=0`},
		{"options", wish(func(d *plan.Desired) {
			d.Options = plan.Options{MTU: ptr(1400), RateMBps: ptr(0.5), Keyctl: ptr(true), FUSE: ptr(false), Mount: []string{"nfs"}, Timezone: ptr("host")}
		}), `
			cores=2
			description=(marked true, volumes map[data:mp0], notes "")
			features=keyctl=1,mount=nfs,nesting=1
			hostname=db.lan
			memory=2048
			mp0=local-zfs:5,mp=/data,backup=1
			nameserver=192.168.1.53 fd00::53
			net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,ip=192.168.1.11/24,mtu=1400,rate=0.5,tag=100,type=veth
			onboot=1
			ostemplate=local:vztmpl/nixos.tar.xz
			rootfs=local-zfs:20
			searchdomain=lan
			startup=order=1
			swap=512
			tags=db;nixmox
			timezone=host
			unprivileged=1`},
		{"IPv6, a fraction of a core, sizes that are no whole GiB", wish(func(d *plan.Desired) {
			d.Net = plan.Net{Bridge: "vmbr1", IP: netip.MustParsePrefix("fd00::11/64"), Gateway: netip.MustParseAddr("fd00::1"), MAC: "BC:24:11:00:00:01", Firewall: true}
			d.CPU = plan.CPU{Cores: 2, LimitMilli: 1500}
			d.RootBytes, d.Volumes[0].Bytes, d.Volumes[0].Backup = 1536<<20, 512<<20, false
		}), `
			cores=2
			cpulimit=1.5
			description=(marked true, volumes map[data:mp0], notes "")
			features=nesting=1
			hostname=db.lan
			memory=2048
			mp0=local-zfs:0.5,mp=/data
			nameserver=192.168.1.53 fd00::53
			net0=name=eth0,bridge=vmbr1,firewall=1,gw6=fd00::1,hwaddr=BC:24:11:00:00:01,ip6=fd00::11/64,type=veth
			onboot=1
			ostemplate=local:vztmpl/nixos.tar.xz
			rootfs=local-zfs:1.5
			searchdomain=lan
			startup=order=1
			swap=512
			tags=db;nixmox
			unprivileged=1`},
	} {
		t.Run(c.name, func(t *testing.T) { same(t, c.want, text(execute.CreateParams(c.d, ours()), nil)) })
	}
}

func ptr[T any](v T) *T { return &v }

// there is a container's configuration as Proxmox tells it.
func there(t *testing.T, raw map[string]string) *proxmox.View {
	t.Helper()
	c := &proxmox.Config{Raw: raw, Digest: "d1", Mounts: map[int]proxmox.Mount{}, Nets: map[int]proxmox.Net{}, Description: raw["description"]}
	for i := range 10 {
		if value := raw[proxmox.MountKey(i)]; value != "" {
			m, err := proxmox.ParseMount(value)
			if err != nil {
				t.Fatal(err)
			}
			c.Mounts[i] = m
		}
		if value := raw[proxmox.NetKey(i)]; value != "" {
			n, err := proxmox.ParseNet(value)
			if err != nil {
				t.Fatal(err)
			}
			c.Nets[i] = n
		}
	}
	var err error
	if c.Features, err = proxmox.ParseFeatures(raw["features"]); err != nil {
		t.Fatal(err)
	}
	if c.Startup, err = proxmox.ParseStartup(raw["startup"]); err != nil {
		t.Fatal(err)
	}
	return &proxmox.View{Live: c, Future: c}
}

func TestConfigureParams(t *testing.T) {
	const mac = "hwaddr=BC:24:11:AA:BB:CC"
	marked := func(volumes map[string]string, notes string) string {
		m := ours()
		m.Volumes = volumes
		return m.Render(notes)
	}
	for _, c := range []struct {
		name    string
		d       plan.Desired
		now     map[string]string
		volumes map[string]string // by the marker
		changes []plan.Change
		want    string
	}{
		{name: "an address keeps the MAC and what others set", d: wish(),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr9,gw=1.2.3.4,ip=1.2.3.5/24," + mac + ",mtu=1400,rate=10,link_down=1,tag=7,type=veth"},
			changes: []plan.Change{{Field: plan.FieldIP}, {Field: plan.FieldVLAN}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,` + mac + `,ip=192.168.1.11/24,link_down=1,mtu=1400,rate=10,tag=100,type=veth`},
		{name: "a MAC that is asked for replaces the one there is", d: wish(func(d *plan.Desired) { d.Net.MAC = "BC:24:11:00:00:01" }),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0," + mac + ",ip=dhcp,type=veth"},
			changes: []plan.Change{{Field: plan.FieldMAC}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,hwaddr=BC:24:11:00:00:01,ip=192.168.1.11/24,tag=100,type=veth`},
		{name: "an IPv4 address beside ours keeps an IPv6 one", d: wish(),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0," + mac + ",ip6=auto,type=veth"},
			changes: []plan.Change{{Field: plan.FieldIP}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,` + mac + `,ip=192.168.1.11/24,ip6=auto,tag=100,type=veth`},
		{name: "an IPv6 address in the place of an IPv4 one", d: wish(func(d *plan.Desired) {
			d.Net = plan.Net{Bridge: "vmbr0", IP: netip.MustParsePrefix("fd00::11/64")}
		}),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0,gw=192.168.1.1," + mac + ",ip=192.168.1.11/24,type=veth"},
			changes: []plan.Change{{Field: plan.FieldIP}},
			want:    `net0=name=eth0,bridge=vmbr0,` + mac + `,ip6=fd00::11/64,type=veth`},
		{name: "an IPv4 address in the place of an IPv6 one", d: wish(),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0,gw6=fd00::1," + mac + ",ip6=fd00::11/64,type=veth"},
			changes: []plan.Change{{Field: plan.FieldIP}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,` + mac + `,ip=192.168.1.11/24,tag=100,type=veth`},
		{name: "a second address of somebody else's", d: wish(),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0,gw6=fd00::1," + mac + ",ip=192.168.1.9/24,ip6=fd00::11/64,type=veth"},
			changes: []plan.Change{{Field: plan.FieldIP}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,gw6=fd00::1,` + mac + `,ip=192.168.1.11/24,ip6=fd00::11/64,tag=100,type=veth`},
		{name: "an mtu and a rate limit, and one that is taken back", d: wish(func(d *plan.Desired) {
			d.Options = plan.Options{RateMBps: ptr(12.5)}.TakeBack([]string{"mtu"})
		}),
			now:     map[string]string{"net0": "name=eth0,bridge=vmbr0," + mac + ",ip=192.168.1.11/24,mtu=1400,type=veth"},
			changes: []plan.Change{{Field: plan.FieldRate}, {Field: plan.FieldMTU}},
			want:    `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,` + mac + `,ip=192.168.1.11/24,rate=12.5,tag=100,type=veth`},
		{name: "features beside those of somebody else", d: wish(func(d *plan.Desired) {
			d.Options = plan.Options{Keyctl: ptr(true), Mount: []string{"nfs", "cifs"}}
		}),
			now: map[string]string{"features": "fuse=1,nesting=1"}, changes: []plan.Change{{Field: plan.FieldKeyctl}, {Field: plan.FieldMount}},
			want: `features=fuse=1,keyctl=1,mount=nfs;cifs,nesting=1`},
		{name: "a feature goes and another comes", d: wish(func(d *plan.Desired) { d.Nesting, d.Options.FUSE = false, ptr(true) }),
			now: map[string]string{"features": "nesting=1"}, changes: []plan.Change{{Field: plan.FieldNesting}, {Field: plan.FieldFUSE}},
			want: `features=fuse=1`},
		{name: "a time zone", d: wish(func(d *plan.Desired) { d.Options.Timezone = ptr("Europe/Berlin") }), now: map[string]string{},
			changes: []plan.Change{{Field: plan.FieldTimezone}}, want: `timezone=Europe/Berlin`},
		{name: "a time zone that is taken back", d: wish(func(d *plan.Desired) { d.Options.Timezone = ptr("") }), now: map[string]string{"timezone": "host"},
			changes: []plan.Change{{Field: plan.FieldTimezone}}, want: `delete=timezone`},
		{name: "an interface that is gone is made again", d: wish(), now: map[string]string{}, changes: []plan.Change{{Field: plan.FieldBridge}},
			want: `net0=name=eth0,bridge=vmbr0,gw=192.168.1.1,ip=192.168.1.11/24,tag=100,type=veth`},
		{name: "a feature beside others", d: wish(func(d *plan.Desired) { d.Nesting = false }),
			now: map[string]string{"features": "keyctl=1,nesting=1"}, changes: []plan.Change{{Field: plan.FieldNesting}}, want: `features=keyctl=1`},
		{name: "the last feature is deleted, not emptied", d: wish(func(d *plan.Desired) { d.Nesting = false }),
			now: map[string]string{"features": "nesting=1"}, changes: []plan.Change{{Field: plan.FieldNesting}}, want: `delete=features`},
		{name: "boot order beside delays", d: wish(), now: map[string]string{"startup": "order=9,up=30,down=60"},
			changes: []plan.Change{{Field: plan.FieldBootOrder}}, want: `startup=order=1,up=30,down=60`},
		{name: "a limit that is not wanted is deleted", d: wish(), now: map[string]string{"cpulimit": "1.5"},
			changes: []plan.Change{{Field: plan.FieldCPU}}, want: "cores=2\ndelete=cpulimit"},
		{name: "what is not set is not deleted", d: wish(func(d *plan.Desired) { d.SearchDomain, d.Nameservers = "", nil }),
			now:     map[string]string{"searchdomain": "theirs"},
			changes: []plan.Change{{Field: plan.FieldCPU}, {Field: plan.FieldSearchDomain}, {Field: plan.FieldNameservers}},
			want:    "cores=2\ndelete=searchdomain"},
		{name: "a new volume goes to the first free key, together with the marker that names it",
			d: wish(func(d *plan.Desired) {
				d.Volumes = append([]plan.Volume{{Name: "wal", MountPath: "/wal", Storage: "fast", Bytes: gib}, {Name: "log", MountPath: "/log", Storage: "fast", Bytes: gib}}, d.Volumes...)
			}),
			now: map[string]string{"mp0": "local-zfs:subvol-901-disk-1,mp=/data", "mp2": "tank:theirs,mp=/theirs",
				"description": marked(map[string]string{"data": "mp0"}, "ask Eve")},
			volumes: map[string]string{"data": "mp0"},
			changes: []plan.Change{{Field: plan.FieldVolume, Volume: "wal", Disk: plan.VolumeStep{Action: plan.VolumeNew, Key: "mp1"}}},
			want: `
			description=(marked true, volumes map[data:mp0 wal:mp1], notes "ask Eve")
			mp1=fast:1,mp=/wal`},
		{name: "options of a volume keep its volume id, size and what others set", d: wish(),
			now:     map[string]string{"mp0": "local-zfs:subvol-901-disk-1,mp=/old,size=5G,mountoptions=noatime,ro=1"},
			volumes: map[string]string{"data": "mp0"},
			changes: []plan.Change{{Field: plan.FieldVolume, Volume: "data", Disk: plan.VolumeStep{Action: plan.VolumeOptions, Key: "mp0", Volume: "local-zfs:subvol-901-disk-1"}}},
			want: `
			description=(marked true, volumes map[data:mp0], ids map[data:local-zfs:subvol-901-disk-1], notes "")
			mp0=local-zfs:subvol-901-disk-1,mp=/data,backup=1,mountoptions=noatime,size=5G`},
		{name: "a detached volume keeps its id in the marker", d: wish(func(d *plan.Desired) { d.Volumes = nil }),
			now:     map[string]string{"mp0": "local-zfs:subvol-901-disk-1,mp=/data,size=5G"},
			volumes: map[string]string{"data": "mp0"},
			changes: []plan.Change{{Field: plan.FieldVolume, Volume: "data", Disk: plan.VolumeStep{Action: plan.VolumeDetach, Key: "mp0", Volume: "local-zfs:subvol-901-disk-1"}}},
			want: `
			description=(marked true, volumes map[], ids map[data:local-zfs:subvol-901-disk-1], notes "")
			delete=mp0`},
		{name: "a volume that comes back is the one that it was", d: wish(func(d *plan.Desired) { d.Volumes[0].ReadOnly = true }),
			now:     map[string]string{"mp0": "tank:theirs,mp=/theirs", "unused0": "local-zfs:subvol-901-disk-1"},
			changes: []plan.Change{{Field: plan.FieldVolume, Volume: "data", Disk: plan.VolumeStep{Action: plan.VolumeAttach, Key: "mp1", Volume: "local-zfs:subvol-901-disk-1"}}},
			want: `
			description=(marked true, volumes map[data:mp1], ids map[data:local-zfs:subvol-901-disk-1], notes "")
			mp1=local-zfs:subvol-901-disk-1,mp=/data,backup=1,ro=1`},
		{name: "the marker under somebody's notes", d: wish(), now: map[string]string{"description": "ask Eve"},
			changes: []plan.Change{{Field: plan.FieldMarker}}, want: `description=(marked true, volumes map[], notes "ask Eve")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := ours()
			m.Volumes = c.volumes
			before := fmt.Sprint(c.volumes)
			set, del := execute.ConfigureParams(plan.Step{Kind: plan.Configure, Changes: c.changes}, c.d, execute.Target{Marker: m, View: there(t, c.now)})
			same(t, c.want, text(set, del))
			if after := fmt.Sprint(c.volumes); after != before {
				t.Errorf("the caller's marker was changed from %s to %s", before, after)
			}
		})
	}
}
