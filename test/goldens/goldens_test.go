package goldens

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

var record = flag.String("record", "", "the name of a version: write the containers that the present one makes into testdata/NAME")

// golden is a service with its host, and the container that a version made of it.
type golden struct {
	Host      v1alpha1.NixMoxHostSpec    `json:"host"`
	Service   v1alpha1.NixMoxServiceSpec `json:"service"`
	Container map[string]string          `json:"container"`
}

const (
	vmid  = proxmox.VMID(901)
	level = 3
	world = `{
  "nodes": [{"name": "pve1"}],
  "storages": {"local": {"type": "dir", "content": ["rootdir", "vztmpl"]}, "local-zfs": {"type": "zfspool", "content": ["rootdir"]}},
  "templates": [{"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos", "arch": "amd64"}],
  "bridges": {"vmbr0": {}, "vmbr1": {}},
  "users": {"nixmox@pve": {"acl": {"/": "Administrator"}}},
  "tokens": {"ctl": {"id": "nixmox@pve!ctl", "secret": "0f8fad5b", "privsep": 0}}
}`
	host = `{endpoints: ["https://pve1:8006"], credentialsRef: {name: pve}, instance: home, network: {cidr: 192.168.1.0/24, gateway: 192.168.1.1, dnsServers: [192.168.1.10, "fd00::53"],
bridge: vmbr0, domain: example.com}, defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs}}`
)

// services are what a version is recorded with: each field that reaches Proxmox at least once.
var services = map[string]string{
	"least":      `{ip: 192.168.1.11, hostname: least}`,
	"resources":  `{ip: 192.168.1.12/25, hostname: DB.example.org, resources: {memory: 1536Mi, swap: "0", cpu: 1500m, storage: 1536Mi}, restartPolicy: never}`,
	"network":    `{ip: 192.168.1.13, hostname: net, network: {bridge: vmbr1, vlanTag: 42, gateway: 192.168.1.254, macAddress: "bc:24:11:00:00:0a", firewall: true, mtu: 1400, rateLimit: "12.5"}}`,
	"ipv6":       `{ip: "fd00::11/64", hostname: six, network: {gateway: "fd00::1"}}`,
	"volumes":    `{ip: 192.168.1.14, hostname: vol, volumes: [{name: data, mountPath: /data, size: 2Gi, storage: local}, {name: wal, mountPath: /wal, size: 512Mi, backup: false}]}`,
	"options":    `{ip: 192.168.1.15, hostname: opt, tags: [zebra, a.b], timezone: Europe/Berlin, features: {nesting: false}}`,
	"privileged": `{ip: 192.168.1.16, hostname: priv, unprivileged: false}`,
}

func TestThisVersionHasNothingToDoOnTheContainersOfEarlierOnes(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := yaml.UnmarshalStrict(text, &g); err != nil {
				t.Fatal(err)
			}
			for _, running := range []bool{true, false} {
				quiet(t, g, running)
			}
		})
	}
}

func quiet(t *testing.T, g golden, running bool) {
	t.Helper()
	sim := pvesimtest.Start(t, pvesimtest.World(t, world), pvesim.Options{})
	if err := sim.AddGuest(pvesim.Guest{VMID: int(vmid), Node: "pve1", Config: g.Container, Running: running}); err != nil {
		t.Fatal(err)
	}
	view, err := connect(t, sim.URL).View(t.Context(), "pve1", vmid)
	if err != nil {
		t.Fatal(err)
	}
	m, _, ok := marker.Parse(view.Future.Description)
	if want := mark(); !ok || m.Instance != want.Instance || m.Host != want.Host || m.Service != want.Service || m.UID != want.UID || m.VMID != want.VMID || m.State != marker.Live {
		t.Errorf("its marker reads as %+v", m)
	}
	d := wish(t, g)
	memory := inventory.Memory{Template: d.Template, GrantedRootBytes: d.RootBytes, GrantedBytes: map[string]int64{}}
	for _, v := range d.Volumes {
		memory.GrantedBytes[v.Name] = v.Bytes
	}
	o := inventory.Observe(view, running, memory)
	o.MarkerCurrent = true
	d.KeepStopped = true
	if p := plan.Compute(d, o); !p.Empty() {
		t.Errorf("running %v: %s", running, p)
	}
}

func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("nothing is recorded without -record NAME")
	}
	dir := filepath.Join("testdata", *record)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, spec := range services {
		g := golden{}
		if err := errors.Join(yaml.UnmarshalStrict([]byte(host), &g.Host), yaml.UnmarshalStrict([]byte(spec), &g.Service)); err != nil {
			t.Fatal(err)
		}
		sim := pvesimtest.Start(t, pvesimtest.World(t, world), pvesim.Options{TimeScale: 1000})
		upid, err := execute.Step(t.Context(), connect(t, sim.URL), plan.Step{Kind: plan.Create}, wish(t, g), execute.Target{Node: "pve1", VMID: vmid, Marker: mark()})
		if err != nil {
			t.Fatal(err)
		}
		await(t, sim, upid)
		c, ok := sim.Container(int(vmid))
		if !ok {
			t.Fatalf("%s: no container", name)
		}
		g.Container = c.Config
		text, err := yaml.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func await(t *testing.T, sim *pvesimtest.Server, upid proxmox.UPID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		status, err := connect(t, sim.URL).Task(ctx, upid)
		if err != nil || status.Err() != nil {
			t.Fatal(err, status.Err())
		}
		if !status.Running {
			return
		}
	}
}

func wish(t *testing.T, g golden) plan.Desired {
	t.Helper()
	h := &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Namespace: "homelab", Name: "default"}, Spec: g.Host}
	d, err := desired.Container(h, &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Namespace: "homelab", Name: "app"}, Spec: g.Service}, level)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mark() marker.Marker {
	return marker.Marker{
		Instance: "home", Host: "homelab/default", Service: "homelab/app", UID: "8a7b6c5d", VMID: int(vmid), Nonce: "abcdefghij234567", State: marker.Live,
	}
}

func connect(t *testing.T, url string) *proxmox.Client {
	t.Helper()
	c, err := proxmox.New(proxmox.Options{Endpoints: []string{url}, TokenID: "nixmox@pve!ctl", TokenSecret: "0f8fad5b"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What no golden has is not proved.
func TestEveryManagedSettingIsInAGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	noticed := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := yaml.UnmarshalStrict(text, &g); err != nil {
			t.Fatal(err)
		}
		for key := range g.Container {
			noticed[key] = true
		}
	}
	for _, key := range []string{"net0", "mp0", "mp1", "memory", "swap", "cores", "cpulimit", "features", "hostname", "nameserver", "searchdomain", "tags", "onboot", "startup", "timezone", "unprivileged", "rootfs", "description"} {
		if !noticed[key] {
			t.Errorf("no golden has %s", key)
		}
	}
	if len(files) < len(services) {
		t.Errorf("only %d goldens", len(files))
	}
}
