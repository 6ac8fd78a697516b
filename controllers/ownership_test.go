package controllers_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// remark edits the marker of a container, as another controller would.
func (l *lab) remark(vmid int, edit func(*marker.Marker)) {
	l.t.Helper()
	c, _ := l.pve.Container(vmid)
	m, rest, ok := marker.Parse(c.Config["description"])
	if !ok {
		l.t.Fatalf("container %d is not marked", vmid)
	}
	edit(&m)
	l.must(l.pve.Edit(vmid, map[string]string{"description": m.Render(rest)}))
}

// looked has the controller read a container anew, and waits until it did.
func (l *lab) looked(name string) {
	l.t.Helper()
	l.restartController()
	l.looks(name, 1)
}

// theirs is a container of somebody else's controller.
func (l *lab) theirs(vmid int, edit func(*marker.Marker)) pvesim.Container {
	l.t.Helper()
	m := marker.Marker{Instance: "office", Host: "office/default", Service: "office/wiki", UID: "4711", VMID: vmid, State: marker.Live,
		Volumes: map[string]string{"data": "mp0"}}
	edit(&m)
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: vmid, Node: "pve1", Running: true, Config: map[string]string{
		"hostname": "wiki", "memory": "512", "unprivileged": "1", "tags": "nixmox", "description": m.Render("ask Eve"),
		"rootfs": "local-zfs:subvol-" + itoa(int32(vmid)) + "-disk-0,size=8G", "mp0": "local-zfs:subvol-" + itoa(int32(vmid)) + "-disk-1,mp=/data,backup=1,size=1G",
		"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:BB:CC,ip=192.168.99.50/24,type=veth",
	}}))
	c, _ := l.pve.Container(vmid)
	return c
}

func TestAContainerOfAnotherInstanceIsTakenOverOnRequest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.unlawful = "a person asks for what is another's"
	before := l.theirs(950, func(*marker.Marker) {})
	l.host()
	l.service("a", service(11, `hostname: a, vmid: 950, volumes: [`+dataVolume+`]`))
	l.situated("a", v1alpha1.ReasonOwnedElsewhere, needsEdit, "service office/wiki of instance office", "nixmox.dev/take-over=950")
	l.annotate("a", controllers.TakeOverAnnotation, "951") // another container
	l.looked("a")
	l.untouched(950)
	l.annotate("a", controllers.TakeOverAnnotation, "950")
	l.ready("a")
	l.one("a")
	now := l.container("a")
	if now.Config["rootfs"] != before.Config["rootfs"] || l.mounted("a", "/data") != "local-zfs:subvol-950-disk-1" || macOf(now.Config["net0"]) != macOf(before.Config["net0"]) {
		t.Errorf("it was %v and is %v", before.Config, now.Config)
	}
	if !strings.Contains(now.Config["description"], "ask Eve") || markerOf(now).UID != string(l.get("a").UID) {
		t.Errorf("the description is %s", now.Config["description"])
	}
	if l.begun("vzcreate", 0) > 0 || len(l.pve.Containers()) != 1 {
		t.Error("something was created")
	}
	l.eventually("the request is used up", func() bool { return l.get("a").Annotations[controllers.TakeOverAnnotation] == "" })
}

func TestAContainerOfAServiceThatLivesHereIsNotTakenOver(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	l.service("b", service(12, `hostname: b, vmid: 900`))
	l.annotate("b", controllers.TakeOverAnnotation, "900")
	l.situated("b", v1alpha1.ReasonOwnedElsewhere, needsEdit, "another service here has it")
	if m := markerOf(l.container("a")); m.Service != l.namespace+"/a" {
		t.Fatalf("the marker says %+v", m)
	}
	l.delete("a")
	l.gone("a")
	l.ready("b")
	l.one("b")
	if n := l.begun("vzcreate", 0); n != 1 {
		t.Errorf("%d containers were made", n)
	}
}

