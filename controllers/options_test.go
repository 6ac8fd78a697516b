package controllers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestSeveralChangesThatNeedARestartShareOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", restartPolicy: never, network: {}"))
	l.ready("a")
	mac := macOf(l.container("a").Config["net0"])
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Network.MTU, s.Spec.Timezone, s.Spec.Features = ptr(int32(1400)), "Europe/Berlin", &v1alpha1.Features{Nesting: ptr(false)}
	})
	l.sees("a", v1alpha1.ReasonStopping, onItsWay)
	l.ready("a")
	l.eventually("nothing is owed", func() bool { s := l.get("a").Status; return len(s.RestartOwed)+len(s.Plan) == 0 })
	c := l.container("a")
	if !strings.Contains(c.Config["net0"], "mtu=1400") || c.Config["timezone"] != "Europe/Berlin" || strings.Contains(c.Config["features"], "nesting=1") {
		t.Errorf("the container is %v", c.Config)
	}
	if l.begun("vzshutdown", 900) != 1 || l.begun("vzstart", 900) != 2 || l.configures() != 1 || macOf(c.Config["net0"]) != mac {
		t.Errorf("%d shutdowns, %d starts, %d changes of the configuration, MAC %s (was %s)",
			l.begun("vzshutdown", 900), l.begun("vzstart", 900), l.configures(), macOf(c.Config["net0"]), mac)
	}

	// An option that the spec names no more is taken back; one that somebody set by hand is left.
	l.must(l.pve.Edit(900, map[string]string{"net0": c.Config["net0"] + ",rate=10"}))
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Network.MTU, s.Spec.Timezone = nil, "" })
	l.eventually("they are taken back", func() bool {
		c := l.container("a")
		return !strings.Contains(c.Config["net0"], "mtu") && c.Config["timezone"] == "" && c.Running
	})
	l.ready("a")
	l.eventually("nothing is remembered of them", func() bool { return len(l.get("a").Status.Managed) == 0 })
	if net := l.container("a").Config["net0"]; !strings.Contains(net, "rate=10") || l.begun("vzshutdown", 900) != 2 {
		t.Errorf("net0 is %s after %d restarts", net, l.begun("vzshutdown", 900))
	}
}

func TestFeaturesThatOnlyRootMaySetAreRefusedBeforeTheyAreTried(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	const why = "Proxmox lets only root@pam in person change it, and no API token"
	l.service("a", checked(11, "a", ", features: {keyctl: true}"))
	l.service("b", checked(12, "b", ""))
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "keyctl off -> on: "+why)
	l.ready("b")
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Features = &v1alpha1.Features{Mount: []string{"nfs"}} })
	l.situated("b", v1alpha1.ReasonChangeRefused, needsEdit, "mount none -> nfs: "+why)
	if !l.container("b").Running || l.get("a").Status.VMID != 0 {
		t.Error("b was stopped, or a was made")
	}
	// What somebody sets on the node is as good.
	b := int(l.get("b").Status.VMID)
	l.must(l.pve.Edit(b, map[string]string{"features": "mount=nfs,nesting=1"}))
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	// And it stays when the spec does not ask for it any more, for we could not take it back.
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Features = nil })
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Features = nil })
	l.ready("a", "b")
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method == "PUT" }); n > 0 || !strings.Contains(l.container("b").Config["features"], "mount=nfs") {
		t.Errorf("%d changes were tried; the features are %s", n, l.container("b").Config["features"])
	}
	for _, e := range l.log.entries() {
		if e.Status == 403 {
			t.Errorf("%s %s was refused by Proxmox", e.Method, e.Path)
		}
	}
}

func TestAPendingChangeOfSomebodyElseIsNoReasonForARestart(t *testing.T) {
	t.Parallel()
	l := newLab(t, person(false))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.must(l.eve().SetConfig(t.Context(), "pve1", 900, map[string]string{"console": "0", "description": l.container("a").Config["description"] + "note"}, nil, ""))
	if l.container("a").Pending["console"] == "" {
		t.Fatal("nothing is pending")
	}
	l.looks("a", 2)
	l.ready("a")
	if s := l.get("a"); len(s.Status.Plan) > 0 || l.begun("vzshutdown", 900) > 0 {
		t.Errorf("the plan is %q, %d shutdowns", s.Status.Plan, l.begun("vzshutdown", 900))
	}
	if slices.Contains(l.get("a").Status.RestartOwed, "console") {
		t.Error("a restart is owed")
	}
}

func TestAContainerThatDoesNotStopIsReportedOrKilledAsTheSpecSays(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ", shutdownTimeout: 1s"))
	l.ready("a")
	l.must(l.pve.SetDeaf(900, true))
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "a.example.com" })
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "Could not shut down container 900 on pve1: container did not stop")
	if !l.container("a").Running {
		t.Error("it was killed")
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.ForceStop = true; s.Spec.HealthCheck = "" })
	l.ready("a")
	if n := l.begun("vzstart", 900); n != 2 || len(l.get("a").Status.RestartOwed) > 0 {
		t.Errorf("%d starts, owed %v", n, l.get("a").Status.RestartOwed)
	}
}
