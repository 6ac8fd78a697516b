package controllers_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestARequestToRecreateCountsOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	for creations := 2; creations <= 3; creations++ {
		l.must(l.pve.Delete(900))
		l.situated("a", v1alpha1.ReasonContainerGone, isIll, "was destroyed by somebody")
		if n := l.begun("vzcreate", 0); n != creations-1 {
			t.Fatalf("created %d times, unasked", n)
		}
		l.annotate("a", controllers.RecreateAnnotation, "900")
		l.eventually("it is made anew", func() bool { return l.begun("vzcreate", 900) == creations })
		l.ready("a")
		if left := l.get("a").Annotations[controllers.RecreateAnnotation]; left != "" {
			t.Fatal("the request is still there")
		}
		l.one("a")
	}
}

func TestRecreateAlwaysAsksNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, recreate: Always`))
	l.ready("a")
	l.must(l.pve.Delete(900))
	l.eventually("it is made anew", func() bool { return l.begun("vzcreate", 900) == 2 })
	l.ready("a")
	l.one("a")
}

func TestAContainerThatNeverWasHealthyIsMadeAnewByItself(t *testing.T) {
	t.Parallel()
	l := newLab(t, readyAfter(1000))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.eventually("it runs", func() bool { return l.reason("a") == v1alpha1.ReasonWaitingForHealth })
	l.must(l.pve.Delete(900))
	l.eventually("it is made anew", func() bool { return l.begun("vzcreate", 900) == 2 && l.container("a").Running })
	l.one("a")
}

// What was found by its marker may hold the data of years, whether or not this object ever saw it healthy.
func TestAContainerThatWasTakenBackIsNotMadeAnewUnasked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.must(l.pve.SetHealthy(900, "a", false))
	l.emptyStatus("a")
	l.eventually("it is found again", func() bool { return l.get("a").Status.VMID == 900 && l.get("a").Status.Observed != nil })
	l.must(l.pve.Delete(900))
	l.situated("a", v1alpha1.ReasonContainerGone, isIll)
	if n := l.begun("vzcreate", 0); n != 1 {
		t.Errorf("created %d times", n)
	}
}

// emptyStatus is an object that comes out of Git, or out of a backup without its status.
func (l *lab) emptyStatus(name string) {
	l.t.Helper()
	l.stopController()
	s := l.get(name)
	s.Status = v1alpha1.NixMoxServiceStatus{}
	l.must(l.api.Client.Status().Update(l.t.Context(), s))
	l.startController()
}

func TestRowsThatAnEditOfTheAccessListHidesAreNotGone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, recreate: Always`))
	l.service("b", service(12, `hostname: b, deletionPolicy: Delete`))
	l.ready("a", "b")
	before := l.pve.Containers()
	l.must(l.pve.SetACL("nixmox@pve", "/vms", ""))
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "VM.Audit")
	l.delete("b")
	l.polled(3)
	if now := l.pve.Containers(); len(now) != len(before) || l.begun("vzcreate", 0) != 2 || l.begun("vzdestroy", 0) > 0 || l.get("b") == nil {
		t.Errorf("there were %v, there are %v", before, now)
	}
	l.must(l.pve.SetACL("nixmox@pve", "/vms", "NixMox"))
	l.ready("a")
	l.one("a")
	l.gone("b")
	if n := len(l.pve.Containers()); n != 1 {
		t.Errorf("%d containers are left", n)
	}
}

func TestAVMIDWhoseVolumesOutlivedItsGuestIsNotAllocated(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.must(l.pve.AddVolume("pve1", "local-zfs:subvol-900-disk-3", 900, 1<<30))
	l.must(l.pve.AddVolume("pve1", "local-zfs:subvol-902-disk-0", 902, 1<<30))
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 900, To: 905} })
	names := []string{"a", "b", "c", "d"}
	for i, name := range names {
		l.service(name, service(11+i, `hostname: `+name))
	}
	l.ready(names...)
	for _, name := range names {
		if vmid := l.get(name).Status.VMID; vmid == 900 || vmid == 902 {
			t.Errorf("%s has VMID %d", name, vmid)
		}
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/storage/local-zfs/content") }); n != 1 {
		t.Errorf("%d calls to list volumes of one storage for four services", n)
	}
	// None is left but those two: the list is read again, and the volume of one is not there any more.
	l.must(l.pve.DropVolume("local-zfs:subvol-902-disk-0"))
	l.service("e", service(21, `hostname: e`))
	l.ready("e")
	if vmid := l.get("e").Status.VMID; vmid != 902 {
		t.Errorf("e has VMID %d", vmid)
	}
}
