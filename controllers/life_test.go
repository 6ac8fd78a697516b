package controllers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// passage is what becomes of a call on its way to Proxmox.
type passage int

const (
	goesThrough passage = iota
	neverArrives
	repliesToNobody // it has its effect, and the answer is lost
)

// between puts somebody between the controller and Proxmox who sees every call before it arrives. Call it before host.
func (l *lab) between(see func(*http.Request) passage) {
	proxmox := l.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch see(r) {
		case goesThrough:
			proxmox.ServeHTTP(w, r)
			return
		case repliesToNobody:
			// The client going away must not keep the call from its effect.
			proxmox.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
		}
		panic(http.ErrAbortHandler)
	}))
	l.t.Cleanup(server.Close)
	l.pve.URL = server.URL
}

func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lxc")
}

// container is the container of a service as Proxmox has it now.
func (l *lab) container(name string) pvesim.Container {
	l.t.Helper()
	vmid := int(l.get(name).Status.VMID)
	c, ok := l.pve.Container(vmid)
	if !ok {
		l.t.Fatalf("service %s: there is no container %d", name, vmid)
	}
	return c
}

// ofService are the containers on Proxmox whose marker names a service.
func (l *lab) ofService(name string) []int {
	var found []int
	for _, c := range l.pve.Containers() {
		if m, _, ok := marker.Parse(c.Config["description"]); ok && m.Service == l.namespace+"/"+name {
			found = append(found, c.VMID)
		}
	}
	return found
}

func markerOf(c pvesim.Container) marker.Marker {
	m, _, _ := marker.Parse(c.Config["description"])
	return m
}

// begun counts the tasks of a type that were started on a container, 0 for all containers.
func (l *lab) begun(kind string, vmid int) int {
	n := 0
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindTaskStart && e.Type == kind && (vmid == 0 || e.VMID == vmid) {
			n++
		}
	}
	return n
}

// configures counts the changes of configurations that Proxmox was asked for.
func (l *lab) configures() int {
	return l.log.calls(func(e calllog.Entry) bool { return e.Method == http.MethodPut && strings.HasSuffix(e.Path, "/config") })
}

// reads counts the reads of a container's configuration.
func (l *lab) reads(name string) int {
	path := "/" + itoa(l.get(name).Status.VMID) + "/pending"
	return l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, path) })
}

// looks waits until the container of a service was read so many times more.
func (l *lab) looks(name string, more int) {
	l.t.Helper()
	before := l.reads(name)
	l.eventually("the container of "+name+" is read again", func() bool { return l.reads(name) >= before+more })
}

func (l *lab) restartController() {
	l.stopController()
	l.startController()
}

func TestAfterTheRollOutNothingRemainsToBeDone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Network.DNSServers = []string{"192.168.99.53", "192.168.99.54", "fd00::53"}
		h.Spec.Network.SSHPublicKeys = []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3PaV2Vg0e6t3m3cGmGx6vE4v8mFhX1yq0yqYqYqYqY one@example.com"}
		h.Spec.Rollout.MaxConcurrent = 16
	})
	specs := map[string]string{
		"plain":   service(11, `hostname: plain`),
		"volumes": service(12, `hostname: volumes, volumes: [{name: wal, mountPath: /wal, size: 512Mi, backup: false}, {name: data, mountPath: /data, size: 2Gi}]`),
		"six":     `{ip: "fd00::11/64", hostname: six, network: {gateway: "fd00::1"}}`,
		"share":   service(13, `hostname: share, resources: {cpu: 1500m, memory: 1Gi}`),
		"tagged":  service(14, `hostname: tagged, tags: [zebra, db, a.b]`),
		"lean":    service(15, `hostname: lean, resources: {swap: "0", storage: 1536Mi}, features: {nesting: false}, restartPolicy: never`),
		"mac":     service(16, `hostname: mac, network: {macAddress: "bc:24:11:00:00:0a", vlanTag: 42, firewall: true}`),
		"last":    service(17, `hostname: LAST.example.com, dependsOn: [plain], unprivileged: true`),
	}
	var names []string
	for name, spec := range specs {
		l.service(name, spec)
		names = append(names, name)
	}
	l.ready(names...)

	// A controller that begins anew reads everything as it really is.
	before := map[string]int{}
	l.stopController()
	for _, name := range names {
		before[name] = l.reads(name)
	}
	l.startController()
	for _, name := range names {
		l.eventually(name+" was read", func() bool { return l.reads(name) > before[name] })
		l.eventually(name+" was looked at", func() bool { return l.requested(name, "now") })
		if plan := l.get(name).Status.Plan; len(plan) > 0 {
			t.Errorf("%s: there remains to be done: %s", name, strings.Join(plan, "; "))
		}
		if n := l.begun("vzcreate", int(l.get(name).Status.VMID)); n != 1 {
			t.Errorf("%s was created %d times", name, n)
		}
	}
	if n := l.configures(); n > 0 {
		t.Errorf("%d configurations were changed after their creation: %v", n, l.lastConfigure())
	}
	if n := len(l.pve.Containers()); n != len(specs) {
		t.Errorf("%d containers for %d services", n, len(specs))
	}
}

