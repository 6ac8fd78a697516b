package controllers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestACrashLoopBacksOffInSight(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.timing.Retry, l.timing.LongestPause = 2*time.Second, 0 })
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	falls := func(starts int) {
		l.t.Helper()
		l.eventually("it runs and is listed so", func() bool { return l.begun("vzstart", 900) == starts && l.get("a").Status.Observed.Running })
		l.ready("a")
		l.must(l.pve.Stop(900))
	}
	falls(1)
	falls(2) // after the first stop it is started at once
	l.situated("a", v1alpha1.ReasonCrashLoop, isIll, "Container 900 stopped by itself 2 times in a row, and is started again at ", "nixmox.dev/start")
	s := l.get("a")
	if s.Status.State != "CrashLoop" || s.Status.Crashes.Count != 2 || l.begun("vzstart", 900) != 2 {
		t.Errorf("state %s, crashes %+v, started %d times", s.Status.State, s.Status.Crashes, l.begun("vzstart", 900))
	}
	falls(3)
	l.situated("a", v1alpha1.ReasonCrashLoop, isIll, "3 times in a row")
	if left := time.Until(l.get("a").Status.Crashes.RestartAt.Time); left < 5*time.Second {
		t.Errorf("the pause does not grow: %v", left)
	}
	// An edit ends the pause, and the count.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.ready("a")
	if c := l.get("a").Status.Crashes; c != nil {
		t.Errorf("still remembered: %+v", c)
	}
	l.one("a")
}

func TestAContainerThatNeverComesUpBacksOffToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, readyAfter(1000), func(l *lab, _ *string) { l.timing.LongestPause = 0 })
	l.host()
	l.service("a", checked(11, "a", ", restartPolicy: never"))
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay)
	l.polled(3)
	l.must(l.pve.Stop(900))
	l.eventually("it is started again", func() bool { return l.begun("vzstart", 900) == 2 })
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay)
	l.polled(3)
	l.must(l.pve.Stop(900))
	l.sees("a", v1alpha1.ReasonCrashLoop, isIll, "2 times in a row")
}

func TestAGuestThatStillBootsIsNotShutDown(t *testing.T) {
	t.Parallel()
	l := newLab(t, readyAfter(1000), func(l *lab, _ *string) { l.timing.BootGrace = 20 * time.Second })
	l.host()
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay)
	started := l.log.at(calllog.KindTaskEnd, "vzstart", 900)
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "renamed" })
	l.sees("a", v1alpha1.ReasonStarting, onItsWay, "a guest that boots may not notice a shutdown", "restart to bring into effect: hostname")
	l.eventually("it is shut down in the end", func() bool { return l.begun("vzshutdown", 900) == 1 })
	if grace := l.log.at(calllog.KindTaskStart, "vzshutdown", 900).Sub(started); grace < 10*time.Second { // Proxmox tells an uptime in whole seconds
		t.Errorf("it was shut down %v after its start", grace)
	}
	l.eventually("it runs under its new name", func() bool { return l.begun("vzstart", 900) == 2 })
}

func TestAnEditOfTheHostIsNotHeldByABackOff(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.timing.Retry, l.timing.LongestPause = time.Hour, 0 })
	l.must(l.pve.AddFault(pvesim.Fault{TaskType: "vzcreate", Times: 1, Text: "unable to create CT 900 - no such template"}))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "no such template")
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Defaults.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.ready("a")
}

func TestARequestedReconcileFindsAnEditAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.timing.LongestPause = 0 })
	reread := true
	l.between(func(r *http.Request) passage {
		if !reread && strings.HasSuffix(r.URL.Path, "/cluster/resources") {
			return neverArrives // no poll, no round of reads
		}
		return goesThrough
	})
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.PollInterval = &v1alpha1.Duration{Duration: metav1.Duration{Duration: time.Hour}}
	})
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	reread = false
	l.must(l.pve.Edit(900, map[string]string{"onboot": "0"}))
	l.annotate("a", v1alpha1.RequestedAtAnnotation, "now")
	l.eventually("it is put back", func() bool { return l.container("a").Config["onboot"] == "1" })
	l.eventually("the request is answered", func() bool { return l.get("a").Status.LastHandledReconcileAt == "now" })
}
