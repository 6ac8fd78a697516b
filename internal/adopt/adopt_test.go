package adopt_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// guest is a container with this configuration, read by the client.
func guest(t *testing.T, running bool, edit map[string]string) adopt.Guest {
	t.Helper()
	config := map[string]string{
		"hostname": "web.lan", "memory": "1024", "swap": "0", "cores": "2", "unprivileged": "1", "rootfs": "tank:subvol-120-disk-0,size=12G",
		"mp0":  "tank:subvol-120-disk-1,mp=/srv/data,backup=1,size=3G",
		"net0": "name=eth0,bridge=vmbr1,gw=10.1.0.1,hwaddr=BC:24:11:AA:BB:CC,ip=10.1.0.20/16,tag=7,type=veth",
	}
	for key, value := range edit {
		config[key] = value
	}
	var rows []map[string]string
	for key, value := range config {
		switch value {
		case "":
		case "pending":
			rows = append(rows, map[string]string{"key": key, "value": "1024", "pending": "2048"})
		default:
			rows = append(rows, map[string]string{"key": key, "value": value})
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"data": rows})
	}))
	defer server.Close()
	c, err := proxmox.New(proxmox.Options{Endpoints: []string{server.URL}, TokenID: "a@pve!b", TokenSecret: "c"})
	if err != nil {
		t.Fatal(err)
	}
	view, err := c.View(t.Context(), "pve1", 120)
	if err != nil {
		t.Fatal(err)
	}
	status := "stopped"
	if running {
		status = "running"
	}
	return adopt.Guest{Guest: proxmox.Guest{VMID: 120, Node: "pve1", Type: proxmox.TypeLXC, Status: status, MaxCPU: 8}, View: view}
}

func theHost() *v1alpha1.NixMoxHost {
	host := &v1alpha1.NixMoxHost{}
	host.Name, host.Namespace, host.Spec.Instance = "default", "homelab", "nixmox"
	host.Spec.Network.CIDR, host.Spec.Network.Domain, host.Spec.Network.DNSServers = "192.168.1.0/24", "lan", []string{"192.168.1.10"}
	return host
}

func TestTheManifestOfAContainer(t *testing.T) {
	g := guest(t, true, map[string]string{
		"tags": "web;UP CASE", "mp1": "tank:subvol-120-disk-2,mp=/var/data,ro=1,size=512M", "env": "PASSWORD=secret", "startup": "order=3",
		"description": "ask Eve", "hookscript": "local:snippets/x.pl",
	})
	g.LXC = [][2]string{{"lxc.cap.drop", "sys_time"}}
	if why := adopt.WhyNot(theHost(), g); why != "" {
		t.Fatal(why)
	}
	svc, notes := adopt.Service(theHost(), g)
	text, err := yaml.Marshal(svc)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text) + strings.Join(notes, "\n") + "\n"
	want := `apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata:
  name: web
spec:
  adopt: true
  features:
    nesting: false
  hostRef:
    name: default
  hostname: web.lan
  ip: 10.1.0.20/16
  network:
    bridge: vmbr1
    gateway: 10.1.0.1
    macAddress: BC:24:11:AA:BB:CC
    vlanTag: 7
  node: pve1
  resources:
    cpu: "2"
    memory: 1Gi
    storage: 12Gi
    swap: "0"
  restartPolicy: never
  tags:
  - case
  - up
  - web
  unprivileged: true
  vmid: 120
  volumes:
  - backup: true
    mountPath: /srv/data
    name: data
    size: 3Gi
    storage: tank
  - backup: false
    mountPath: /var/data
    name: data-mp1
    readOnly: true
    size: 512Mi
    storage: tank
it does not start with its node (onboot is off): so restartPolicy is never; unless-stopped would set onboot
env has no place in a service: it stays as it is
hookscript = local:snippets/x.pl has no place in a service: it stays as it is
the line lxc.cap.drop of its configuration file has no place in a service: it stays as it is
its notes stay; the lines of the marker come below them
startup = order=3: the order comes from what the service depends on
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(got, "secret") {
		t.Error("a value of the environment is shown")
	}
}

func TestWhatIsNotAdopted(t *testing.T) {
	for want, edit := range map[string]map[string]string{
		"no static address on net0 (it has ip=dhcp)":         {"net0": "name=eth0,bridge=vmbr0,ip=dhcp"},
		"no interface net0":                                  {"net0": ""},
		"a template for containers":                          {"template": "1"},
		"already ours: service a/b (retained)":               {"description": "nixmox-service: a/b\nnixmox-instance: nixmox\nnixmox-vmid: 120\nnixmox-state: retained"},
		"marked as instance other's, of service a/b":         {"description": "nixmox-service: a/b\nnixmox-instance: other\nnixmox-vmid: 120\nnixmox-state: live"},
		"the size of its root disk is not known":             {"rootfs": "tank:subvol-120-disk-0"},
		`its hostname "" is not one that a service can have`: {"hostname": ""},
		"two mount points at /srv/data":                      {"mp1": "tank:subvol-120-disk-2,mp=/srv/data,size=1G"},
		"mp1 mounts /tank/media of the node, which the host does not allow yet: spec.policy.hostPaths": {"mp1": "/tank/media,mp=/media"},
		"mp1 mounts /dev/dri of the node, which has no place in a service":                             {"mp1": "/dev/dri,mp=/dev/dri"},
		"changes wait for its next start (memory)":                                                     {"memory": "pending"},
		"policy.bridges does not allow vmbr1":                                                          {},
	} {
		host := theHost()
		if len(edit) == 0 {
			host.Spec.Policy.Bridges = []string{"vmbr0", "vmbr2"}
		}
		if why := adopt.WhyNot(host, guest(t, true, edit)); !strings.Contains(why, want) {
			t.Errorf("%q, want %q", why, want)
		}
	}
	for want, g := range map[string]proxmox.Guest{"a virtual machine": {Type: "qemu"}, "a template": {Type: proxmox.TypeLXC, Template: true}} {
		if why := adopt.WhyNot(theHost(), adopt.Guest{Guest: g}); !strings.Contains(why, want) {
			t.Errorf("%q, want %q", why, want)
		}
	}
	// A copy has the marker of another number: it is nobody's.
	copied := guest(t, true, map[string]string{"description": "nixmox-service: a/b\nnixmox-instance: nixmox\nnixmox-vmid: 121\nnixmox-state: live"})
	if why := adopt.WhyNot(theHost(), copied); why != "" {
		t.Errorf("of a copy it says %q", why)
	}
}

func TestNamesOfAnything(t *testing.T) {
	for text, want := range map[string]string{
		"web": "web", "Web": "web", "a_b.c": "a-b-c", "--x--": "x", "/": "ct-120", "": "ct-120", "ü": "ct-120", strings.Repeat("ab", 40): strings.Repeat("ab", 25),
	} {
		if got := adopt.Name(text, "ct-120"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestAllowedNumbers(t *testing.T) {
	for vmid, want := range map[proxmox.VMID]bool{119: false, 120: true, 121: false, 199: false, 200: true, 250: true, 300: true, 301: false} {
		if got := adopt.Allowed([]string{"120", "200-300", "x", "5-y"}, vmid); got != want {
			t.Errorf("%d: %v", vmid, got)
		}
	}
}
