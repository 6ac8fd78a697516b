package controllers_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// Each test here brings a service into a row of the situation table, reads what people and kstatus are told, and has it go on by itself
// once the cause is mended. The lab holds every status in between against the table too.

// checked is a service whose check asks for a unit of its own name.
func checked(ip int, name, rest string) string {
	return service(ip, "hostname: "+name+", healthCheck: systemctl is-active --quiet "+name+rest)
}

// editHost changes the lab's host.
func (l *lab) editHost(change func(*v1alpha1.NixMoxHost)) {
	l.t.Helper()
	h := l.getHost()
	before := h.DeepCopy()
	change(h)
	if err := l.api.Client.Patch(l.t.Context(), h, client.MergeFrom(before)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) getHost() *v1alpha1.NixMoxHost {
	l.t.Helper()
	h := &v1alpha1.NixMoxHost{}
	if err := l.api.Client.Get(l.t.Context(), client.ObjectKey{Namespace: l.namespace, Name: "default"}, h); err != nil {
		l.t.Fatal(err)
	}
	return h
}

// must is for the simulator's hands.
func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// sees waits until a service once was in a row with a reason, however shortly.
func (l *lab) sees(name, reason string, r row, says ...string) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%s was once %s and said %q", name, reason, says), func() bool { return l.seen.saw(name, reason, r, says...) })
}

// polled waits until the resource list was read so many times more. It follows what happens within three polls.
func (l *lab) polled(more int) {
	l.t.Helper()
	count := func() int {
		return l.log.calls(func(e calllog.Entry) bool { return e.Path == "/cluster/resources" })
	}
	from := count()
	l.eventually(fmt.Sprintf("the resource list was read %d times more", more), func() bool { return count() >= from+more })
}

// readyAfter makes all services of the world take so many simulated seconds to become ready.
func readyAfter(seconds int) func(*lab, *string) {
	return func(_ *lab, world *string) {
		*world = strings.ReplaceAll(*world, `"ready_after": 0.5`, fmt.Sprintf(`"ready_after": %d`, seconds))
	}
}

func TestTheWayFromPendingToHealthy(t *testing.T) {
	t.Parallel()
	l := newLab(t, readyAfter(10))
	l.stopController()
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonPending, notLookedAt, "Waiting for the controller")
	l.startController()
	l.situated("a", v1alpha1.ReasonHostNotFound, onItsWay, l.namespace+"/default", "spec.hostRef.name")
	l.host()
	l.situated("a", v1alpha1.ReasonHealthy, isGood, "Healthy: ")
	for _, reason := range []string{v1alpha1.ReasonCreating, v1alpha1.ReasonStarting, v1alpha1.ReasonWaitingForHealth} {
		l.sees("a", reason, onItsWay)
	}
}

func TestAStartThatTakesTooLongIsReportedAndForgiven(t *testing.T) {
	t.Parallel()
	l := newLab(t, readyAfter(40))
	l.host()
	l.service("a", checked(11, "a", ", health: {startupTimeout: 100ms}"))
	l.sees("a", v1alpha1.ReasonStartupTimeout, isIll, "Not healthy within the startup timeout: the command ended with exit code 3 (systemctl is-active --quiet a)")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestAServiceFallsIllAndRecovers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.must(l.pve.SetHealthy(900, "", false))
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll, "Unhealthy: the command ended with exit code 3", "systemctl is-active --quiet a")
	if s := l.get("a"); s.Status.Health != "Unhealthy" || s.Status.FirstReadyTime == nil {
		t.Errorf("health is %q, first ready %v", s.Status.Health, s.Status.FirstReadyTime)
	}
	l.must(l.pve.SetHealthy(900, "", true))
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestAHostThatDoesNotAnswerIsNobodysFault(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// The wrong port at first.
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Endpoints = []string{"http://127.0.0.1:1"} })
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonHostUnreachable, inTheDark, "does not answer", "connection refused")
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Endpoints = []string{l.pve.URL} })
	l.ready("a")

	l.must(l.pve.AddFault(pvesim.Fault{Name: "down", Lost: true}))
	l.situated("a", v1alpha1.ReasonHostUnreachable, inTheDark, "does not answer")
	l.must(l.pve.Stop(900))
	l.pve.RemoveFault("down")
	l.eventually("what stopped meanwhile is started again", func() bool { return l.begun("vzstart", 900) == 2 })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestAChangeThatWouldLoseDataIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", resources: {storage: 8Gi}"))
	l.ready("a")
	for _, change := range []struct {
		there, back func(*v1alpha1.NixMoxService)
		says        string
	}{
		{
			func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Storage = ptr(resource.MustParse("4Gi")) },
			func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Storage = ptr(resource.MustParse("8Gi")) },
			"disks never shrink",
		},
		{
			func(s *v1alpha1.NixMoxService) { s.Spec.Template = "local:vztmpl/other.tar.xz" },
			func(s *v1alpha1.NixMoxService) { s.Spec.Template = "" },
			"a container keeps the template",
		},
		{
			func(s *v1alpha1.NixMoxService) { s.Spec.Unprivileged = ptr(false) },
			func(s *v1alpha1.NixMoxService) { s.Spec.Unprivileged = nil },
			"cannot change it on an existing container",
		},
	} {
		l.edit("a", change.there)
		l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, change.says)
		l.edit("a", change.back)
		l.situated("a", v1alpha1.ReasonHealthy, isGood)
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method == "PUT" || e.Method == "DELETE" }); n > 0 {
		t.Errorf("%d changes were made to the container", n)
	}
}

