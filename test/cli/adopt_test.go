package cli_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// grown are guests that people made, in their own ways.
func (l *lab) grown() {
	l.t.Helper()
	net := func(address string) string { return "name=eth0,bridge=vmbr0,ip=" + address + ",type=veth" }
	for _, g := range []pvesim.Guest{
		{VMID: 120, Running: true, Config: map[string]string{
			"hostname": "shop", "memory": "1024", "swap": "0", "unprivileged": "1", "onboot": "1", "tags": "web", "description": "ask Eve", "nameserver": "9.9.9.9",
			"rootfs": "local-zfs:subvol-120-disk-0,size=8G", "mp2": "local-zfs:subvol-120-disk-1,mp=/srv/data,backup=1,size=3G",
			"net0": net("192.168.99.20/24") + ",hwaddr=BC:24:11:00:00:20", "net1": "name=eth1,bridge=vmbr0,ip=dhcp,type=veth",
		}},
		{VMID: 121, Config: map[string]string{
			"hostname": "archive.other.org", "cores": "2", "rootfs": "local:121/vm-121-disk-0.raw,size=4G", "net0": net("192.168.99.21/24") + ",gw=192.168.99.1,hwaddr=BC:24:11:00:00:21",
		}},
		{VMID: 122, Running: true, Config: map[string]string{"hostname": "laptop", "rootfs": "local-zfs:subvol-122-disk-0,size=4G", "net0": net("dhcp")}},
		{VMID: 123, Running: true, Config: map[string]string{
			"hostname": "films", "rootfs": "local-zfs:subvol-123-disk-0,size=4G", "net0": net("192.168.99.23/24"), "mp0": "/tank/media,mp=/media",
		}},
		{VMID: 124, Type: "qemu"},
	} {
		g.Node = "pve1"
		if err := l.PVE.AddGuest(g); err != nil {
			l.t.Fatal(err)
		}
	}
}

