package execute_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

const world = `{
  "nodes": [{"name": "pve1"}],
  "storages": {
    "local": {"type": "dir", "content": ["rootdir", "vztmpl"], "size": 1000000},
    "local-zfs": {"type": "zfspool", "content": ["rootdir"], "size": 1000000}
  },
  "templates": [{"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos"}],
  "bridges": {"vmbr0": {}, "vmbr1": {}},
  "users": {"root@pam": {"password": "pw", "acl": {"/": "Administrator"}}},
  "tokens": {"ctl": {"id": "root@pam!ctl", "secret": "0f8fad5b-d9cb-469f", "privsep": 0}}
}`

func drawWish(t *rapid.T) plan.Desired {
	d := wish()
	d.Hostname = rapid.StringMatching(`[a-z][a-z0-9]{0,10}([.][a-z]{1,5}){0,2}`).Draw(t, "hostname")
	d.SearchDomain = rapid.SampledFrom([]string{"", "lan", "example.com"}).Draw(t, "domain")
	d.Nameservers = nil
	for _, a := range rapid.SliceOfN(rapid.SampledFrom([]string{"1.1.1.1", "9.9.9.9", "fd00::53"}), 0, 3).Draw(t, "nameservers") {
		d.Nameservers = append(d.Nameservers, netip.MustParseAddr(a))
	}
	d.Net = plan.Net{
		Bridge: rapid.SampledFrom([]string{"vmbr0", "vmbr1"}).Draw(t, "bridge"), VLANTag: rapid.SampledFrom([]int{0, 1, 100, 4094}).Draw(t, "tag"),
		MAC: rapid.SampledFrom([]string{"", "BC:24:11:00:00:01", "bc:24:11:00:00:02"}).Draw(t, "mac"), Firewall: rapid.Bool().Draw(t, "firewall"),
		IP: netip.MustParsePrefix("192.168.1.11/24"),
	}
	gateway := "192.168.1.1"
	if rapid.Bool().Draw(t, "six") {
		d.Net.IP, gateway = netip.MustParsePrefix("fd00::11/64"), "fd00::1"
	}
	if rapid.Bool().Draw(t, "gateway") {
		d.Net.Gateway = netip.MustParseAddr(gateway)
	}
	d.MemoryMiB, d.SwapMiB = rapid.Int64Range(16, 8192).Draw(t, "memory"), rapid.Int64Range(0, 1024).Draw(t, "swap")
	d.CPU.Cores = rapid.IntRange(1, 8).Draw(t, "cores")
	if part := rapid.Int64Range(0, 9).Draw(t, "part"); part > 0 {
		d.CPU.LimitMilli = int64(d.CPU.Cores-1)*1000 + part*100
	}
	d.Nesting, d.OnBoot, d.BootOrder = rapid.Bool().Draw(t, "nesting"), rapid.Bool().Draw(t, "onboot"), rapid.IntRange(0, 20).Draw(t, "order")
	d.Run = rapid.Bool().Draw(t, "run")
	d.Options.MTU = rapid.Ptr(rapid.SampledFrom([]int{0, 576, 1400}), true).Draw(t, "mtu")
	d.Options.RateMBps = rapid.Ptr(rapid.SampledFrom([]float64{0, 0.125, 12.5, 1000}), true).Draw(t, "rate")
	d.Options.Timezone = rapid.Ptr(rapid.SampledFrom([]string{"", "host", "Europe/Berlin"}), true).Draw(t, "timezone")
	d.AsRoot = true
	d.Options.Keyctl, d.Options.FUSE = rapid.Ptr(rapid.Bool(), true).Draw(t, "keyctl"), rapid.Ptr(rapid.Bool(), true).Draw(t, "fuse")
	d.Options.Mount = rapid.SampledFrom([][]string{nil, {}, {"nfs"}, {"cifs", "nfs"}}).Draw(t, "mount")
	d.Tags = append(rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9_][a-z0-9_.+-]{0,8}`), 0, 3, rapid.ID).Draw(t, "tags"), marker.Tag)
	return d
}

// What CreateParams and ConfigureParams write is accepted, and read back it leaves nothing to do: whatever a service asks for first and
// then.
func TestWhatIsWrittenIsReadBackAsAskedFor(t *testing.T) {
	sim := pvesimtest.Start(t, pvesimtest.World(t, world), pvesim.Options{TimeScale: 5000})
	client, err := proxmox.New(proxmox.Options{Endpoints: []string{sim.URL}, Username: "root@pam", Password: "pw"})
	if err != nil {
		t.Fatal(err)
	}
	vmid := proxmox.VMID(900)
	rapid.Check(t, func(t *rapid.T) {
		c := &container{t: t, client: client, vmid: vmid, ids: map[string]string{}}
		vmid++
		names := []string{"data", "wal", "log"}
		for i := range rapid.IntRange(1, 3).Draw(t, "specs") {
			d := drawWish(t)
			d.Run = d.Run || i == 0
			d.Volumes = nil
			for at, name := range names[:rapid.IntRange(0, 3).Draw(t, "volumes")] {
				d.Volumes = append(d.Volumes, plan.Volume{Name: name, MountPath: "/" + name, Storage: []string{"local-zfs", "local"}[at%2],
					Bytes: int64(rapid.IntRange(1+i, 2+i).Draw(t, "size")) * gib / 2, Backup: rapid.Bool().Draw(t, "backup")})
			}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"media", "films"}), 0, 2, rapid.ID).Draw(t, "bound") {
				d.Volumes = append(d.Volumes, plan.Volume{Name: name, MountPath: "/" + name, HostPath: rapid.SampledFrom([]string{"/tank", "/tank/media"}).Draw(t, "path"),
					ReadOnly: rapid.Bool().Draw(t, "read-only")})
			}
			slices.Reverse(d.Volumes) // their order means nothing
			d.RootBytes = int64(i+2) * gib
			c.converge(d)
		}
	})
}

// container takes steps until none is left, as the controller does.
type container struct {
	t      *rapid.T
	client *proxmox.Client
	vmid   proxmox.VMID
	exists bool
	owed   []string
	marker marker.Marker
	ids    map[string]string // of the volumes, as they were first seen
}

func (c *container) converge(d plan.Desired) {
	for range 20 {
		observed, view := c.observe()
		p := plan.Compute(d, observed)
		if len(p.Refused) > 0 {
			c.t.Fatalf("refused: %s", p)
		}
		if len(p.Steps) == 0 {
			c.sameVolumes(observed)
			return
		}
		c.take(p.Steps[0], d, view)
	}
	observed, _ := c.observe()
	c.t.Fatalf("there is always something left to do: %s", plan.Compute(d, observed))
}

// sameVolumes is that every name has the volume that it always had.
func (c *container) sameVolumes(o plan.Observed) {
	for _, v := range o.Volumes {
		if strings.HasPrefix(v.Volume, "/") && v.Name != "" {
			continue // a path may become another
		}
		if was := c.ids[v.Name]; v.Name == "" || was != "" && was != v.Volume {
			c.t.Fatalf("volume %q was %s and is %+v", v.Name, was, v)
		}
		c.ids[v.Name] = v.Volume
	}
}

func (c *container) observe() (plan.Observed, *proxmox.View) {
	if !c.exists {
		return plan.Observed{}, nil
	}
	view, err := c.client.View(context.Background(), "pve1", c.vmid)
	if err != nil {
		c.t.Fatal(err)
	}
	status, err := c.client.Status(context.Background(), "pve1", c.vmid)
	if err != nil {
		c.t.Fatal(err)
	}
	o := inventory.Observe(view, status.Running(), inventory.Memory{Template: "local:vztmpl/nixos.tar.xz", RestartOwed: c.owed})
	found, _, ok := marker.Parse(view.Future.Description)
	o.MarkerCurrent = ok && found.VMID == int(c.vmid)
	c.marker = found
	return o, view
}

func (c *container) take(s plan.Step, d plan.Desired, view *proxmox.View) {
	c.owed = append(c.owed, plan.OwedBy(s)...)
	m := c.marker
	if s.Kind == plan.Create {
		m = ours()
		m.VMID = int(c.vmid)
	}
	upid, err := execute.Step(context.Background(), c.client, s, d, execute.Target{Node: "pve1", VMID: c.vmid, Marker: m, View: view})
	if err != nil {
		c.t.Fatalf("%s: %v", s, err)
	}
	for !upid.IsZero() {
		status, err := c.client.Task(context.Background(), upid)
		if err != nil || status.Err() != nil {
			c.t.Fatalf("%s: %v %v", s, err, status.Err())
		}
		if !status.Running {
			break
		}
		time.Sleep(time.Millisecond)
	}
	switch s.Kind {
	case plan.Create:
		c.exists = true
	case plan.Start:
		c.owed = nil
	}
}
