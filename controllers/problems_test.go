package controllers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// shortGrace lets circles and duplicates count as stalled after two seconds; times in status are whole seconds.
func shortGrace(l *lab, _ *string) { l.grace = 2 * time.Second }

// The messages of NixMox, to the letter, with the detail behind them.
const (
	circle        = "Circular dependency detected: x1 (x1 -> x2 -> x1)"
	missing       = "Missing service dependencies: ghost (m depends on ghost, which is not on this host; apply what is missing or remove it from dependsOn)"
	twiceAddress  = "Duplicate IP addresses: 192.168.99.11 (asked for by a and d; a keeps it: its container has it today)"
	twiceHostname = "Duplicate hostnames: b.lan (asked for by b and h; b keeps it: its container has it today)"
)

func TestEachProblemIsSaidToTheLetterAndStopsOnlyWhomItConcerns(t *testing.T) {
	t.Parallel()
	l := newLab(t, shortGrace)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b")
	l.service("x1", service(21, "hostname: x1, dependsOn: [x2]"))
	l.service("x2", service(22, "hostname: x2, dependsOn: [x1]"))
	l.service("behind", service(23, "hostname: behind, dependsOn: [x1]"))
	l.service("m", service(24, "hostname: m, dependsOn: [ghost]"))
	l.service("d", service(11, "hostname: d"))
	l.service("h", service(26, "hostname: b"))
	l.service("c", checked(13, "c", ", dependsOn: [a, b]"))

	l.situated("x1", v1alpha1.ReasonCircularDependency, needsEdit, circle)
	l.situated("x2", v1alpha1.ReasonCircularDependency, needsEdit, circle)
	l.situated("behind", v1alpha1.ReasonWaitingForDependency, onItsWay, "Depends on x1, which is held back: "+circle)
	l.situated("m", v1alpha1.ReasonMissingDependency, onItsWay, missing)
	l.situated("d", v1alpha1.ReasonDuplicateIP, needsEdit, twiceAddress)
	l.situated("h", v1alpha1.ReasonDuplicateHostname, needsEdit, twiceHostname)
	for name, reason := range map[string]string{"x1": v1alpha1.ReasonCircularDependency, "d": v1alpha1.ReasonDuplicateIP, "h": v1alpha1.ReasonDuplicateHostname} {
		if !l.seen.saw(name, reason, onItsWay) {
			t.Errorf("%s was stalled at once: whoever applies one file after the other would see failures", name)
		}
	}
	l.ready("a", "b", "c")
	want := []v1alpha1.ProblemStatus{
		{Message: "Circular dependency detected: x1", Detail: "x1 -> x2 -> x1", Services: []string{"x1", "x2"}},
		{Message: "Missing service dependencies: ghost", Detail: "m depends on ghost, which is not on this host; apply what is missing or remove it from dependsOn", Services: []string{"m"}},
		{Message: "Duplicate IP addresses: 192.168.99.11", Detail: "asked for by a and d; a keeps it: its container has it today", Services: []string{"d"}},
		{Message: "Duplicate hostnames: b.lan", Detail: "asked for by b and h; b keeps it: its container has it today", Services: []string{"h"}},
	}
	l.eventually("all problems are on the host at once", func() bool { return cmp.Diff(want, l.getHost().Status.Problems) == "" })
	if n := len(l.pve.Containers()); n != 3 {
		t.Errorf("there are %d containers", n)
	}

	// From a circle to something that only waits: it is not stalled, and not invalid any more.
	l.edit("x1", func(s *v1alpha1.NixMoxService) { s.Spec.DependsOn = []string{"later"} })
	l.situated("x1", v1alpha1.ReasonMissingDependency, onItsWay, "Missing service dependencies: later")
	if !meta.IsStatusConditionTrue(l.get("x1").Status.Conditions, v1alpha1.ConditionValid) {
		t.Error("x1 is still said to be invalid")
	}

	// Every one is mended by an edit, or by applying what was missing, and goes on by itself.
	l.edit("x1", func(s *v1alpha1.NixMoxService) { s.Spec.DependsOn = nil })
	l.service("ghost", service(25, "hostname: ghost"))
	l.edit("d", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.27" })
	l.edit("h", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "h" })
	l.ready("x1", "x2", "behind", "m", "ghost", "d", "h")
	l.eventually("the host has no problems left", func() bool { return len(l.getHost().Status.Problems) == 0 })
	if n := l.begun("vzstop", 0) + l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d containers were stopped over other services' problems", n)
	}
}

