package controllers_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestARetainedContainerIsShutDownMarkedAndKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
	l.ready("a")
	disks := l.pve.Volumes()
	l.delete("a")
	l.gone("a")
	c, ok := l.pve.Container(900)
	if !ok || c.Running || c.Config["onboot"] == "1" || markerOf(c).State != marker.Retained || !slices.Equal(disks, l.pve.Volumes()) {
		t.Errorf("kept: %v, running %v, onboot %q, marker %+v, disks %v", ok, c.Running, c.Config["onboot"], markerOf(c), l.pve.Volumes())
	}
	if freed := l.getHost().Status.FreedVMIDs; len(freed) > 0 {
		t.Errorf("its VMID counts as free: %v", freed)
	}
	// Nobody else gets it.
	l.service("b", service(12, `hostname: b`))
	l.ready("b")
	if vmid := l.get("b").Status.VMID; vmid != 901 {
		t.Errorf("b has VMID %d", vmid)
	}
}

func TestADestroyedContainersVMIDRests(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 900, To: 902} })
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
	l.ready("a")
	l.delete("a")
	l.gone("a")
	if left, disks := l.pve.Containers(), l.pve.Volumes(); len(left)+len(disks) > 0 {
		t.Errorf("left: %v %v", left, disks)
	}
	if freed := l.getHost().Status.FreedVMIDs; !slices.Equal(freed, []int32{900}) {
		t.Errorf("freed: %v", freed)
	}
	for i, name := range []string{"b", "c", "a"} {
		l.service(name, service(12+i, `hostname: `+name))
		l.ready(name)
		if got, want := l.get(name).Status.VMID, []int32{901, 902, 900}[i]; got != want {
			t.Errorf("%s has VMID %d, not %d", name, got, want)
		}
	}
}

func TestAStackGoesDownInReverse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
	l.service("b", service(12, `hostname: b, dependsOn: [a]`))
	l.service("c", service(13, `hostname: c, dependsOn: [b], deletionPolicy: Delete`))
	l.ready("a", "b", "c")
	for _, name := range []string{"a", "b", "c"} {
		l.delete(name)
	}
	l.gone("a", "b", "c")
	at := func(vmid int) int {
		return slices.IndexFunc(l.log.entries(), func(e calllog.Entry) bool {
			return e.Kind == calllog.KindTaskStart && e.Type == "vzshutdown" && e.VMID == vmid
		})
	}
	if !(at(902) < at(901) && at(901) < at(900)) || at(902) < 0 {
		t.Errorf("shut down c at %d, b at %d, a at %d", at(902), at(901), at(900))
	}
}

func TestADependencyThatIsDeletedAloneWaitsForNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.service("b", service(12, `hostname: b, dependsOn: [a]`))
	l.ready("a", "b")
	l.delete("a")
	l.gone("a")
	if !l.container("b").Running {
		t.Error("b was stopped")
	}
}

func TestWhatIsNotMarkedAsOursSurvivesADeletion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		turn func(*lab)
	}{
		{"the marker was taken off", func(l *lab) { l.must(l.pve.Edit(900, map[string]string{"description": "mine", "tags": ""})) }},
		{"somebody else's container has the VMID", func(l *lab) {
			l.must(l.pve.Delete(900))
			l.must(l.pve.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Running: true, Config: map[string]string{"description": "theirs"}}))
		}},
		{"a clone of another service's has the VMID", func(l *lab) {
			d := l.container("a").Config["description"]
			l.must(l.pve.Edit(900, map[string]string{"description": strings.Replace(d, "nixmox-vmid: 900", "nixmox-vmid: 777", 1)}))
		}},
		{"another instance marked it", func(l *lab) {
			d := l.container("a").Config["description"]
			l.must(l.pve.Edit(900, map[string]string{"description": strings.Replace(d, "nixmox-instance: nixmox", "nixmox-instance: other", 1)}))
		}},
	} {
		for _, policy := range []string{"Retain", "Delete"} {
			t.Run(c.name+", "+policy, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				l.host()
				l.service("a", service(11, `hostname: a, deletionPolicy: `+policy))
				l.ready("a")
				l.stopController()
				before := l.configures()
				c.turn(l)
				was, _ := l.pve.Container(900)
				l.delete("a")
				l.startController()
				l.gone("a")
				now, ok := l.pve.Container(900)
				if !ok || !now.Running || now.Config["description"] != was.Config["description"] {
					t.Errorf("there is %v: %+v", ok, now)
				}
				if n := l.begun("vzshutdown", 0) + l.begun("vzdestroy", 0) + l.configures() - before; n > 0 {
					t.Error("it was touched")
				}
			})
		}
	}
}

func TestProtectionHoldsADeletion(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
	l.ready("a")
	l.must(l.pve.Edit(900, map[string]string{"protection": "1"}))
	l.delete("a")
	l.eventually("it says so", func() bool { return strings.Contains(l.message("a"), "protected") })
	if _, ok := l.pve.Container(900); !ok || l.begun("vzdestroy", 0) > 0 {
		t.Fatal("it was destroyed, or tried to")
	}
	l.must(l.pve.Edit(900, map[string]string{"protection": ""}))
	l.gone("a")
	if _, ok := l.pve.Container(900); ok {
		t.Error("it was not destroyed")
	}
}