func TestACopyIsNobodys(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
	l.ready("a")
	// A clone beside its original, with tag and marker: the status is lost, and the original is found.
	copied := l.container("a").Config["description"]
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 950, Node: "pve1", Running: true, Config: map[string]string{"tags": "nixmox", "description": copied}}))
	l.emptyStatus("a")
	l.ready("a")
	if vmid := l.get("a").Status.VMID; vmid != 900 {
		t.Fatalf("it has VMID %d", vmid)
	}
	// A service that asks for the clone's number does not get it by asking for a take-over: it is no service's container.
	l.service("b", service(12, `hostname: b, vmid: 950`))
	l.annotate("b", controllers.TakeOverAnnotation, "950")
	l.situated("b", v1alpha1.ReasonVMIDConflict, needsEdit, "a copy of container 900")
	// And it outlives its original.
	l.delete("a")
	l.delete("b")
	l.gone("a", "b")
	l.untouched(950)
	if _, there := l.pve.Container(900); there {
		t.Error("the original is still there")
	}
}

func TestAStatusOfYesterday(t *testing.T) {
	t.Parallel()
	old := metav1.NewTime(time.Now().Add(-24 * time.Hour))
	for _, c := range []struct {
		name string
		edit func(l *lab, s *v1alpha1.NixMoxServiceStatus)
	}{
		{"names a VMID that nobody has", func(_ *lab, s *v1alpha1.NixMoxServiceStatus) { s.VMID = 977 }},
		{"names a VMID that is a stranger's now", func(l *lab, s *v1alpha1.NixMoxServiceStatus) {
			l.must(l.pve.AddGuest(pvesim.Guest{VMID: 977, Node: "pve1", Running: true, Config: map[string]string{"description": "theirs"}}))
			s.VMID = 977
		}},
		{"names a VMID that is a virtual machine now", func(l *lab, s *v1alpha1.NixMoxServiceStatus) {
			l.must(l.pve.AddGuest(pvesim.Guest{VMID: 977, Node: "pve1", Type: "qemu"}))
			s.VMID = 977
		}},
		{"has an old creation under way", func(_ *lab, s *v1alpha1.NixMoxServiceStatus) {
			s.VMID, s.Template, s.Observed = 977, "", nil
			s.Operation = &v1alpha1.Operation{Kind: "Create", Node: "pve1", VMID: 977, Nonce: "old", TokenID: "nixmox@pve!ctl", StartedAt: old, Template: "local:vztmpl/nixos.tar.xz",
				UPID: "UPID:pve1:0000C350:00A1B2C3:65000000:vzcreate:977:nixmox@pve!ctl:"}
		}},
		{"has an old start without a task", func(_ *lab, s *v1alpha1.NixMoxServiceStatus) {
			s.Operation = &v1alpha1.Operation{Kind: "Start", Node: "pve1", VMID: s.VMID, TokenID: "nixmox@pve!ctl", StartedAt: old}
		}},
		{"has an old destruction", func(_ *lab, s *v1alpha1.NixMoxServiceStatus) {
			s.Operation = &v1alpha1.Operation{Kind: "Destroy", Node: "pve1", VMID: s.VMID, TokenID: "nixmox@pve!ctl", StartedAt: old,
				UPID: "UPID:pve1:0000C350:00A1B2C3:65000000:vzdestroy:900:nixmox@pve!ctl:"}
		}},
		{"knows another MAC and another disk", func(_ *lab, s *v1alpha1.NixMoxServiceStatus) {
			s.Observed.MACAddress, s.Observed.RootVolume = "BC:24:11:00:00:99", "tank:subvol-900-disk-0"
			s.Observed.Volumes[0].Volume = "tank:subvol-900-disk-1"
		}},
	} {
		for _, end := range []string{"lives on", "is deleted"} {
			t.Run(c.name+", "+end, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				l.host()
				l.service("a", service(11, `hostname: a, deletionPolicy: Delete, volumes: [`+dataVolume+`]`))
				l.ready("a")
				data := l.mounted("a", "/data")
				l.stopController()
				s := l.get("a")
				c.edit(l, &s.Status)
				l.must(l.api.Client.Status().Update(t.Context(), s))
				strangers := len(l.pve.Containers()) - 1
				if end == "is deleted" {
					l.delete("a")
				}
				l.startController()
				if end == "is deleted" {
					l.gone("a")
					if n := len(l.pve.Containers()); n != strangers {
						t.Errorf("%d containers are left, %d of them strangers'", n, strangers)
					}
					return
				}
				l.eventually("its container is found", func() bool { return l.get("a").Status.VMID == 900 })
				l.atRest("a")
				l.one("a")
				if l.mounted("a", "/data") != data || l.begun("vzcreate", 0) != 1 {
					t.Errorf("at /data is %s, not %s; %d creations", l.mounted("a", "/data"), data, l.begun("vzcreate", 0))
				}
			})
		}
	}
}