// What was made by hand is listed, written down and taken over, and nothing of it is interrupted or lost.
func TestAdopt(t *testing.T) {
	t.Parallel()
	l := newLab(t, testlab.Options{})
	l.grown()
	l.Host(func(h *v1alpha1.NixMoxHost) { h.Spec.Network.DNSServers = []string{"192.168.99.10"} })
	l.Service("a", `{ip: 192.168.99.11, hostname: a}`)
	l.ready("a")
	before := map[int]map[string]string{}
	for _, c := range l.PVE.Containers() {
		before[c.VMID] = c.Config
	}

	l.expect(1, words("adopt"), "Error: say --direct", "allowed to get Secrets")
	l.expect(1, words("adopt --direct --host other"), "Error: no NixMoxHost other in namespace "+l.Namespace)
	l.eventually("the resource list knows that a runs", func() bool {
		out, _ := l.run("adopt", "--direct")
		return regexp.MustCompile(`a\.lan +running`).MatchString(out) // for the first seconds Proxmox says unknown, then stopped
	})
	table := l.expect(0, words("adopt --direct"), "2 of 6 guests can be adopted",
		"120   pve1  shop", "no static address on net0 (it has ip=dhcp)", "mp0 mounts /tank/media of the node, which the host does not allow yet: spec.policy.hostPaths", "a virtual machine, no container",
		"already ours: service "+l.Namespace+"/a (live)")
	if shown := shownInDocs(t, ": adopt"); strings.ReplaceAll(table, l.Namespace, "homelab") != shown {
		t.Errorf("docs/cli.md shows\n%s\nand adopt prints\n%s", shown, table)
	}
	list := l.expect(0, words("adopt --direct -o json"), `"whyNot"`)
	var guests []struct {
		VMID   int
		WhyNot string
	}
	if err := json.Unmarshal([]byte(list), &guests); err != nil || len(guests) != 6 || guests[0].VMID != 120 || guests[0].WhyNot != "" || guests[2].WhyNot == "" {
		t.Errorf("%v in %s", err, list)
	}
	l.expect(1, words("adopt --direct 120 122 999"), "Error: 122 cannot be adopted: no static address", `Error: there is no guest "999"`)

	dir := filepath.Join(t.TempDir(), "manifests")
	written := l.expect(0, []string{"adopt", "--direct", "120", "121", "--dir", dir}, filepath.Join(dir, "shop.yaml"), filepath.Join(dir, "archive.yaml"),
		`does not allow it yet: add to its spec.policy.adoptableVMIDs: "120", "121"`)
	l.expect(1, []string{"adopt", "--direct", "120", "--dir", dir}, "is there already, and nothing is overwritten")
	manifest, err := os.ReadFile(filepath.Join(dir, "shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if shown := shownInDocs(t, ": manifest"); strings.ReplaceAll(string(manifest), l.Namespace, "homelab") != shown {
		t.Errorf("docs/cli.md shows\n%s\nand adopt writes\n%s", shown, manifest)
	}
	for _, part := range []string{
		"# shop: applying it: Configure: tags web -> nixmox;web, marker edited -> current", "# shop: net1 = name=eth1,bridge=vmbr0,ip=dhcp", "adopt: true", "vmid: 120",
		"mountPath: /srv/data", "hostname: shop\n", "macAddress: BC:24:11:00:00:20",
	} {
		if !strings.Contains(string(manifest), part) {
			t.Errorf("the manifest lacks %q:\n%s", part, manifest)
		}
	}
	for _, text := range []string{table, list, written, string(manifest)} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("the secret is shown:\n%s", text)
		}
	}
	if out := l.expect(0, append(words("__complete adopt --direct 120"), ""), "121\tarchive.other.org"); strings.Contains(out, "122") || strings.Contains(out, "120\t") {
		t.Errorf("completion offers\n%s", out)
	}

	l.expect(0, []string{"plan", "--live", "-f", dir}, "shop: adopt (container 120 is taken over", "2 to adopt")
	l.kubectl("apply", "-f", dir)
	l.eventually("it says that the host does not allow it", func() bool { return testlab.Reason(l.Get("shop")) == v1alpha1.ReasonVMIDConflict })
	l.kubectl("patch", "nmh", "default", "--type", "merge", "-p", `{"spec":{"policy":{"adoptableVMIDs":["120-121"]}}}`)
	l.expect(0, words("status --until-ready"), "3/3 ready")
	l.expect(0, words("plan --exit-code"), "Plan: 3 without a change")
	for _, c := range l.PVE.Containers() {
		was := before[c.VMID]
		if c.VMID == 120 || c.VMID == 121 {
			if !strings.Contains(c.Config["description"], "nixmox-vmid") || !strings.Contains(c.Config["tags"], "nixmox") {
				t.Errorf("%d is not ours: %v", c.VMID, c.Config)
			}
			for _, key := range []string{"description", "tags", "startup"} {
				c.Config[key], was[key] = "", ""
			}
			c.Config["onboot"], was["onboot"] = "", "" // archive is stopped, and stays so when its node starts
		}
		if !maps.Equal(c.Config, was) {
			t.Errorf("%d was\n%v\nand is\n%v", c.VMID, was, c.Config)
		}
	}
	if l.Log.Begun("vzstart", 0) != 1 || l.Log.Begun("vzcreate", 0) != 1 || l.Log.Begun("vzshutdown", 0)+l.Log.Begun("vzstop", 0) > 0 {
		t.Error("more than service a was created and started")
	}
	l.expect(0, words("adopt --direct"), "0 of 6 guests can be adopted", "already ours: service "+l.Namespace+"/shop (live)")

	// A folder of the node is the service's as it is mounted, once the host allows it; an API token could not mount it.
	l.kubectl("patch", "nmh", "default", "--type", "merge", "-p", `{"spec":{"policy":{"adoptableVMIDs":["120-123"],"hostPaths":["/tank"]}}}`)
	l.expect(0, []string{"adopt", "--direct", "123", "--dir", dir}, filepath.Join(dir, "films.yaml"))
	l.kubectl("apply", "-f", filepath.Join(dir, "films.yaml"))
	l.expect(0, words("status --until-ready"), "4/4 ready")
	if c, _ := l.PVE.Container(123); c.Config["mp0"] != "/tank/media,mp=/media" || !strings.Contains(c.Config["description"], "nixmox-vmid: 123") {
		t.Errorf("123 is %v", c.Config)
	}
	if l.Log.Begun("vzstart", 0) != 1 || l.Log.Begun("vzshutdown", 0) > 0 {
		t.Error("something was interrupted")
	}
}
