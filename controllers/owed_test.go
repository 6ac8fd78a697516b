package controllers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// A restart that waits for its phase is not made any more once somebody restarted the container by hand: neither for what only the
// controller knows, nor for what Proxmox held back.
func TestARestartByHandPaysWhatIsOwed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		edit func(*v1alpha1.NixMoxService)
		owed string
	}{
		"known to us":          {func(s *v1alpha1.NixMoxService) { s.Spec.Network = &v1alpha1.ServiceNetwork{MTU: ptr(int32(1400))} }, "mtu"},
		"held back by Proxmox": {func(s *v1alpha1.NixMoxService) { s.Spec.Timezone = "host" }, "timezone"},
		"both, and a new wish": {func(s *v1alpha1.NixMoxService) {
			s.Spec.Timezone, s.Spec.Features = "host", &v1alpha1.Features{Nesting: ptr(false)}
		}, "nesting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host(phased("one: b", "two: a"))
			l.service("a", checked(11, "a", ""))
			l.service("b", checked(12, "b", ", restartPolicy: never"))
			l.ready("a", "b")
			l.restartController() // for a while after a start of its own it takes every start for that one
			a, b := int(l.get("a").Status.VMID), int(l.get("b").Status.VMID)
			l.must(l.pve.SetHealthy(b, "", false))
			l.situated("b", v1alpha1.ReasonUnhealthy, isIll)
			l.edit("a", change.edit)
			l.situated("a", v1alpha1.ReasonWaitingForPhase, onItsWay, "before: Shutdown (disrupts)")
			if owed := l.get("a").Status.RestartOwed; !slices.Contains(owed, change.owed) {
				t.Fatalf("owed are %v", owed)
			}
			// A start that the list shows within the settling time may have been before the change: who is too quick does it again.
			var last time.Time
			l.eventually("nothing is owed", func() bool {
				if time.Since(last) > 8*time.Second {
					last = time.Now()
					l.must(l.pve.Stop(a))
					l.must(l.pve.StartByHand(a))
				}
				s := l.get("a").Status
				return len(s.RestartOwed) == 0 && len(s.Plan) == 0
			})
			l.ready("a")
			if n := l.begun("vzshutdown", a); n != 0 || !l.container("a").Running {
				t.Errorf("%d restarts of ours", n)
			}
			if l.reason("b") != v1alpha1.ReasonUnhealthy {
				t.Errorf("b is %s", l.reason("b"))
			}
		})
	}
}
