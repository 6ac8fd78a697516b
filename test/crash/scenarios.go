package crash

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/test/lab"
)

// Scenario is a piece of a service's life. Its writes are counted from the end of Setup on.
type Scenario struct {
	Name string
	// Hands is whether a person destroys a container in it.
	Hands bool
	// Nodes is whether there are two, between which the token may migrate; containers are created on the first.
	Nodes bool
	// Between stands between controller and Proxmox.
	Between func(*world, http.Handler) http.Handler
	Setup   func(*world)
	Act     func(*world)
	// End says what is missing to the end, which is the same whenever the controller died.
	End func(*world) error

	patience time.Duration
}

const (
	volumes  = `volumes: [{name: data, mountPath: /data, size: 1Gi}, {name: wal, mountPath: /wal, size: 512Mi}]`
	spec     = `{ip: 192.168.99.11, hostname: a, healthCheck: systemctl is-active --quiet a, ` + volumes + `}`
	destroys = `{ip: 192.168.99.11, hostname: a, healthCheck: systemctl is-active --quiet a, deletionPolicy: Delete, ` + volumes + `}`
	behind   = `{ip: 192.168.99.12, hostname: b, dependsOn: [a]}`
)

// Scenarios are all of them.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "create with volumes, and a dependent", Act: func(w *world) { w.Host(); w.Service("b", behind); w.Service("a", spec) }, End: ready("a", "b")},
		{Name: "creation that fails twice", Setup: func(w *world) {
			w.fault(pvesim.Fault{TaskType: "vzcreate", Times: 2, Text: "unable to create CT 900 - storage is full"})
		}, Act: createA, End: ready("a")},
		{Name: "creation whose call arrives late", Between: late, Act: createA, End: ready("a")},
		{Name: "VMID taken by a stranger's container", Between: taken("lxc"), Act: createA, End: readyAt("a", 901)},
		{Name: "VMID taken by a virtual machine", Between: taken("qemu"), Act: createA, End: readyAt("a", 901)},
		{Name: "change with growth and restart", Setup: createdA, Act: func(w *world) {
			w.Edit("a", func(s *v1alpha1.NixMoxService) {
				w.Parse(strings.Replace(spec, "{ip", `{resources: {memory: 1Gi, storage: 20Gi}, network: {vlanTag: 7}, ip`, 1), &s.Spec)
				s.Spec.Hostname = "c" // the restart
				s.Spec.HealthCheck = "systemctl is-active --quiet c"
			})
		}, End: changed},
		{Name: "delete with Retain", Setup: createdA, Act: func(w *world) { w.Delete("a") }, End: retained},
		{Name: "delete with Delete", Setup: func(w *world) { w.Host(); w.Service("a", destroys); w.until(ready("a")) }, Act: func(w *world) { w.Delete("a") }, End: destroyed},
		{Name: "deleted while a stranger's container has its VMID", Hands: true,
			Setup: func(w *world) { w.Host(); w.Service("a", destroys); w.until(ready("a")); w.replaceByStranger() },
			Act:   func(w *world) { w.Delete("a") }, End: strangerLeft},
		{Name: "kept container taken back", Setup: func(w *world) { createdA(w); w.Delete("a"); w.until(retained) },
			Act: func(w *world) { w.Service("a", spec) }, End: readyAt("a", 900)},
		{Name: "container of a person adopted", Setup: madeByHand, Act: func(w *world) { w.Service("a", adopts) }, End: adopted},
		{Name: "moved to another node, with a change", Nodes: true, Setup: createdA, Act: func(w *world) {
			w.Edit("a", func(s *v1alpha1.NixMoxService) {
				s.Spec.Hostname, s.Spec.HealthCheck = "c", "systemctl is-active --quiet c"
				s.Annotations = map[string]string{v1alpha1.MigrateAnnotation: "pve2"}
			})
		}, End: moved},
		{Name: "status emptied", Setup: createdA, Act: func(w *world) { w.setStatus(v1alpha1.NixMoxServiceStatus{}) }, End: readyAt("a", 900)},
		{Name: "status of yesterday restored", Setup: createdA, Act: func(w *world) { w.setStatus(w.yesterday()) }, End: readyAt("a", 900)},
		{Name: "marker edited away", Setup: createdA, Act: func(w *world) {
			w.must(w.PVE.Edit(900, map[string]string{"description": "notes of mine"}))
		}, End: markedAgain},
		{Name: "namespace deleted, Retain", Setup: createdA, Act: deleteNamespace, End: gone},
		{Name: "namespace deleted, Delete", Setup: func(w *world) { w.Host(); w.Service("a", destroys); w.until(ready("a")) },
			Act: func(w *world) { deleteNamespace(w); w.abandonIfHeld() }, End: gone},
		{Name: "lock left behind by a creation", Hands: true, Setup: func(w *world) { w.fault(pvesim.Fault{TaskType: "vzcreate", Stuck: true, Times: 1}) },
			Act: lockLeftBehind, End: ready("a")},
	}
}