func TestWhoKeepsADuplicate(t *testing.T) {
	t.Parallel()
	l := newLab(t, shortGrace)
	// Nobody has a container yet: the older object keeps the address, whatever its name.
	l.stopController()
	old := l.service("b", checked(11, "b", ""))
	l.eventually("the next second has begun", func() bool { return time.Since(old.CreationTimestamp.Time) > 1100*time.Millisecond })
	l.service("a", checked(11, "a", ""))
	l.startController()
	l.host()
	l.ready("b")
	l.situated("a", v1alpha1.ReasonDuplicateIP, needsEdit, "Duplicate IP addresses: 192.168.99.11 (asked for by a and b; b keeps it: its container has it today)")

	// The younger one takes another, and then the older one asks for that: whose container has it keeps it.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	l.ready("a")
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	l.situated("b", v1alpha1.ReasonDuplicateIP, needsEdit, "a keeps it: its container has it today")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if l.seen.saw("b", v1alpha1.ReasonStopping, onItsWay) {
		t.Error("a running container was stopped over an address that its new spec cannot have")
	}
	// Disabled and stopped, it holds nothing any more.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	if c := l.container("b"); c.Config["net0"] == "" || !strings.Contains(c.Config["net0"], "ip=192.168.99.12/24") {
		t.Errorf("its interface is %s", c.Config["net0"])
	}
}

func TestAnAddressThatAnotherGivesUpIsTaken(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	// b is applied with a's address and waits; a moves away; b has it.
	l.service("b", checked(11, "b", ""))
	l.situated("b", v1alpha1.ReasonDuplicateIP, onItsWay)
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.15" })
	l.ready("a", "b")
	if !strings.Contains(l.container("a").Config["net0"], "ip=192.168.99.15/24") || !strings.Contains(l.container("b").Config["net0"], "ip=192.168.99.11/24") {
		t.Errorf("a has %s, b has %s", l.container("a").Config["net0"], l.container("b").Config["net0"])
	}
}

func TestADependencyThatGoesAwayIsNamedAndItsDependentLeftRunning(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.ready("a", "b")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.situated("b", v1alpha1.ReasonDisabledDependency, onItsWay, "Disabled service dependencies: a", "b depends on a, which is disabled")
	l.situated("a", v1alpha1.ReasonDisabled, isGood)
	if !l.container("b").Running {
		t.Error("b was stopped")
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(true) })
	l.ready("a", "b")
	if n := l.begun("vzstart", int(l.get("b").Status.VMID)); n != 1 {
		t.Errorf("b was started %d times", n)
	}
}

func TestAnotherVMIDAfterAConflictIsTaken(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if err := l.pve.AddGuest(pvesim.Guest{VMID: 955, Node: "pve1", Type: "qemu"}); err != nil {
		t.Fatal(err)
	}
	l.host()
	l.service("a", service(11, `hostname: a, vmid: 955, healthCheck: systemctl is-active --quiet a`))
	l.eventually("the conflict is seen", func() bool { return l.reason("a") == v1alpha1.ReasonVMIDConflict })
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.VMID = ptr(int32(956)) })
	l.ready("a")
	if vmid := l.get("a").Status.VMID; vmid != 956 {
		t.Errorf("vmid %d", vmid)
	}
}

func TestAnAddressOfAStrangerIsNotTaken(t *testing.T) {
	t.Parallel()
	l := newLab(t, shortGrace)
	stranger := pvesim.Guest{VMID: 150, Node: "pve1", Running: true, Config: map[string]string{
		"hostname": "nas", "arch": "amd64", "ostype": "debian", "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:77,ip=192.168.99.12/24,type=veth",
	}}
	l.must(l.pve.AddGuest(stranger))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.eventually("the stranger was read", func() bool {
		return l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/150/pending") }) > 0
	})
	l.service("b", checked(12, "b", ""))
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	const says = "; container 150 (nas) on pve1 has it, which is not managed here"
	l.situated("b", v1alpha1.ReasonDuplicateIP, needsEdit, "Duplicate IP addresses: 192.168.99.12", says)
	l.situated("a", v1alpha1.ReasonDuplicateIP, needsEdit, says)
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.11" })
	l.ready("a")
	// It is read once, and not again at each poll.
	l.polled(5)
	if n := l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/150/pending") }); n > 2 {
		t.Errorf("it was read %d times", n)
	}
	l.untouched(150)
	// Once it has stopped, its address is free.
	l.must(l.pve.Stop(150))
	l.ready("b")
	if !strings.Contains(l.container("a").Config["net0"], "ip=192.168.99.11/24") {
		t.Errorf("a has %s", l.container("a").Config["net0"])
	}
}
