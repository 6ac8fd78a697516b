package controllers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// one is that a service has exactly one container, which runs, and that was made only once.
func (l *lab) one(name string) {
	l.t.Helper()
	vmid := int(l.get(name).Status.VMID)
	if found := l.ofService(name); len(found) != 1 || found[0] != vmid {
		l.t.Errorf("service %s: the containers %v are marked as its own, and its status says %d", name, found, vmid)
	}
	if c, ok := l.pve.Container(vmid); !ok || !c.Running {
		l.t.Errorf("service %s: container %d does not run", name, vmid)
	}
}

func TestALostReplyIsFoundOut(t *testing.T) {
	t.Parallel()
	grown := func(l *lab) {
		l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	}
	for _, c := range []struct {
		call, method, path, task string
		times                    int // that the task runs, when the call has its effect
		then                     func(*lab)
		end                      func(*lab) bool
	}{
		{"create", http.MethodPost, "/lxc", "vzcreate", 1, func(*lab) {}, func(l *lab) bool { return true }},
		{"start", http.MethodPost, "/status/start", "vzstart", 1, func(*lab) {}, func(l *lab) bool { return true }},
		{"configure", http.MethodPut, "/config", "vzcreate", 1, grown, func(l *lab) bool { return l.container("a").Config["memory"] == "1024" }},
		{"grow", http.MethodPut, "/resize", "resize", 1, func(l *lab) {
			l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Storage = ptr(resource.MustParse("20Gi")) })
		}, func(l *lab) bool { return strings.Contains(l.container("a").Config["rootfs"], "size=20G") }},
		{"shutdown", http.MethodPost, "/status/shutdown", "vzshutdown", 1, func(l *lab) { l.delete("a") }, func(l *lab) bool { return l.get("a") == nil }},
		{"destroy", http.MethodDelete, "/900", "vzdestroy", 1, func(l *lab) {
			l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.DeletionPolicy = v1alpha1.DeletionDelete })
			l.delete("a")
		}, func(l *lab) bool { return l.get("a") == nil && len(l.pve.Containers()) == 0 }},
	} {
		for when, how := range map[string]passage{"before its effect": neverArrives, "after its effect": repliesToNobody} {
			t.Run(c.call+" "+when, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				var lost atomic.Bool
				l.between(func(r *http.Request) passage {
					if r.Method == c.method && strings.HasSuffix(r.URL.Path, c.path) && lost.CompareAndSwap(false, true) {
						return how
					}
					return goesThrough
				})
				l.host()
				l.service("a", service(11, `hostname: a`))
				l.ready("a")
				c.then(l)
				l.eventually("the call had its effect once", func() bool { return lost.Load() && c.end(l) })
				if n := l.begun(c.task, 900); n != c.times {
					t.Errorf("%d tasks %s", n, c.task)
				}
				if l.get("a") != nil {
					l.ready("a")
					l.one("a")
				}
			})
		}
	}
}

// A controller that is killed at whatever call, before the call or after its effect, leaves nothing that the next one does not bring
// to the same end.
func TestWhereverTheControllerDies(t *testing.T) {
	t.Parallel()
	points := 24
	if testing.Short() {
		points = 8
	}
	for k := 1; k <= points; k++ {
		how, when := neverArrives, "before"
		if k%2 == 0 {
			how, when = repliesToNobody, "after"
		}
		t.Run(fmt.Sprintf("%s call %d", when, k), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if err := l.pve.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Config: map[string]string{"tags": "nixmox", "description": "somebody's"}, Running: true}); err != nil {
				t.Fatal(err)
			}
			died := make(chan struct{})
			var calls atomic.Int32
			die := l.stop
			l.between(func(*http.Request) passage {
				if calls.Add(1) != int32(k) {
					return goesThrough
				}
				die()
				defer close(died)
				return how
			})
			l.host()
			l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
			l.service("b", service(12, `hostname: b, dependsOn: [a]`))
			<-died
			<-l.stopped
			l.startController()
			l.ready("a", "b")
			l.one("a")
			l.one("b")
			l.untouched(900)
			if n := len(l.pve.Containers()); n != 3 {
				t.Errorf("%d containers, not two and a stranger's", n)
			}
		})
	}
}

// Two controllers that both believed to lead gave one VMID to two services: the creation of one is found when the other looks for its own.
func TestACreationOfAnotherServiceIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	l.stopController()
	b := l.service("b", service(12, `hostname: b`))
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Finalizers = []string{v1alpha1.Finalizer} })
	b = l.get(b.Name)
	b.Status.VMID, b.Status.Node = 900, "pve1"
	b.Status.Operation = &v1alpha1.Operation{
		Kind: "Create", VMID: 900, Node: "pve1", TokenID: testlab.TokenID, Nonce: "lost", Template: "local:vztmpl/nixos.tar.xz", StartedAt: l.get("a").CreationTimestamp,
	}
	if err := l.api.Client.Status().Update(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	l.startController()
	l.ready("a", "b")
	l.one("a")
	l.one("b")
}

// The write of a task's id met a conflict, and the task had ended before it was written again: its end woke nobody any more.
func TestATaskThatEndedBeforeItsIDWasWrittenIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	var l *lab
	var held atomic.Bool
	l = newLab(t, func(made *lab, world *string) {
		*world = strings.Replace(*world, `"vzstart": 1`, `"vzstart": 20`, 1)
		made.wrap = func(next http.RoundTripper) http.RoundTripper {
			return wrapped(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPatch || r.GetBody == nil {
					return next.RoundTrip(r)
				}
				body, _ := r.GetBody()
				text, _ := io.ReadAll(body)
				if !strings.Contains(string(text), ":vzstart:") || !held.CompareAndSwap(false, true) {
					return next.RoundTrip(r)
				}
				time.Sleep(5 * time.Second) // the task ends, and the list tells that the container runs
				return &http.Response{
					StatusCode: http.StatusConflict, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, ProtoMajor: 1, ProtoMinor: 1,
					Body: io.NopCloser(strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)),
				}, nil
			})
		}
	})
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	if !held.Load() {
		t.Error("no task's id was held up")
	}
}

type wrapped func(*http.Request) (*http.Response, error)

func (f wrapped) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
