package controllers_test

import (
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// movers is a cluster of three nodes whose token may migrate.
func movers(l *lab, world *string) {
	three(l, world)
	*world = strings.Replace(*world, `"VM.PowerMgmt"`, `"VM.PowerMgmt", "VM.Migrate"`, 1)
}

// moveTo asks for a container to be moved; an empty node takes the request back.
func (l *lab) moveTo(name, node string) {
	l.t.Helper()
	l.edit(name, func(s *v1alpha1.NixMoxService) {
		delete(s.Annotations, v1alpha1.MigrateAnnotation)
		if node != "" {
			s.Annotations = map[string]string{v1alpha1.MigrateAnnotation: node}
		}
	})
}

// moved waits until a container is on a node and its service ready, with the request taken off.
func (l *lab) moved(name, node string) {
	l.t.Helper()
	l.eventually(name+" is on "+node, func() bool {
		s := l.get(name)
		return l.container(name).Node == node && s.Status.Node == node && s.Annotations[v1alpha1.MigrateAnnotation] == "" && s.Status.Operation == nil
	})
	l.ready(name)
}

func TestAContainerIsMovedWhenSomebodyAsksForIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host()
	l.service("a", checked(11, "a", `, node: pve1, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
	l.ready("a")
	before := l.container("a")

	// The spec alone moves nothing, and says how it is done.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Node = "pve2" })
	l.situated("a", v1alpha1.ReasonHealthy, isGood, "it is on node pve1, and spec.node says pve2", "kubectl annotate nms a nixmox.dev/migrate=pve2")
	l.restartController()
	l.looks("a", 1)
	l.situated("a", v1alpha1.ReasonHealthy, isGood, "spec.node says pve2")
	if m := l.message("a"); strings.Count(m, "it is on node") != 1 {
		t.Errorf("it says so again and again: %s", m)
	}
	if n := l.begun("vzmigrate", 0); n != 0 || l.container("a").Node != "pve1" {
		t.Fatalf("it was moved %d times, and is on %s", n, l.container("a").Node)
	}

	l.moveTo("a", "pve2")
	l.sees("a", v1alpha1.ReasonMigrating, onItsWay, "Moving container 900 from pve1 to pve2")
	l.moved("a", "pve2")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	after := l.container("a")
	for _, key := range []string{"net0", "rootfs", "mp0", "description"} {
		if before.Config[key] != after.Config[key] {
			t.Errorf("%s was %q, is %q", key, before.Config[key], after.Config[key])
		}
	}
	s := l.get("a")
	if !after.Running || len(s.Status.RestartOwed) > 0 || strings.Contains(l.message("a"), "it is on node") || !strings.Contains(s.Status.Placement, "moved there") {
		t.Errorf("running %v, owed %v, %s, placement %q", after.Running, s.Status.RestartOwed, l.message("a"), s.Status.Placement)
	}
	if n, stops := l.begun("vzmigrate", 900), l.begun("vzshutdown", 0); n != 1 || stops != 0 {
		t.Errorf("%d migrations and %d shutdowns", n, stops)
	}
	if n := l.log.calls(func(e calllog.Entry) bool {
		return e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/900/migrate") && maps.Equal(e.Params, map[string]string{"target": "pve2", "restart": "1", "timeout": "60"})
	}); n != 1 {
		t.Error("it was asked for otherwise")
	}
}

func TestAMoveIsTheRestartForOtherChangesToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host(phased("one: b", "two: a"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b") // a is where there was room; it has no spec.node and needs none
	target := "pve2"
	if l.get("a").Status.Node == target {
		target = "pve3"
	}
	l.must(l.pve.SetHealthy(int(l.get("b").Status.VMID), "", false))
	l.situated("b", v1alpha1.ReasonUnhealthy, isIll)
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Timezone = "host"
		s.Annotations = map[string]string{v1alpha1.MigrateAnnotation: target}
	})
	l.situated("a", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (one): b, before: Migrate (disrupts): node ", "also brings into effect: ")
	if n := l.begun("vzmigrate", 0); n != 0 {
		t.Fatal("it was moved ahead of its phase")
	}
	l.must(l.pve.SetHealthy(int(l.get("b").Status.VMID), "", true))
	l.moved("a", target)
	if l.begun("vzmigrate", 0) != 1 || l.begun("vzshutdown", 0) != 0 || l.container("a").Config["timezone"] != "host" {
		t.Errorf("tasks %v, %v", l.tasksOf("vzmigrate", "vzshutdown", "vzstart"), l.container("a").Config)
	}
	// Disabled, it is moved as it stands.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.situated("a", v1alpha1.ReasonDisabled, isGood)
	l.moveTo("a", "pve1")
	l.moved("a", "pve1")
	if l.container("a").Running || l.begun("vzshutdown", 0) != 1 {
		t.Errorf("running %v after %v", l.container("a").Running, l.tasksOf("vzmigrate", "vzshutdown", "vzstart"))
	}
}

func TestWhatKeepsAContainerFromMoving(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Nodes = []string{"pve1", "pve2", "pve9"} })
	l.service("a", checked(11, "a", `, node: pve2, volumes: [{name: data, mountPath: /data, size: 1Gi, storage: fast}]`))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b")
	undo := "take the request back with `kubectl annotate nms b nixmox.dev/migrate-`"
	for node, why := range map[string]string{
		"pve3": "host default does not allow it, only pve1, pve2, pve9 (spec.nodes)",
		"pve9": "Proxmox has no such node, only pve1, pve2, pve3",
	} {
		l.moveTo("b", node)
		l.situated("b", v1alpha1.ReasonChangeRefused, needsEdit, "-> "+node+": "+why, undo)
	}
	l.moveTo("b", "")
	l.situated("b", v1alpha1.ReasonHealthy, isGood)

	l.moveTo("a", "pve1")
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "spec.node says pve2: write pve1 there first")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Node = "pve1" })
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "there is no storage fast on pve1")
	l.moveTo("a", "")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Node = "pve2" })

	from := l.container("b").Node
	to := map[string]string{"pve1": "pve2", "pve2": "pve1"}[from]
	vmid := int(l.get("b").Status.VMID)
	l.must(l.pve.Edit(vmid, map[string]string{"mp7": "/tank/media,mp=/media"}))
	l.moveTo("b", to)
	l.situated("b", v1alpha1.ReasonChangeRefused, needsEdit, "mp7 mounts /tank/media of "+from, "shared=1")
	l.must(l.pve.Edit(vmid, map[string]string{"mp7": "/tank/media,mp=/media,shared=1", "lock": "snapshot"}))
	l.situated("b", v1alpha1.ReasonWaitingForLock, onItsWay, `the lock "snapshot"`, "before: Migrate")
	if n := l.begun("vzmigrate", 0); n != 0 {
		t.Fatalf("%d migrations were begun", n)
	}
	l.must(l.pve.Unlock(vmid))
	l.moved("b", to)
	l.ready("a")
}

func TestAMoveWaitsForItsNode(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host()
	l.service("a", checked(11, "a", ", node: pve1"))
	l.ready("a")
	l.must(l.pve.SetNodeOnline("pve2", false))
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Node, s.Annotations = "pve2", map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
	})
	l.situated("a", v1alpha1.ReasonNodeUnavailable, onItsWay, "Waiting for node pve2, which is offline, before: Migrate")
	if !l.container("a").Running || l.begun("vzmigrate", 0) != 0 {
		t.Error("it was interrupted for a node that is down")
	}
	l.must(l.pve.SetNodeOnline("pve2", true))
	l.moved("a", "pve2")
}

func TestATokenThatMayNotMigrateSaysSo(t *testing.T) {
	t.Parallel()
	l := newLab(t, three)
	l.host()
	l.service("a", checked(11, "a", ", node: pve1"))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Node, s.Annotations = "pve2", map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
	})
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "lacks a privilege: VM.Migrate on /vms/900")
}

// A move that failed in its task is not tried again and again: each attempt may interrupt the service.
func TestAMoveThatFailedWaitsToBeAskedForAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host()
	l.service("a", checked(11, "a", ", node: pve1"))
	l.ready("a")
	l.must(l.pve.AddFault(pvesim.Fault{TaskType: "vzmigrate", Times: 1, Text: "command 'zfs recv' failed: exit code 1"}))
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Node, s.Annotations = "pve2", map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
	})
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "Could not move to pve2 container 900 on pve1: command 'zfs recv' failed", "tried 1 times")
	if at := l.get("a").Status.Failure.RetryAt; time.Until(at.Time) < 50*time.Minute {
		t.Errorf("tried again at %v", at)
	}
	// Taken back, nothing is left of it.
	l.moveTo("a", "")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	if s := l.get("a"); s.Status.Failure != nil || len(s.Status.RestartOwed) > 0 || l.begun("vzshutdown", 0) > 0 {
		t.Errorf("left are %v and %v, after %d shutdowns", s.Status.Failure, s.Status.RestartOwed, l.begun("vzshutdown", 0))
	}
	// What found the container busy has not begun, and is tried again by itself.
	l.must(l.pve.AddFault(pvesim.Fault{TaskType: "vzmigrate", Times: 1, Text: "can't lock file '/run/lock/lxc/pve-config-900.lock' - got timeout"}))
	l.moveTo("a", "pve2")
	l.moved("a", "pve2")
	if n := l.begun("vzmigrate", 0); n != 3 {
		t.Errorf("%d migrations", n)
	}
}

func TestTheAnswerToAMoveIsLost(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]passage{"before it arrived": neverArrives, "after it had its effect": repliesToNobody} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, movers)
			var lost atomic.Bool
			l.between(func(r *http.Request) passage {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/migrate") && lost.CompareAndSwap(false, true) {
					return what
				}
				return goesThrough
			})
			l.host()
			l.service("a", checked(11, "a", ", node: pve1"))
			l.ready("a")
			l.edit("a", func(s *v1alpha1.NixMoxService) {
				s.Spec.Node, s.Annotations = "pve2", map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
			})
			l.moved("a", "pve2")
			if n := l.begun("vzmigrate", 900); n != 1 {
				t.Errorf("%d migrations", n)
			}
		})
	}
}

// With a list that is read once a minute, where the container is comes from the end of the task.
func TestAMoveIsKnownBeforeTheListShowsIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, movers)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.PollInterval = &v1alpha1.Duration{Duration: metav1.Duration{Duration: time.Minute}}
	})
	l.service("a", checked(11, "a", ", node: pve1"))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Node, s.Annotations = "pve2", map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
	})
	l.moved("a", "pve2")
	if n := l.begun("vzmigrate", 900); n != 1 {
		t.Errorf("%d migrations", n)
	}
}
