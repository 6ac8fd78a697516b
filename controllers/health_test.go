package controllers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// restless is a lab in which an unhealthy service is restarted soon.
func restless(l *lab, _ *string) { l.timing.Outbreak = 300 * time.Millisecond }

// sick makes a service of the world answer no more, or again.
func (l *lab) sick(name string, is bool) {
	l.t.Helper()
	l.must(l.pve.SetHealthy(int(l.get(name).Status.VMID), name, !is))
}

func TestAServiceInTheMiddleFallsIllAndRecovers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a], restartPolicy: never"))
	l.service("c", checked(13, "c", ", dependsOn: [b]"))
	l.ready("a", "b", "c")
	l.sick("b", true)
	l.situated("b", v1alpha1.ReasonUnhealthy, isIll, "Unhealthy: the command ended with exit code 3")
	l.sick("b", false)
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	for _, name := range []string{"a", "c"} {
		if l.seen.saw(name, v1alpha1.ReasonUnhealthy, isIll) || l.begun("vzshutdown", int(l.get(name).Status.VMID)) > 0 {
			t.Errorf("%s was disturbed", name)
		}
	}
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d containers were shut down", n)
	}
}

func TestAnUnhealthyServiceIsRestartedWithPauses(t *testing.T) {
	t.Parallel()
	l := newLab(t, restless)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	vmid := int(l.get("a").Status.VMID)
	l.sick("a", true)
	restarted := func(times int) func() bool {
		return func() bool {
			c, _ := l.pve.Container(vmid)
			return l.begun("vzshutdown", vmid) == times && l.begun("vzstart", vmid) == times+1 && c.Running
		}
	}
	l.eventually("it is restarted", restarted(1))
	if s := l.get("a").Status.Restarts; s == nil || s.Count != 1 {
		t.Errorf("restarts: %+v", s)
	}
	// A service whose start brings it back.
	l.sick("a", false)
	l.ready("a")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	first := l.get("a").Status.Restarts.NotBefore
	l.sick("a", true)
	l.eventually("it is restarted again", restarted(2))
	if time.Now().Before(first.Time) {
		t.Errorf("the second restart was before %v", first)
	}
	if s := l.get("a").Status.Restarts; s == nil || s.Count != 2 {
		t.Errorf("restarts: %+v", s)
	}
	l.sick("a", false)
	l.ready("a")
}

func TestNeverMeansNoRestart(t *testing.T) {
	t.Parallel()
	l := newLab(t, restless)
	l.host()
	l.service("a", checked(11, "a", ", restartPolicy: never"))
	l.ready("a")
	l.sick("a", true)
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll)
	l.polled(4)
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d restarts", n)
	}
}

func TestAStartupCheckThatNeverPasses(t *testing.T) {
	t.Parallel()
	l := newLab(t, restless)
	l.host()
	l.service("a", service(11, "hostname: a, healthCheck: systemctl is-active --quiet a, health: {startup: test -e /never, startupTimeout: 2s}"))
	l.situated("a", v1alpha1.ReasonStartupTimeout, isIll, "test -e /never")
	l.polled(3)
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("a service that was never ready was restarted %d times", n)
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Health.Startup = "systemctl is-active a" })
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestTheStartupCheckIsMadeOnceAndTheLivenessCheckEverAfter(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `"units": ["a"]}`, `"units": ["a"], "commands": {"first-time": 0, "alive": 0}}`, 1)
	})
	l.host()
	l.service("a", service(11, "hostname: a, restartPolicy: never, health: {startup: first-time, liveness: alive && systemctl is-active -q a}"))
	l.ready("a")
	l.sick("a", true)
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll, "(alive && systemctl is-active -q a)")
	l.sick("a", false)
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
}

func TestAFlappingBelowTheThresholdWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) {
		retries := int32(50)
		h.Spec.Health.Retries = &retries
	})
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	l.polled(2)
	before := l.get("a").ResourceVersion
	for range 3 {
		l.sick("a", true)
		l.polled(1) // a second: several probes
		l.sick("a", false)
		l.polled(2)
	}
	if after := l.get("a").ResourceVersion; after != before {
		t.Errorf("the object was written: %s, then %s", before, after)
	}
}

