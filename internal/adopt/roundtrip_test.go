package adopt_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/internal/schema"
)

const world = `{
  "nodes": [{"name": "pve1", "cpus": 8}],
  "storages": {
    "local": {"type": "dir", "content": ["rootdir", "vztmpl"], "size": 1000000},
    "tank": {"type": "zfspool", "content": ["rootdir"], "size": 1000000}
  },
  "templates": [{"volid": "local:vztmpl/debian.tar.zst", "ostype": "debian"}],
  "bridges": {"vmbr0": {}, "vmbr1": {}},
  "users": {"root@pam": {"acl": {"/": "Administrator"}}},
  "tokens": {"me": {"id": "root@pam!me", "secret": "0f8fad5b-d9cb-469f", "privsep": 0}}
}`

// pve is a simulated Proxmox on which people make containers by hand.
type pve struct {
	*proxmox.Client
	sim *pvesimtest.Server
}

func newPVE(t *testing.T) *pve {
	t.Helper()
	sim := pvesimtest.Start(t, pvesimtest.World(t, world), pvesim.Options{TimeScale: 5000})
	client, err := proxmox.New(proxmox.Options{Endpoints: []string{sim.URL}, TokenID: "root@pam!me", TokenSecret: "0f8fad5b-d9cb-469f"})
	if err != nil {
		t.Fatal(err)
	}
	return &pve{client, sim}
}

// made creates a container over the API, edits what only `pct set` can, and starts it.
func (p *pve) made(t *rapid.T, vmid proxmox.VMID, params proxmox.Params, byHand map[string]string, running bool) adopt.Guest {
	upid, err := p.Create(t.Context(), "pve1", vmid, params)
	p.done(t, upid, err)
	if err := p.sim.Edit(int(vmid), byHand); err != nil {
		t.Fatal(err)
	}
	status := "stopped"
	if running {
		upid, err := p.Start(t.Context(), "pve1", vmid)
		p.done(t, upid, err)
		status = "running"
	}
	view, err := p.View(t.Context(), "pve1", vmid)
	if err != nil {
		t.Fatal(err)
	}
	return adopt.Guest{Guest: proxmox.Guest{VMID: vmid, Node: "pve1", Type: proxmox.TypeLXC, Status: status}, View: view}
}

