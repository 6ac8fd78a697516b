package controllers_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// lab is a namespace with a host, a simulated Proxmox and a controller: what most tests begin with.
type lab struct {
	t         *testing.T
	api       *apiserver.Server
	namespace string
	pve       *pvesimtest.Server
	exec      string
	log       *logbook
	stop      context.CancelFunc
	stopped   chan struct{}
	grace     time.Duration // of circles and duplicates
	seen      *conformance
	timing    controllers.Timing
}

const world = `{
  "nodes": [{"name": "pve1", "cpus": 8, "memory": 65536}],
  "storages": {
    "local": {"type": "dir", "content": ["rootdir", "vztmpl", "backup"]},
    "local-zfs": {"type": "zfspool", "content": ["rootdir", "images"], "snapshots": true}
  },
  "templates": [{"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos", "arch": "amd64", "systemd": true}],
  "bridges": {"vmbr0": {"cidr": "192.168.99.1/24"}},
  "roles": {
    "NixMox": ["VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback"],
    "NixMoxStorage": ["Datastore.AllocateSpace", "Datastore.Audit"]
  },
  "users": {"nixmox@pve": {"acl": {"/vms": "NixMox", "/storage/local": "NixMoxStorage", "/storage/local-zfs": "NixMoxStorage", "/sdn/zones/localnetwork/vmbr0": "PVESDNUser"}}},
  "tokens": {"ctl": {"id": "nixmox@pve!ctl", "secret": "s3cret-s3cret", "privsep": 0}},
  "durations": {"vzcreate": 2, "vzstart": 1, "vzshutdown": 1, "vzdestroy": 1},
  "loopback": {"192.168.99.0/24": "127.0.99.0/24"},
  "services": [{"hostname": "a.lan", "ready_after": 0.5, "units": ["a"]}, {"hostname": "b.lan", "ready_after": 0.5, "units": ["b"]}, {"hostname": "c.lan", "ready_after": 0.5, "units": ["c"]}]
}`

// impatient is the timing of a controller whose Proxmox lives ten times faster.
var impatient = controllers.Timing{LostReply: 2 * time.Second, Retry: 500 * time.Millisecond, BootGrace: time.Second, LongestPause: time.Second}

// newLab starts everything, after an edit of the world's text or of the lab. Simulated time runs ten times faster.
func newLab(t *testing.T, edit ...func(l *lab, world *string)) *lab {
	t.Helper()
	l := &lab{t: t, api: apiserver.Get(t), log: &logbook{}, timing: impatient}
	l.namespace = l.api.Namespace(t)
	text := world
	for _, e := range edit {
		e(l, &text)
	}
	l.pve = pvesimtest.Start(t, pvesimtest.World(t, text), pvesim.Options{TimeScale: 10, CallLog: l.log.writer()})
	control := httptest.NewServer(l.pve.ControlHandler())
	t.Cleanup(control.Close)
	l.exec = control.URL
	l.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pve"}, StringData: map[string]string{"tokenID": "nixmox@pve!ctl", "tokenSecret": "s3cret-s3cret"}})
	l.seen = l.conform()
	l.startController()
	t.Cleanup(l.stopController)
	return l
}

func (l *lab) startController() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop, l.stopped = cancel, make(chan struct{})
	stopped := l.stopped
	go func() {
		defer close(stopped)
		err := app.Run(ctx, l.api.Config, app.Options{
			Log: testr.NewWithInterface(quiet{l.t}, testr.Options{}), Namespaces: []string{l.namespace}, ProblemGrace: l.grace, Timing: l.timing,
			Development: &app.Development{AddressMap: "192.168.99.0/24=127.0.99.0/24", ExecURL: l.exec},
		})
		if err != nil && ctx.Err() == nil {
			l.t.Errorf("the controller ended: %v", err)
		}
	}()
}

func (l *lab) stopController() {
	l.stop()
	<-l.stopped
}

