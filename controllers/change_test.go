package controllers_test

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// tasksOf are the starts of tasks in order, as in "vzshutdown 900".
func (l *lab) tasksOf(kinds ...string) []string {
	var tasks []string
	for _, e := range l.log.entries() {
		for _, kind := range kinds {
			if e.Kind == calllog.KindTaskStart && e.Type == kind {
				tasks = append(tasks, kind+" "+itoa(e.VMID))
			}
		}
	}
	return tasks
}

func TestAChangeOfTheHostsDefaultsRollsByPhase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("one: a", "two: b", "three: c"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ", resources: {memory: 256Mi}"))
	l.ready("a", "b", "c")
	l.must(l.pve.SetDeaf(900, true)) // the first does not get through, so that the others are seen waiting
	l.editHost(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Network.DNSServers, h.Spec.Defaults.Resources.Memory = []string{"192.168.99.53"}, ptr(resource.MustParse("1Gi"))
	})
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a, before: Configure: dns servers none -> 192.168.99.53 (owes a restart), memory 512 MiB -> 1024 MiB")
	l.situated("c", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a")
	l.eventually("the host says how many containers it touches", func() bool {
		c := l.getHost().Status.Changes
		return c != nil && c.Containers == 3 && c.Disrupted == 3
	})
	l.must(l.pve.SetDeaf(900, false))
	l.ready("a", "b", "c")
	l.eventually("nothing is left of it", func() bool { return l.getHost().Status.Changes == nil })
	want := []string{"vzstart 900", "vzstart 901", "vzstart 902", "vzshutdown 900"}
	got := l.tasksOf("vzstart", "vzshutdown")
	if strings.Join(got[:4], ", ") != strings.Join(want, ", ") || strings.Join(got[len(got)-5:], ", ") != "vzstart 900, vzshutdown 901, vzstart 901, vzshutdown 902, vzstart 902" {
		t.Errorf("tasks: %v", got)
	}
	for name, memory := range map[string]string{"a": "1024", "b": "1024", "c": "256"} {
		if c := l.container(name); c.Config["memory"] != memory || c.Config["nameserver"] != "192.168.99.53" {
			t.Errorf("%s has %v", name, c.Config)
		}
	}
}

func TestADependentWaitsForTheNewGenerationOfWhatItDependsOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.ready("a", "b")
	// One commit changes both; what it depends on first, as any order of applying may be.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "a.example.com" })
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Timezone = "host" })
	l.sees("b", v1alpha1.ReasonWaitingForDependency, onItsWay, "Waiting for a to be ready, before: Shutdown (disrupts)")
	if tasks := l.tasksOf("vzshutdown"); len(tasks) > 1 {
		t.Errorf("tasks: %v", tasks)
	}
	// Under its new name nothing in a answers; its own fix goes ahead, and b after it.
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay)
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "a" })
	l.ready("a", "b")
	if tasks := l.tasksOf("vzshutdown"); strings.Join(tasks, ", ") != "vzshutdown 900, vzshutdown 900, vzshutdown 901" {
		t.Errorf("tasks: %v", tasks)
	}
}

func TestTheFixOfAnIllServiceIsNotHeldByAnything(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("one: a", "two: b"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b")
	l.must(l.pve.SetHealthy(900, "", false))
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll)
	// An update of the healthy one waits; when it falls ill itself, the update may be what mends it.
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Timezone = "host" })
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a")
	if l.begun("vzshutdown", 901) > 0 || !l.container("b").Running {
		t.Fatal("b was stopped")
	}
	l.must(l.pve.SetHealthy(901, "", false))
	l.eventually("b is restarted", func() bool { return l.begun("vzstart", 901) == 2 })
	// And the early one that is ill is mended by its own new spec.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Timezone = "host" })
	l.eventually("a is restarted", func() bool { return l.begun("vzstart", 900) == 2 })
	l.ready("a", "b")
}

func TestAServiceMovesAndComesAndGoesWhileARollOutRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("one: a", "two: b", "three: c"))
	l.service("a", service(11, "hostname: a, healthCheck: "+ill))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ""))
	l.situated("c", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a")
	// Moved to the front, it begins; moved behind what it waits for, it would wait for that.
	l.editHost(phased("one: a c", "two: b"))
	l.ready("c")
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a")
	// Added to an early phase, it holds the late one too.
	l.service("d", service(14, "hostname: d, healthCheck: "+ill))
	l.editHost(phased("one: a c d", "two: b"))
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a, d")
	// Removed, it holds nobody; disabled neither.
	l.delete("d")
	l.editHost(phased("one: a c", "two: b"))
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.ready("b")
	l.gone("d")
}