func (w *world) must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatalf("%v", err)
	}
}

func (w *world) fault(f pvesim.Fault) { w.must(w.PVE.AddFault(f)) }

func (w *world) until(end func(*world) error) {
	w.T.Helper()
	w.eventually("set up", func() error { return end(w) })
}

func createA(w *world) {
	w.Host()
	w.Service("a", spec)
}

func createdA(w *world) {
	createA(w)
	w.until(ready("a"))
}

// ready is that services are, each with a container of its own that runs and was made no more often than it failed.
func ready(names ...string) func(*world) error {
	return func(w *world) error {
		for _, name := range names {
			s := w.Get(name)
			if !lab.IsReady(s) || s.Status.Operation != nil || len(s.Status.Plan) > 0 {
				return missing("%s is not ready: %s", name, lab.Reason(s))
			}
			if c, ok := w.PVE.Container(int(s.Status.VMID)); !ok || !c.Running || markerOf(c).Service != w.Namespace+"/"+name || markerOf(c).UID != string(s.UID) {
				return missing("container %d is not %s's, or does not run", s.Status.VMID, name)
			}
		}
		return nil
	}
}

func readyAt(name string, vmid int32) func(*world) error {
	return func(w *world) error {
		if s := w.Get(name); s != nil && s.Status.VMID != vmid {
			return missing("%s has container %d, not %d", name, s.Status.VMID, vmid)
		}
		return ready(name)(w)
	}
}

func changed(w *world) error {
	c, _ := w.PVE.Container(900)
	if c.Config["memory"] != "1024" || !strings.Contains(c.Config["rootfs"], "size=20G") || !strings.Contains(c.Config["net0"], "tag=7") || c.Config["hostname"] != "c.lan" {
		return missing("not all is changed: %v", c.Config)
	}
	return ready("a")(w)
}

func moved(w *world) error {
	c, _ := w.PVE.Container(900)
	if s := w.Get("a"); c.Node != "pve2" || s.Status.Node != "pve2" || s.Annotations[v1alpha1.MigrateAnnotation] != "" || c.Config["hostname"] != "c.lan" {
		return missing("it is on %s as %s, asked for is %q", c.Node, c.Config["hostname"], s.Annotations[v1alpha1.MigrateAnnotation])
	}
	return ready("a")(w)
}

func gone(w *world) error {
	if s := w.Get("a"); s != nil {
		return missing("the object is still there: %s", lab.Reason(s))
	}
	return nil
}

func retained(w *world) error {
	if c, ok := w.PVE.Container(900); !ok || c.Running || markerOf(c).State != marker.Retained || c.Config["onboot"] == "1" {
		return missing("container 900 is not kept: there %v, running %v, %s", ok, c.Running, markerOf(c).State)
	}
	return gone(w)
}

func destroyed(w *world) error {
	if containers, volumes := w.PVE.Containers(), w.PVE.Volumes(); len(containers)+len(volumes) > 0 {
		return missing("%d containers and %d volumes are left", len(containers), len(volumes))
	}
	return gone(w)
}

// replaceByStranger lets somebody destroy container 900 and make one of their own with its VMID.
func (w *world) replaceByStranger() {
	w.must(w.PVE.Delete(900))
	w.must(w.PVE.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Running: true, Config: map[string]string{"description": "theirs"}}))
}