func TestOwnContainerIsGoneAndItsNumberSomebodyElses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	l.stopController()
	l.must(l.pve.Delete(900))
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Running: true, Config: map[string]string{"description": "theirs"}}))
	l.startController()
	l.situated("a", v1alpha1.ReasonVMIDConflict, needsEdit, "nixmox.dev/recreate=900")
	l.annotate("a", controllers.RecreateAnnotation, "900")
	l.eventually("it has another number", func() bool { return l.get("a").Status.VMID == 901 })
	l.ready("a")
	l.one("a")
	if c, there := l.pve.Container(900); !there || !c.Running || strings.TrimSpace(c.Config["description"]) != "theirs" || l.begun("vzstart", 900) != 1 {
		t.Errorf("the stranger's is %v: %+v", there, c)
	}
}

func TestTwoControllersThatTakeAContainerFromEachOtherStop(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	uid := string(l.get("a").UID)
	other := func(m *marker.Marker) { m.UID = "of-another-cluster" }
	l.remark(900, other)
	l.looked("a")
	l.eventually("it is taken back once", func() bool { return markerOf(l.container("a")).UID == uid })
	l.ready("a")
	l.remark(900, other)
	l.looked("a")
	l.situated("a", v1alpha1.ReasonOwnedElsewhere, needsEdit, "another controller", "nixmox.dev/take-over=900", "spec.instance")
	if m := markerOf(l.container("a")); m.State != marker.Contested || m.UID != "of-another-cluster" {
		t.Errorf("the other one is not told: %+v", m)
	}
	configures := l.configures()
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Tags = []string{"new"} })
	l.looked("a")
	if l.configures() != configures {
		t.Error("it was changed")
	}
	// The other one is given up, and this one takes over.
	l.annotate("a", controllers.TakeOverAnnotation, "900")
	l.eventually("it is ours", func() bool { m := markerOf(l.container("a")); return m.State == marker.Live && m.UID == uid })
	l.ready("a")
	l.eventually("the request is used up", func() bool { return l.get("a").Annotations[controllers.TakeOverAnnotation] == "" })
}

// The other side of the same: it wrote last, finds the container contested, and stops as well; later it finds it somebody else's.
func TestTheOtherOfTwoControllersStopsToo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.unlawful = "the container lives on with a service of another cluster, which the oracle does not see"
	l.host()
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
	l.ready("a")
	l.remark(900, func(m *marker.Marker) { m.State = marker.Contested })
	l.looked("a")
	l.situated("a", v1alpha1.ReasonOwnedElsewhere, needsEdit, "another controller")
	// Deleted here, it lives on there.
	l.remark(900, func(m *marker.Marker) { m.State, m.UID = marker.Live, "of-another-cluster" })
	l.delete("a")
	l.gone("a")
	if c, there := l.pve.Container(900); !there || !c.Running || markerOf(c).UID != "of-another-cluster" {
		t.Errorf("it is %v, %+v", there, c)
	}
}

// Between the mark and the call, somebody edits the container: it is looked at again, and is nobody's to destroy.
func TestAContainerThatIsEditedRightBeforeItsEndIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var reads atomic.Int32
	l.between(func(r *http.Request) passage {
		c, there := l.pve.Container(900)
		if there && markerOf(c).State == marker.Deleting && strings.HasSuffix(r.URL.Path, "/900/pending") && reads.Add(1) == 2 {
			l.must(l.pve.Edit(900, map[string]string{"description": "Do not touch, Eve"}))
		}
		return goesThrough
	})
	l.host()
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
	l.ready("a")
	l.delete("a")
	l.gone("a")
	if _, there := l.pve.Container(900); !there || l.begun("vzdestroy", 0) > 0 {
		t.Error("it was destroyed")
	}
}

// A restored backup changes nothing but the status, and nothing on Proxmox.
func TestAStatusThatWasEmptiedIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	l.atRest("a")
	s := l.get("a")
	s.Status = v1alpha1.NixMoxServiceStatus{}
	l.must(l.api.Client.Status().Update(t.Context(), s))
	l.eventually("the container is found again", func() bool { return l.get("a").Status.VMID == 900 })
	l.ready("a")
	l.one("a")
}