func (l *lab) message(name string) string {
	if s := l.get(name); s != nil {
		if c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); c != nil {
			return c.Message
		}
	}
	return ""
}

func TestWithoutHostOrSecret(t *testing.T) {
	t.Parallel()
	host := func(l *lab) { l.must(l.api.Client.Delete(l.t.Context(), l.getHost())) }
	secret := func(l *lab) {
		// A new controller has no session from before.
		l.stopController()
		l.must(l.api.Client.Delete(l.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: "pve"}}))
		l.startController()
	}
	for _, c := range []struct {
		name string
		lose func(*lab)
	}{{"host", host}, {"secret", secret}} {
		t.Run(c.name+", Retain lets go", func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host()
			l.service("a", service(11, `hostname: a`))
			l.ready("a")
			c.lose(l)
			l.eventually("the service knows", func() bool { return l.reason("a") != v1alpha1.ReasonHealthy })
			l.delete("a")
			l.gone("a")
			if c, ok := l.pve.Container(900); !ok || !c.Running {
				t.Error("the container was touched")
			}
			l.eventually("an event tells", func() bool { return l.event("a", "Let go of container 900 as it is") })
		})
		t.Run(c.name+", Delete holds until it is abandoned", func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host()
			l.service("a", service(11, `hostname: a, deletionPolicy: Delete`))
			l.ready("a")
			c.lose(l)
			l.eventually("the service knows", func() bool { return l.reason("a") != v1alpha1.ReasonHealthy })
			l.delete("a")
			l.eventually("its message names the annotation", func() bool { return strings.Contains(l.message("a"), controllers.AbandonAnnotation+"=true") })
			l.annotate("a", controllers.AbandonAnnotation, "true")
			l.gone("a")
			if c, ok := l.pve.Container(900); !ok || !c.Running {
				t.Error("the container was touched")
			}
		})
	}
}

func (l *lab) event(name, says string) bool {
	l.t.Helper()
	var all corev1.EventList
	if err := l.api.Client.List(context.Background(), &all, client.InNamespace(l.namespace)); err != nil {
		l.t.Fatal(err)
	}
	return slices.ContainsFunc(all.Items, func(e corev1.Event) bool { return e.InvolvedObject.Name == name && strings.Contains(e.Message, says) })
}

func TestAWholeNamespaceGoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.service("b", service(12, `hostname: b, dependsOn: [a]`))
	l.ready("a", "b")
	l.must(l.api.Client.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.namespace}}))
	l.gone("a", "b")
	if n := len(l.pve.Containers()); n != 2 {
		t.Errorf("%d containers are left of two", n)
	}
	l.eventually("the namespace is gone", func() bool {
		err := l.api.Client.Get(context.Background(), client.ObjectKey{Name: l.namespace}, &corev1.Namespace{})
		return apierrors.IsNotFound(err)
	})
}

func TestAServiceThatIsDeletedWhileItsContainerIsMade(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Retain", "Delete"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, func(_ *lab, world *string) { *world = strings.Replace(*world, `"vzcreate": 2`, `"vzcreate": 30`, 1) })
			l.host()
			l.service("a", service(11, `hostname: a, deletionPolicy: `+policy))
			l.eventually("the creation runs", func() bool { return l.begun("vzcreate", 900) == 1 })
			l.delete("a")
			l.gone("a")
			c, ok := l.pve.Container(900)
			if kept := policy == "Retain"; ok != kept || kept && (markerOf(c).State != marker.Retained || c.Running || c.Config["lock"] != "") {
				t.Errorf("there is a container: %v, %+v", ok, c)
			}
			if l.begun("vzcreate", 0) != 1 || l.begun("vzstart", 0) > 0 {
				t.Errorf("%d creations, %d starts", l.begun("vzcreate", 0), l.begun("vzstart", 0))
			}
		})
	}
}

func TestAContainerThatIgnoresItsShutdownHoldsADeletion(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, shutdownTimeout: 5s, deletionPolicy: Delete`))
	l.ready("a")
	l.must(l.pve.SetDeaf(900, true))
	l.delete("a")
	l.eventually("it says so", func() bool { return l.reason("a") == v1alpha1.ReasonOperationFailed })
	if c, ok := l.pve.Container(900); !ok || !c.Running {
		t.Fatal("it was killed")
	}
	l.must(l.pve.SetDeaf(900, false))
	l.gone("a")
}

func TestAServiceWithoutAContainerJustGoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, dependsOn: [nobody], deletionPolicy: Delete`))
	l.eventually("it waits", func() bool { return l.reason("a") == v1alpha1.ReasonMissingDependency })
	l.delete("a")
	l.gone("a")
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method != "GET" }); n > 0 {
		t.Errorf("%d calls changed something", n)
	}
}