func strangerLeft(w *world) error {
	if c, ok := w.PVE.Container(900); !ok || !c.Running || strings.TrimSpace(c.Config["description"]) != "theirs" {
		w.T.Fatalf("the stranger's container was touched: there %v, running %v, %q", ok, c.Running, c.Config["description"])
	}
	return gone(w)
}

func markedAgain(w *world) error {
	c, _ := w.PVE.Container(900)
	if markerOf(c).State != marker.Live || !strings.Contains(c.Config["description"], "notes of mine") {
		return missing("the marker is not back: %q", c.Config["description"])
	}
	return ready("a")(w)
}

func markerOf(c pvesim.Container) marker.Marker {
	m, _, _ := marker.Parse(c.Config["description"])
	return m
}

func isCreate(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lxc")
}

// late cuts the first creation's connection and delivers the call a quarter of a lost reply later. The status tells when a call began in whole
// seconds, so that up to a second of the wait for it may be over at its begin.
func late(w *world, next http.Handler) http.Handler {
	var first atomic.Bool
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !isCreate(r) || !first.CompareAndSwap(false, true) {
			next.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body) // while its sender is there
		if err != nil {
			w.T.Errorf("read the creation: %v", err)
		}
		copied := r.Clone(context.WithoutCancel(r.Context()))
		copied.Body = io.NopCloser(bytes.NewReader(body))
		delivered := make(chan struct{})
		w.T.Cleanup(func() { <-delivered })
		time.AfterFunc(timing.LostReply/4, func() {
			defer close(delivered)
			next.ServeHTTP(httptest.NewRecorder(), copied)
		})
		panic(http.ErrAbortHandler)
	})
}

// taken lets a stranger's guest appear at the VMID of the first creation, a moment before that arrives.
func taken(kind string) func(*world, http.Handler) http.Handler {
	return func(w *world, next http.Handler) http.Handler {
		var first atomic.Bool
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if isCreate(r) && first.CompareAndSwap(false, true) {
				if err := w.PVE.AddGuest(pvesim.Guest{VMID: 900, Node: "pve1", Type: kind, Config: map[string]string{"tags": marker.Tag}}); err != nil {
					w.T.Errorf("%v", err)
				}
			}
			next.ServeHTTP(rw, r)
		})
	}
}

// setStatus overwrites the status of a, whatever a controller writes at the same time.
func (w *world) setStatus(status v1alpha1.NixMoxServiceStatus) {
	w.eventually("written", func() error {
		s := w.Get("a")
		s.Status = status
		return w.API.Client.Status().Update(background, s)
	})
}

// yesterday is the status as it was while a was being created.
func (w *world) yesterday() v1alpha1.NixMoxServiceStatus {
	old := w.Was("a", func(s *v1alpha1.NixMoxService) bool {
		return s.Status.Operation != nil && s.Status.Operation.Kind == "Create"
	})
	if old == nil {
		w.T.Fatalf("nobody saw the creation in the status")
	}
	return old.Status
}

func deleteNamespace(w *world) {
	w.must(w.API.Client.Delete(background, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.Namespace}}))
}

// abandonIfHeld does what the message of a deletion says that nobody can finish any more.
func (w *world) abandonIfHeld() {
	w.eventually("gone or held", func() error {
		s := w.Get("a")
		if s == nil {
			return nil
		}
		held := []string{v1alpha1.ReasonHostNotFound, v1alpha1.ReasonHostUnreachable}
		if s.DeletionTimestamp == nil || !slices.Contains(held, lab.Reason(s)) {
			return missing("it is %s", lab.Reason(s))
		}
		w.Edit("a", func(s *v1alpha1.NixMoxService) {
			metav1.SetMetaDataAnnotation(&s.ObjectMeta, controllers.AbandonAnnotation, "true")
		})
		return nil
	})
}

// lockLeftBehind waits for the service to say so, and then does what it says.
func lockLeftBehind(w *world) {
	createA(w)
	w.eventually("waiting for a person", func() error {
		if reason := lab.Reason(w.Get("a")); reason != v1alpha1.ReasonLockLeftBehind {
			return missing("it is %s", reason)
		}
		return nil
	})
	if n := len(w.PVE.Containers()); n != 1 {
		w.T.Errorf("%d containers while one is locked", n)
	}
	w.must(w.PVE.Unlock(900))
	w.must(w.PVE.Delete(900))
}