func (p *pve) done(t *rapid.T, upid proxmox.UPID, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for {
		status, err := p.Task(t.Context(), upid)
		if err != nil || status.Err() != nil {
			t.Fatalf("%v %v", err, status.Err())
		}
		if !status.Running {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func one(t *rapid.T, name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }

// drawContainer is what somebody asks Proxmox for, and whether a service can be made of it.
func drawContainer(t *rapid.T) (params proxmox.Params, byHand map[string]string, fit, binds bool) {
	fit = true
	params = proxmox.Params{
		"ostemplate": "local:vztmpl/debian.tar.zst", "hostname": one(t, "hostname", "web", "web.lan", "Web", "a.b.example.com"),
		"rootfs": one(t, "rootfs", "local:4", "tank:8"), "unprivileged": one(t, "unprivileged", "0", "1"), "onboot": one(t, "onboot", "0", "1"),
	}
	options := map[string][]string{
		"memory": {"", "512", "1024", "16", "3000"}, "swap": {"", "0", "512", "77"}, "cores": {"", "1", "4"}, "cpulimit": {"", "0.5", "1.25", "4"},
		"timezone": {"", "host", "Europe/Berlin"}, "nameserver": {"", "9.9.9.9", "9.9.9.9 1.1.1.1"}, "searchdomain": {"", "lan", "other.org"},
		"tags": {"", "web", "web;db"}, "startup": {"", "order=7", "order=3,up=30"}, "description": {"", "ask Eve\nnixmox is fine"},
		"protection": {"", "1"}, "net1": {"", "name=eth1,bridge=vmbr1,ip=dhcp"},
		"mp0": {"", "tank:1,mp=/srv/data", "local:2,mp=/srv/data,backup=1"}, "mp1": {"", "tank:1,mp=/var/data,ro=1", "tank:1,mp=/x,mountoptions=noatime,acl=1"},
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if value := one(t, key, options[key]...); value != "" {
			params[key] = value
		}
	}
	net := "name=eth0,bridge=" + one(t, "bridge", "vmbr0", "vmbr1")
	switch one(t, "address", "4", "4", "4", "6", "46", "dhcp") {
	case "4":
		net += ",ip=192.168.1.20/24" + one(t, "gateway", "", ",gw=192.168.1.1", ",gw=192.168.1.254")
	case "6":
		net += ",ip6=fd00::20/64" + one(t, "gateway", "", ",gw6=fd00::1")
	case "46":
		net += ",ip=192.168.1.20/24,gw=192.168.1.1,ip6=auto"
	default:
		net, fit = net+",ip=dhcp", false
	}
	params["net0"] = net + one(t, "tag", "", ",tag=7") + one(t, "firewall", "", ",firewall=1") + one(t, "mtu", "", ",mtu=1400") + one(t, "rate", "", ",rate=12.5")
	byHand = map[string]string{}
	if f := one(t, "features", "", "nesting=1", "keyctl=1,nesting=1", "fuse=1,mount=nfs;cifs", "mknod=1"); f != "" {
		byHand["features"] = f
	}
	if one(t, "device", "", "", "", "dev0") != "" {
		byHand["dev0"] = "/dev/kvm"
	}
	if one(t, "bind", "", "", "", "mp5") != "" {
		byHand["mp5"], binds = "/tank/media,mp=/media"+one(t, "bind option", "", ",ro=1", ",shared=1"), true
	}
	return params, byHand, fit, binds
}

// drawHost is a host whose network and defaults have their own mind.
func drawHost(t *rapid.T) *v1alpha1.NixMoxHost {
	host := &v1alpha1.NixMoxHost{}
	host.Name, host.Namespace, host.Spec.Instance = "default", "homelab", "nixmox"
	n := &host.Spec.Network
	n.CIDR, n.Bridge, n.Domain = "192.168.1.0/24", one(t, "host bridge", "", "vmbr0", "vmbr1"), one(t, "host domain", "", "lan", "example.com")
	n.Gateway = one(t, "host gateway", "", "192.168.1.1")
	if rapid.Bool().Draw(t, "host dns") {
		n.DNSServers = []string{"192.168.1.10"}
	}
	if rapid.Bool().Draw(t, "host vlan") {
		tag := int32(100)
		n.VLANTag = &tag
	}
	on, d := true, &host.Spec.Defaults
	d.Template, d.Storage, d.Timezone = one(t, "host template", "", "local:vztmpl/nixos.tar.xz"), one(t, "host storage", "", "tank"), one(t, "host zone", "", "UTC")
	if rapid.Bool().Draw(t, "host features") {
		d.Features = &v1alpha1.Features{Nesting: &on, Keyctl: &on, FUSE: &on, Mount: []string{"nfs"}}
	}
	return host
}

// What is written for a container passes the rules of the CRD, and applying it touches nothing but tags and notes: whatever Proxmox stores,
// and whatever the host's network and defaults say.
func TestAdoptingWhatPeopleMadeChangesTagsAndNotesAlone(t *testing.T) {
	judge, err := schema.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, vmid, adopted := newPVE(t), proxmox.VMID(200), 0
	rapid.Check(t, func(t *rapid.T) {
		vmid++
		params, byHand, fit, binds := drawContainer(t)
		host, running := drawHost(t), rapid.Bool().Draw(t, "running")
		if allowed := one(t, "host paths", "/tank", "/tank/media", "/tank/me", ""); allowed != "" {
			host.Spec.Policy.HostPaths = []string{allowed}
		}
		allows := slices.ContainsFunc(host.Spec.Policy.HostPaths, func(dir string) bool { return dir == "/tank" || dir == "/tank/media" })
		fit = fit && (!binds || allows)
		g := p.made(t, vmid, params, byHand, running)
		why := adopt.WhyNot(host, g)
		if fit != (why == "") {
			t.Fatalf("fit %v, and it says %q of %v", fit, why, g.View.Live.Raw)
		}
		if !fit {
			return
		}
		adopted++
		svc, notes := adopt.Service(host, g)
		svc.Namespace = host.Namespace
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(svc)
		if err != nil {
			t.Fatal(err)
		}
		delete(content, "status")
		stored := &unstructured.Unstructured{Object: content}
		if wrong := judge.Check(t.Context(), stored); len(wrong) > 0 {
			t.Fatalf("kubectl apply would refuse it: %q", wrong)
		}
		if svc, err = schema.Service(stored); err != nil { // with the CRD's defaults, as the controller gets it
			t.Fatal(err)
		}
		if svc.Spec.Enable == nil || *svc.Spec.Enable != running {
			t.Fatalf("it runs: %v, and enable is %v", running, svc.Spec.Enable)
		}
		for key, value := range g.View.Live.Raw {
			if (key == "net1" || key == "dev0" || key == "protection") && !strings.Contains(strings.Join(notes, "\n"), key+" = "+value) {
				t.Fatalf("%s = %s is dropped in silence: %q", key, value, notes)
			}
		}
		p.adopt(t, host, svc, g)
	})
	if adopted < 20 {
		t.Errorf("only %d were fit to be adopted", adopted)
	}
}

// adopt takes the steps that the controller would take, and looks at what changed.
func (p *pve) adopt(t *rapid.T, host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, g adopt.Guest) {
	d, o, err := adopt.Compared(host, svc, g.View, g.Running())
	if err != nil {
		t.Fatal(err)
	}
	steps := plan.Compute(d, o)
	if len(steps.Steps) != 1 || steps.Steps[0].Kind != plan.Configure || len(steps.Refused) > 0 || adopt.Delicate(steps) {
		t.Fatalf("the plan of %v is\n%s", g.View.Live.Raw, steps)
	}
	m := marker.Marker{Instance: "nixmox", Host: "homelab/default", Service: "homelab/" + svc.Name, UID: "1", VMID: int(g.VMID), State: marker.Live,
		Volumes: map[string]string{}, VolumeIDs: map[string]string{}}
	for _, v := range o.Volumes {
		if v.Name != "" {
			m.Volumes[v.Name], m.VolumeIDs[v.Name] = v.Key, v.Volume
		}
	}
	if _, err := execute.Step(t.Context(), p.Client, steps.Steps[0], d, execute.Target{Node: g.Node, VMID: g.VMID, Marker: m, View: g.View}); err != nil {
		t.Fatal(err)
	}
	after, err := p.View(t.Context(), g.Node, g.VMID)
	if err != nil {
		t.Fatal(err)
	}
	got, want := settings(after), settings(g.View)
	if !g.Running() {
		want["onboot"], got["onboot"] = "", "" // what is not to run is not started with its node either
	}
	if !maps.Equal(got, want) {
		t.Fatalf("it was\n%v\nand is\n%v", want, got)
	}
	if !slices.Contains(after.Live.Tags, marker.Tag) || !strings.Contains(after.Live.Description, strings.TrimSpace(g.View.Live.Description)) {
		t.Fatalf("tags %v, notes %q", after.Live.Tags, after.Live.Description)
	}
	if why := adopt.WhyNot(host, adopt.Guest{Guest: g.Guest, View: after}); why != fmt.Sprintf("already ours: service homelab/%s (live)", svc.Name) {
		t.Fatalf("afterwards it says %q", why)
	}
}

// settings are the configuration without what an adoption writes, in both tenses.
func settings(view *proxmox.View) map[string]string {
	all := map[string]string{"pending": strings.Join(view.Pending, " ")}
	for key, value := range view.Live.Raw {
		if key != "tags" && key != "description" && key != "digest" {
			all[key] = value
		}
	}
	return all
}
