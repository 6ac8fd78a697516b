package controllers_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// grown is a container that somebody made by hand, with a volume and a mount point that the manifests do not know.
func (l *lab) grown(edit map[string]string) pvesim.Container {
	l.t.Helper()
	config := map[string]string{
		"hostname": "a.lan", "memory": "512", "swap": "512", "cores": "1", "unprivileged": "1", "features": "nesting=1", "description": "ask Eve", "searchdomain": "lan",
		"rootfs": "local-zfs:subvol-120-disk-0,size=8G", "mp0": "local-zfs:subvol-120-disk-2,mp=/old,size=1G", "mp3": "local-zfs:subvol-120-disk-1,mp=/data,backup=1,size=1G",
		"net0": "name=eth0,bridge=vmbr0,gw=192.168.99.1,hwaddr=BC:24:11:AA:BB:CC,ip=192.168.99.11/24,type=veth",
	}
	for key, value := range edit {
		config[key] = value
	}
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 120, Node: "pve1", Running: true, Config: config}))
	c, _ := l.pve.Container(120)
	return c
}

func adoptable(h *v1alpha1.NixMoxHost) { h.Spec.Policy.AdoptableVMIDs = []string{"110-130"} }

const adoptA = `hostname: a, vmid: 120, adopt: true, template: "local:vztmpl/nixos.tar.xz", volumes: [` + dataVolume + `]`

func TestAContainerIsAdoptedWithItsDisks(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.grown(nil)
	l.host(adoptable)
	l.service("a", service(11, adoptA))
	l.ready("a")
	l.atRest("a")
	l.one("a")
	now := l.container("a").Config
	for _, key := range []string{"rootfs", "mp0", "mp3", "net0", "memory"} {
		if now[key] != before.Config[key] {
			t.Errorf("%s was %s and is %s", key, before.Config[key], now[key])
		}
	}
	if m := markerOf(l.container("a")); m.Volumes["data"] != "mp3" || !strings.Contains(now["description"], "ask Eve") {
		t.Errorf("the description is %s", now["description"])
	}
	if l.begun("vzcreate", 0)+l.begun("vzstart", 0)+l.begun("vzshutdown", 0) > 0 {
		t.Error("it was interrupted")
	}
	// It is not made anew, empty, because it was never ready before.
	l.must(l.pve.Delete(120))
	l.situated("a", v1alpha1.ReasonContainerGone, isIll)
}

// What the service says nothing about stays, though the host has other name servers, a domain, a gateway and a VLAN for what is made here. It
// is put right, for which the container is restarted, once adopt is taken out.
func TestAnAdoptedContainerKeepsWhatTheServiceDoesNotMention(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.grown(map[string]string{
		"hostname": "a", "searchdomain": "", "nameserver": "9.9.9.9", "cores": "", "timezone": "UTC",
		"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:BB:CC,ip=192.168.99.11/24,type=veth",
	})
	l.host(func(h *v1alpha1.NixMoxHost) {
		adoptable(h)
		tag := int32(7)
		h.Spec.Network.DNSServers, h.Spec.Network.VLANTag, h.Spec.Defaults.Timezone = []string{"192.168.99.10"}, &tag, "Europe/Berlin"
	})
	l.service("a", service(11, adoptA))
	l.ready("a")
	l.atRest("a")
	now := l.container("a").Config
	for _, key := range []string{"hostname", "searchdomain", "nameserver", "net0", "cores", "timezone"} {
		if now[key] != before.Config[key] {
			t.Errorf("%s was %q and is %q", key, before.Config[key], now[key])
		}
	}
	if l.begun("vzstart", 0)+l.begun("vzshutdown", 0) > 0 {
		t.Error("it was interrupted")
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Adopt = false })
	l.eventually("it is as any other", func() bool {
		c := l.container("a").Config
		return c["hostname"] == "a.lan" && c["nameserver"] == "192.168.99.10" && strings.Contains(c["net0"], "gw=192.168.99.1") && strings.Contains(c["net0"], "tag=7")
	})
	l.atRest("a")
	if l.begun("vzshutdown", 0) != 1 {
		t.Error("the restart that it takes was not made")
	}
}

func TestAnAdoptionThatInterruptsWaitsForConfirmation(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	before := l.grown(map[string]string{"hostname": "other", "memory": "1024"})
	l.host(adoptable)
	l.eventually("its address is known", func() bool {
		return l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/120/pending") }) > 0
	})
	l.polled(2)
	l.service("a", service(11, adoptA))
	l.situated("a", v1alpha1.ReasonWaitingForConfirm, onItsWay, "nothing was changed", "hostname other -> a.lan", "Shutdown", controllers.ConfirmAdoptionAnnotation+"=")
	l.untouched(120)
	if now, _ := l.pve.Container(120); now.Config["description"] != before.Config["description"] {
		t.Error("it was marked")
	}
	message := l.message("a")
	code := message[strings.LastIndex(message, "=")+1:]
	l.annotate("a", controllers.ConfirmAdoptionAnnotation, "0"+code)
	l.looked("a")
	l.untouched(120)
	l.annotate("a", controllers.ConfirmAdoptionAnnotation, code)
	l.eventually("it is adopted", func() bool { return len(l.ofService("a")) == 1 })
	l.atRest("a")
	l.one("a")
	if c := l.container("a").Config; c["hostname"] != "a.lan" || c["memory"] != "512" {
		t.Errorf("it is %v", c)
	}
}

func TestWhatIsNotAdopted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec string
		host       func(*v1alpha1.NixMoxHost)
		says       string
	}{
		{"a number that the host does not allow", adoptA, func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.AdoptableVMIDs = []string{"121", "900-950"} }, "spec.policy.adoptableVMIDs"},
		{"a number that nobody has", `hostname: a, vmid: 121, adopt: true`, adoptable, "There is no container 121 to adopt"},
		{"a container without asking for it", `hostname: a, vmid: 120`, adoptable, "a guest that is not ours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.grown(nil)
			l.host(c.host)
			l.service("a", service(12, c.spec))
			l.situated("a", v1alpha1.ReasonVMIDConflict, needsEdit, c.says)
			l.untouched(120)
			l.delete("a")
			l.gone("a")
			l.untouched(120)
			if n := len(l.pve.Containers()); n != 1 {
				t.Errorf("%d containers", n)
			}
		})
	}
}