func TestAComprehensiveCheckShowsItsLayers(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `{"hostname": "b.lan"`, `{"hostname": "db.lan", "units": ["postgresql"], "tcp": [{"port": 5432}]}, {"hostname": "db.lan", "units": ["pg"], "commands": {"pg_isready": 0}, "files": {"/var/lib/postgresql": ""}}, {"hostname": "b.lan"`, 1)
	})
	l.host()
	l.service("postgresql", service(11, "hostname: db, restartPolicy: never, health: {comprehensive: true, startupTimeout: 3s}"))
	// The simulated containers have no folders that test -d would find, so one layer fails.
	l.situated("postgresql", v1alpha1.ReasonDegraded, isGood, "Degraded: 1 of 4 layers fail; filesystem: ")
	s := l.get("postgresql").Status
	results := map[string]string{}
	for _, c := range s.Checks {
		results[c.Name] = c.Result
	}
	for name, want := range map[string]string{"systemd": "Passed", "tcp": "Passed", "database": "Passed", "filesystem": "Failed"} {
		if results[name] != want {
			t.Errorf("layer %s: %q, want %s", name, results[name], want)
		}
	}
	if s.Health != "Degraded" {
		t.Errorf("health is %s", s.Health)
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.Degraded = v1alpha1.DegradedHold })
	l.situated("postgresql", v1alpha1.ReasonDegraded, isIll, "spec.rollout.degraded of host default is Hold")
	vmid := int(s.VMID)
	l.must(l.pve.SetHealthy(vmid, "postgresql", false))
	l.must(l.pve.SetHealthy(vmid, "pg", false))
	l.situated("postgresql", v1alpha1.ReasonUnhealthy, isIll, "no layer passes")
}

func TestCutOffFromAllContainersNothingIsKnownAndNothingDone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	for name, ip := range map[string]int{"a": 11, "b": 12, "c": 13} {
		l.service(name, checked(ip, name, ""))
	}
	l.ready("a", "b", "c")
	l.must(l.ssh.Close())
	for _, name := range []string{"a", "b", "c"} {
		l.situated(name, v1alpha1.ReasonWaitingForHealth, onItsWay, "The check cannot be run", "no connection to node pve1")
	}
	l.execReason(v1alpha1.ReasonExecUnreachable, "no connection to node pve1")
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d containers were shut down", n)
	}
}

func TestManyThatFallIllTogetherAreNotRestarted(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, world *string) {
		l.timing.Outbreak = 5 * time.Second
		for _, name := range []string{"a", "b", "c"} {
			*world = strings.Replace(*world, `"units": ["`+name+`"]}`, `"units": ["`+name+`"], "tcp": [{"port": 8080, "scope": "address"}]}`, 1)
		}
	})
	l.host()
	for name, ip := range map[string]int{"a": 201, "b": 202, "c": 203} {
		l.service(name, service(ip, "hostname: "+name+`, healthCheck: "tcp:8080"`))
	}
	l.ready("a", "b", "c")
	for _, name := range []string{"a", "b", "c"} {
		l.sick(name, true)
	}
	for _, name := range []string{"a", "b", "c"} {
		l.situated(name, v1alpha1.ReasonIllTogether, inTheDark, "many services of node pve1 fell ill together", "connection refused")
	}
	l.eventually("the host has an event", func() bool { return l.event("default", "3 of 3 services of node pve1 fell ill together") })
	l.polled(7)
	if n := l.begun("vzshutdown", 0); n > 0 {
		t.Errorf("%d containers were shut down", n)
	}
	l.sick("a", false)
	l.situated("a", v1alpha1.ReasonHealthy, isGood)
	// Two are no outbreak: they are restarted.
	l.eventually("the others are restarted", func() bool { return l.begun("vzshutdown", 0) >= 2 && l.begun("vzstart", 0) >= 5 })
	l.ready("a", "b", "c")
}

func TestABackupIsNoIllness(t *testing.T) {
	t.Parallel()
	l := newLab(t, restless)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	vmid := int(l.get("a").Status.VMID)
	l.must(l.pve.Lock(vmid, "backup"))
	l.polled(3)
	l.sick("a", true)
	l.polled(4)
	if reason := l.reason("a"); reason != v1alpha1.ReasonHealthy {
		t.Errorf("during the backup it is %s", reason)
	}
	l.must(l.pve.Unlock(vmid))
	l.eventually("it counts again", func() bool { return l.seen.saw("a", v1alpha1.ReasonUnhealthy, isIll) })
	l.sick("a", false)
	l.ready("a")
}