// requested asks for a reconcile and tells whether it was acted on.
func (l *lab) requested(name, value string) bool {
	if s := l.get(name); s.Status.LastHandledReconcileAt == value {
		return meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady)
	}
	l.annotate(name, v1alpha1.RequestedAtAnnotation, value)
	return false
}

func (l *lab) annotate(name, key, value string) {
	l.t.Helper()
	l.edit(name, func(s *v1alpha1.NixMoxService) { metav1.SetMetaDataAnnotation(&s.ObjectMeta, key, value) })
}

func (l *lab) lastConfigure() map[string]string {
	var params map[string]string
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindCall && e.Method == http.MethodPut && strings.HasSuffix(e.Path, "/config") {
			params = e.Params
		}
	}
	return params
}

func TestARestartOfTheControllerChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a`))
	l.service("b", service(12, `hostname: b, dependsOn: [a], healthCheck: systemctl is-active --quiet b`))
	l.ready("a", "b")
	before := map[string]v1alpha1.NixMoxServiceStatus{"a": l.get("a").Status, "b": l.get("b").Status}
	writes := map[string]string{"a": l.get("a").ResourceVersion, "b": l.get("b").ResourceVersion}
	l.restartController()
	l.looks("a", 2)
	for name, status := range before {
		now := l.get(name)
		if now.ResourceVersion != writes[name] {
			t.Errorf("%s was written: %s", name, cmp.Diff(status, now.Status))
		}
	}
}

func TestACreationIsWrittenDownBeforeItIsAskedFor(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	arrived := make(chan *v1alpha1.NixMoxService, 1)
	l.between(func(r *http.Request) passage {
		if isCreate(r) {
			arrived <- l.get("a") // what the API holds at this very moment
		}
		return goesThrough
	})
	l.host()
	l.service("a", service(11, `hostname: a`))
	var atCall *v1alpha1.NixMoxService
	select {
	case atCall = <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was created")
	}
	op := atCall.Status.Operation
	if op == nil {
		t.Fatalf("Proxmox was asked with nothing written down: %+v", atCall.Status)
	}
	if op.Kind != "Create" || op.VMID != 900 || op.Node != "pve1" || op.Nonce == "" || op.TokenID != "nixmox@pve!ctl" || op.StartedAt.IsZero() ||
		op.Template != "local:vztmpl/nixos.tar.xz" || op.UPID != "" {
		t.Errorf("written ahead: %+v", op)
	}
	if atCall.Status.VMID != 900 || l.reason("a") == "" {
		t.Errorf("status.vmid is %d at the call", atCall.Status.VMID)
	}
	l.ready("a")
	if got := markerOf(l.container("a")).Nonce; got != op.Nonce {
		t.Errorf("the container carries the nonce %q, written ahead was %q", got, op.Nonce)
	}
}

func TestADeletedAndRecreatedServiceTakesItsContainerBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	spec := service(11, `hostname: a, healthCheck: systemctl is-active --quiet a, volumes: [{name: data, mountPath: /data, size: 1Gi}]`)
	l.service("a", spec)
	l.ready("a")
	before, first := l.container("a"), l.get("a")
	l.delete("a")
	l.gone("a")
	l.service("a", spec)
	l.ready("a")
	now, second := l.container("a"), l.get("a")
	if now.VMID != before.VMID || now.Config["mp0"] != before.Config["mp0"] || now.Config["rootfs"] != before.Config["rootfs"] || now.Config["net0"] != before.Config["net0"] {
		t.Errorf("taken back was %v, not %v", now, before)
	}
	if first.UID == second.UID || markerOf(now).UID != string(second.UID) || markerOf(now).State != marker.Live {
		t.Errorf("the marker says %+v", markerOf(now))
	}
	if n := l.begun("vzcreate", 0); n != 1 || !now.Running || now.Config["onboot"] != "1" {
		t.Errorf("created %d times, running %v, onboot %s", n, now.Running, now.Config["onboot"])
	}
}

func (l *lab) delete(name string) {
	l.t.Helper()
	if err := l.api.Client.Delete(l.t.Context(), l.get(name)); err != nil {
		l.t.Fatal(err)
	}
}

// gone waits until services have no objects.
func (l *lab) gone(names ...string) {
	l.t.Helper()
	for _, name := range names {
		l.eventually(name+" is gone", func() bool { return l.get(name) == nil })
	}
}

func TestAContainerIsFoundByItsMarker(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lose func(*lab)
	}{
		{"when its status is lost", func(l *lab) {
			s := l.get("a")
			s.Status = v1alpha1.NixMoxServiceStatus{}
			if err := l.api.Client.Status().Update(l.t.Context(), s); err != nil {
				l.t.Fatal(err)
			}
		}},
		{"when its object was forced away and made again", func(l *lab) {
			l.delete("a")
			l.edit("a", func(s *v1alpha1.NixMoxService) { s.Finalizers = nil })
			l.service("a", service(11, `hostname: a, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host()
			l.service("a", service(11, `hostname: a, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
			l.ready("a")
			before := l.container("a")
			l.stopController()
			c.lose(l)
			l.startController()
			l.ready("a")
			now := l.container("a")
			if diff := cmp.Diff(before.Config["mp0"], now.Config["mp0"]); diff != "" || now.VMID != before.VMID {
				t.Errorf("VMID %d, was %d: %s", now.VMID, before.VMID, diff)
			}
			if n := l.begun("vzcreate", 0) + l.begun("vzstart", 0) + l.begun("vzshutdown", 0); n != 2 {
				t.Errorf("%d tasks, not one creation and one start", n)
			}
		})
	}
}

func TestAVMIDThatAStrangerTookIsLeftToIt(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lxc", "qemu"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			taken := false
			l.between(func(r *http.Request) passage {
				if isCreate(r) && !taken {
					taken = true
					if err := l.pve.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Type: kind, Config: map[string]string{"tags": "nixmox"}}); err != nil {
						t.Error(err)
					}
				}
				return goesThrough
			})
			l.host()
			l.service("a", service(11, `hostname: a`))
			l.ready("a")
			if got := l.get("a").Status.VMID; got != 901 {
				t.Errorf("VMID %d", got)
			}
			l.untouched(900)
		})
	}
}

// untouched is that nobody asked Proxmox for a change of a guest, other than for a creation in its place.
func (l *lab) untouched(vmid int) {
	l.t.Helper()
	part := "/" + itoa(vmid)
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindCall && e.Method != http.MethodGet && strings.Contains(e.Path+"/", part+"/") {
			l.t.Errorf("guest %d was touched: %s %s", vmid, e.Method, e.Path)
		}
	}
}

func TestAnAskedForVMIDThatIsTakenStalls(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lxc", "qemu"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if err := l.pve.AddGuest(pvesim.Guest{VMID: 950, Node: "pve1", Type: kind}); err != nil {
				t.Fatal(err)
			}
			l.host()
			l.service("a", service(11, `hostname: a, vmid: 950`))
			l.eventually("a is stalled", func() bool {
				return l.reason("a") == v1alpha1.ReasonVMIDConflict && meta.IsStatusConditionTrue(l.get("a").Status.Conditions, v1alpha1.ConditionStalled)
			})
			l.untouched(950)
			l.delete("a")
			l.gone("a")
			l.untouched(950)
		})
	}
}

func TestAFailingCreationIsTriedAgainWithItsVMID(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	if err := l.pve.AddFault(pvesim.Fault{TaskType: "vzcreate", Times: 2, Text: "unable to create CT 900 - storage is full"}); err != nil {
		t.Fatal(err)
	}
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.eventually("the failure is told with what Proxmox said", func() bool {
		c := meta.FindStatusCondition(l.get("a").Status.Conditions, v1alpha1.ConditionReady)
		return c.Reason == v1alpha1.ReasonOperationFailed && strings.Contains(c.Message, "storage is full")
	})
	l.ready("a")
	s := l.get("a")
	if s.Status.VMID != 900 || s.Status.Failure != nil || l.begun("vzcreate", 900) != 3 {
		t.Errorf("VMID %d, failure %v, %d creations", s.Status.VMID, s.Status.Failure, l.begun("vzcreate", 0))
	}
}

func itoa[N int | int32](n N) string { return strconv.Itoa(int(n)) }