func TestAServiceThatFallsIllLaterStopsNobodyThatRuns(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.ready("a", "b")
	l.must(l.pve.SetHealthy(900, "", false))
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll)
	l.service("c", checked(13, "c", ", dependsOn: [a]"))
	l.situated("c", v1alpha1.ReasonWaitingForDependency, onItsWay, "Waiting for a to be ready")
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.eventually("what disrupts nothing goes on", func() bool { return l.container("b").Config["memory"] == "1024" })
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	l.must(l.pve.SetHealthy(900, "", true))
	l.ready("a", "b", "c")
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d containers were stopped", n)
	}
}

func TestAProtectionByHandIsLeft(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.between(func(r *http.Request) passage {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/config") && r.URL.Query().Has("protection") {
			t.Error("the protection was touched")
		}
		return goesThrough
	})
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.must(l.pve.Edit(900, map[string]string{"protection": "1"}))
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Resources.Memory, s.Spec.Resources.Storage, s.Spec.Tags = ptr(resource.MustParse("1Gi")), ptr(resource.MustParse("10Gi")), []string{"db"}
	})
	l.eventually("all of it is changed", func() bool {
		c := l.container("a").Config
		return c["memory"] == "1024" && strings.Contains(c["rootfs"], "size=10G") && c["tags"] == "db;nixmox"
	})
	l.ready("a")
	if l.container("a").Config["protection"] != "1" {
		t.Error("the protection is gone")
	}
}

func TestAVolumeThatSomebodyEnlargedIsLeftAndShown(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", volumes: [{name: data, mountPath: /data, size: 1Gi}]"))
	l.ready("a")
	mount := l.container("a").Config["mp0"]
	l.must(l.pve.Edit(900, map[string]string{"mp0": strings.Replace(mount, "size=1G", "size=5G", 1)}))
	l.eventually("it is shown", func() bool { return l.get("a").Status.Observed.Volumes[0].Size == "5Gi" })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	// The spec may follow, or ask for more.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Volumes[0].Size = resource.MustParse("5Gi") })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Volumes[0].Size = resource.MustParse("4Gi") })
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "volume data 5 GiB -> 4 GiB: disks never shrink")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Volumes[0].Size = resource.MustParse("6Gi") })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if c := l.container("a").Config; !strings.Contains(c["mp0"], "size=6G") || l.begun("resize", 900) != 1 || l.begun("vzshutdown", 900) > 0 {
		t.Errorf("mp0 is %s after %d resizes", c["mp0"], l.begun("resize", 900))
	}
}

// Proxmox refuses some changes after it has stored them. What is stored is not sent again, and what is not is tried again after pauses that grow.
func TestAChangeThatProxmoxRefusesLate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	late := pvesim.Fault{Name: "late", Method: "PUT", Path: "/nodes/*/lxc/*/config", Status: 500, Text: "bridge 'vmbr9' does not exist"}
	puts := func() int {
		return l.log.calls(func(e calllog.Entry) bool { return e.Method == "PUT" && strings.HasSuffix(e.Path, "/config") })
	}
	stored := late
	stored.AfterEffect, stored.Times = true, 1
	l.must(l.pve.AddFault(stored))
	before := puts()
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("700Mi")) })
	l.eventually("the change is there", func() bool { return l.container("a").Config["memory"] == "700" })
	l.ready("a")
	if sent := puts() - before; sent != 1 {
		t.Errorf("what was stored was sent %d times", sent)
	}
	if f := l.get("a").Status.Failure; f != nil {
		t.Errorf("nothing is left to do, and the failure is remembered: %+v", f)
	}
	l.must(l.pve.AddFault(late))
	before = puts()
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("800Mi")) })
	l.eventually("three attempts failed", func() bool {
		f := l.get("a").Status.Failure
		return f != nil && f.Count >= 3 && f.Kind == "Configure" && strings.Contains(f.Message, "bridge 'vmbr9' does not exist")
	})
	// Each attempt is counted, and so waited after; a fourth may have begun meanwhile.
	if sent, failed := puts()-before, int(l.get("a").Status.Failure.Count); sent > failed+1 {
		t.Errorf("%d attempts, of which %d are counted", sent, failed)
	}
	l.pve.RemoveFault("late")
	l.eventually("the change is there", func() bool { return l.container("a").Config["memory"] == "800" })
	l.ready("a")
}
