package controllers_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// The list of a Proxmox that is polled once a minute does not show a young container's tags when its service is deleted and applied
// again. A second container was once made then, and the first one left behind.
func TestAYoungContainerIsTakenBackThoughTheListIsOld(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.PollInterval = &v1alpha1.Duration{Duration: metav1.Duration{Duration: time.Minute}}
	})
	spec := service(11, `hostname: a, healthCheck: systemctl is-active --quiet a`)
	l.service("a", spec)
	l.ready("a")
	vmid := l.get("a").Status.VMID
	if err := l.api.Client.Delete(t.Context(), l.get("a")); err != nil {
		t.Fatal(err)
	}
	l.eventually("the object is gone", func() bool { return l.get("a") == nil })
	l.service("a", spec)
	l.ready("a")
	if again := l.get("a").Status.VMID; again != vmid {
		t.Errorf("the second object got container %d, the first one had %d", again, vmid)
	}
	creations := 0
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindTaskStart && e.Type == "vzcreate" {
			creations++
		}
	}
	if creations != 1 {
		t.Errorf("%d containers were created for one service", creations)
	}
}