// host is the lab's host with an edit.
func (l *lab) host(edit ...func(*v1alpha1.NixMoxHost)) *v1alpha1.NixMoxHost {
	l.t.Helper()
	h := &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	l.parse(fmt.Sprintf(`{endpoints: [%q], credentialsRef: {name: pve}, network: {cidr: 192.168.99.0/24, gateway: 192.168.99.1, domain: lan},
defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs}, pollInterval: 1s, health: {interval: 1s, retryDelay: 200ms, retries: 2}}`, l.pve.URL), &h.Spec)
	for _, e := range edit {
		e(h)
	}
	l.create(h)
	return h
}

// service creates a service from the YAML of its spec.
func (l *lab) service(name, spec string) *v1alpha1.NixMoxService {
	l.t.Helper()
	s := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: name}}
	l.parse(spec, &s.Spec)
	l.create(s)
	return s
}

func (l *lab) parse(text string, into any) {
	l.t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) create(o client.Object) {
	l.t.Helper()
	o.SetNamespace(l.namespace)
	if err := l.api.Client.Create(l.t.Context(), o); err != nil {
		l.t.Fatalf("create %T %s: %v", o, o.GetName(), err)
	}
}

// get reads a service; nil when it does not exist.
func (l *lab) get(name string) *v1alpha1.NixMoxService {
	l.t.Helper()
	s := &v1alpha1.NixMoxService{}
	err := l.api.Client.Get(context.Background(), client.ObjectKey{Namespace: l.namespace, Name: name}, s)
	if client.IgnoreNotFound(err) != nil {
		l.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return s
}

// edit changes a service's spec until the write succeeds.
func (l *lab) edit(name string, change func(*v1alpha1.NixMoxService)) {
	l.t.Helper()
	s := l.get(name)
	before := s.DeepCopy()
	change(s)
	if err := l.api.Client.Patch(l.t.Context(), s, client.MergeFrom(before)); err != nil {
		l.t.Fatal(err)
	}
}

// patience is for a machine that is busy with other things; what a test waits for takes a second or two.
const patience = 2 * time.Minute

// eventually waits for a condition; the description says what for.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return ok(), nil })
	if err == nil {
		return
	}
	for _, name := range []string{"a", "b", "c"} {
		if s := l.get(name); s != nil {
			text, _ := yaml.Marshal(s.Status)
			l.t.Logf("%s:\n%s", name, text)
		}
	}
	l.t.Fatalf("not within %s: %s", patience, what)
}

// ready waits until services are Ready for their current spec.
func (l *lab) ready(names ...string) {
	l.t.Helper()
	for _, name := range names {
		l.eventually(name+" is ready", func() bool {
			s := l.get(name)
			return s != nil && s.Status.ObservedGeneration == s.Generation && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady)
		})
	}
}

// reason is that of a service's Ready condition.
func (l *lab) reason(name string) string {
	s := l.get(name)
	if s == nil {
		return ""
	}
	if c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

func service(ip int, rest string) string {
	return fmt.Sprintf("{ip: 192.168.99.%d, %s}", ip, rest)
}

func TestAServiceComesUpAndItsDependentAfterIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// The dependent first, and the host last: any order of applying leads to the same end.
	l.service("b", service(12, `hostname: b, dependsOn: [a], healthCheck: systemctl is-active --quiet b`))
	l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a`))
	l.host()
	l.ready("a", "b")

	a, b := l.get("a"), l.get("b")
	if a.Status.VMID != 900 || b.Status.VMID != 901 || a.Status.Phase != 1 || b.Status.Phase != 2 {
		t.Errorf("a is %d in phase %d, b is %d in phase %d", a.Status.VMID, a.Status.Phase, b.Status.VMID, b.Status.Phase)
	}
	if started, ready := l.log.at(calllog.KindTaskStart, "vzcreate", 901), l.log.at(calllog.KindServiceReady, "", 900); started.Before(ready) {
		t.Errorf("b's creation began at %v, before a was ready at %v", started, ready)
	}
}