func TestAVMIDThatIsTakenNeedsAnEdit(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 950, Node: "pve1", Config: map[string]string{"hostname": "stranger", "arch": "amd64", "ostype": "nixos"}}))
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 951, Node: "pve1", Type: "qemu"}))
	l.host()
	l.service("a", checked(11, "a", ", vmid: 950"))
	l.service("b", checked(12, "b", ", vmid: 951"))
	l.situated("a", v1alpha1.ReasonVMIDConflict, needsEdit, "VMID 950", "a guest that is not ours", "or remove that guest")
	l.situated("b", v1alpha1.ReasonVMIDConflict, needsEdit, "VMID 951", "a virtual machine", "or remove that guest")
	// The owner removes it: nothing needs to be edited then.
	l.must(l.pve.Delete(950))
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if l.begun("vzdestroy", 0) > 0 {
		t.Error("somebody else's guest was destroyed")
	}
}

func TestAContainerThatSomebodyDestroyedIsNotMadeAnewUnasked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.polled(3)
	l.must(l.pve.Delete(900))
	l.situated("a", v1alpha1.ReasonContainerGone, isIll, "its data with it", "restore it from a backup", "nixmox.dev/recreate=900")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Annotations = map[string]string{"nixmox.dev/recreate": "900"} })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if n := l.begun("vzcreate", 900); n != 2 {
		t.Errorf("it was created %d times", n)
	}
}

func TestALockLeftBehindByACreationIsReportedWithTheWayOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.must(l.pve.AddFault(pvesim.Fault{Name: "killed", TaskType: "vzcreate", Stuck: true, Times: 1}))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonLockLeftBehind, isIll, "pct unlock 900", "on pve1")
	l.must(l.pve.Unlock(900))
	l.must(l.pve.Delete(900))
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if vmid := l.get("a").Status.VMID; vmid != 900 {
		t.Errorf("it was given up for VMID %d", vmid)
	}
}

func TestAChangeWaitsForALockOfSomebodyElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.must(l.pve.Lock(900, "backup"))
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.situated("a", v1alpha1.ReasonWaitingForLock, onItsWay, `lock "backup" on container 900`, "pct unlock 900")
	l.must(l.pve.Unlock(900))
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if c, _ := l.pve.Container(900); c.Config["memory"] != "1024" {
		t.Errorf("its memory is %s", c.Config["memory"])
	}
}

func TestOnlySoManyAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.MaxConcurrent = 1 })
	for i, name := range []string{"a", "b", "c"} {
		l.service(name, checked(11+i, name, ""))
	}
	l.ready("a", "b", "c")
	waited := 0
	for _, name := range []string{"a", "b", "c"} {
		if l.seen.saw(name, v1alpha1.ReasonWaitingForSlot, onItsWay) {
			waited++
		}
	}
	if waited < 1 {
		t.Error("nobody waited for the only slot")
	}
	open := 0
	for _, e := range l.log.entries() {
		switch e.Kind {
		case calllog.KindTaskStart:
			if open++; open > 1 {
				t.Fatalf("%s of container %d began beside another task", e.Type, e.VMID)
			}
		case calllog.KindTaskEnd:
			open--
		}
	}
}

func TestWhatCannotBeCheckedIsHeldOrPassedAsTheHostSays(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec = nil })
	l.service("a", checked(11, "a", ""))
	l.service("b", service(12, "hostname: b, dependsOn: [a]"))
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay, "cannot be run", "spec.rollout.unknownHealth of host default is Hold")
	l.situated("b", v1alpha1.ReasonWaitingForDependency, onItsWay)
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.UnknownHealth = v1alpha1.UnknownProceed })
	l.situated("a", v1alpha1.ReasonRunningUnchecked, isGood, "its health is not known")
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
}

func TestADisabledServiceIsGood(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", enable: false"))
	l.situated("b", v1alpha1.ReasonDisabled, isGood, "there is no container")
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.situated("a", v1alpha1.ReasonDisabled, isGood, "container 900 is stopped and kept")
	l.sees("a", v1alpha1.ReasonStopping, onItsWay)
	if c, ok := l.pve.Container(900); !ok || c.Running || c.Config["onboot"] == "1" {
		t.Errorf("its container is %+v", c)
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(true) })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestASuspendedServiceIsJudgedAndLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", suspend: true"))
	l.situated("a", v1alpha1.ReasonPending, onItsWay, "Suspended, nothing is changed", "Create")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Suspend = false })
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Suspend, s.Spec.Resources.Memory = true, ptr(resource.MustParse("1Gi"))
	})
	l.situated("a", v1alpha1.ReasonHealthy, isGood, "Suspended, nothing is changed")
	if s := l.get("a"); len(s.Status.Plan) != 1 || !strings.Contains(s.Status.Plan[0], "memory") {
		t.Errorf("the plan is %q", s.Status.Plan)
	}
	l.must(l.pve.SetHealthy(900, "", false))
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll, "Suspended, nothing is changed")
	l.must(l.pve.SetHealthy(900, "", true))
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method == "PUT" }); n > 0 {
		t.Error("a suspended service was changed")
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Suspend = false })
	l.eventually("the change is made", func() bool { c, _ := l.pve.Container(900); return c.Config["memory"] == "1024" })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestAStoppedContainerStaysSoWhenThePolicySaysNever(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", restartPolicy: never"))
	l.ready("a")
	l.polled(3)
	l.must(l.pve.Stop(900))
	l.situated("a", v1alpha1.ReasonStopped, isIll, "Container 900 is stopped", "restartPolicy never")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.RestartPolicy = v1alpha1.RestartAlways })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestWhatTheSpecLacksIsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Defaults.Template = "" })
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonInvalid, needsEdit, "template")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Template = "local:vztmpl/nixos.tar.xz" })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func ptr[T any](v T) *T { return &v }
