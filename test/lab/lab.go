package lab

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/invariants"
)

// The token of the worlds' controller, and the instance of hosts that name none.
const (
	TokenID     = "nixmox@pve!ctl"
	tokenSecret = "s3cret-s3cret"
	instance    = "nixmox"
	root        = "root@pam"
)

// World is a Proxmox of one node, with the documented minimal role for the controller's token.
const World = `{
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

// TwoNodes is a world of pve1 and pve2, between which the token may migrate. What is created goes to the first.
func TwoNodes(world string) string {
	return strings.NewReplacer(`"nodes": [{"name": "pve1", "cpus": 8, "memory": 65536}]`, `"nodes": [{"name": "pve1"}, {"name": "pve2"}]`,
		`"VM.PowerMgmt"`, `"VM.PowerMgmt", "VM.Migrate"`).Replace(world)
}

// Impatient is the timing of a controller whose Proxmox lives ten times faster. Of its creations the UPID is written, of most starts it is not.
var Impatient = controllers.Timing{LostReply: 2 * time.Second, Retry: 500 * time.Millisecond, BootGrace: time.Second, LongestPause: time.Second, ShortTask: 100 * time.Millisecond}

// WithIDs is a timing in which the UPIDs of tasks are written to the status while they run, which is left out where tasks are as short as here.
func WithIDs(t controllers.Timing, written bool) controllers.Timing {
	if written {
		t.ShortTask = time.Millisecond
	}
	return t
}

// Options of a lab; the zero value is a world in which time runs ten times faster.
type Options struct {
	// World is the world file's text.
	World string
	// PVE is the release whose API is simulated; the newest when empty.
	PVE string
	// TimeScale is how many simulated seconds pass in a real one.
	TimeScale float64
	// OnVersion is called with every version of hosts and services that the watch tells.
	OnVersion func(*unstructured.Unstructured)
	// Hands is whether somebody besides the controller destroys containers here: then not every lost volume is the controller's doing.
	Hands bool
	// InPerson has the controller log in as root@pam with a password, in the place of a token with the minimal role.
	InPerson bool
}

// Lab is a namespace with a simulated Proxmox.
type Lab struct {
	T         T
	API       *apiserver.Server
	Namespace string
	PVE       *pvesimtest.Server
	// Handler is the recorded way to the simulator, for whoever stands in between.
	Handler http.Handler
	// SSH is the SSH server of all nodes, where commands in containers are run.
	SSH *sshd.Server
	Log *Logbook

	recorder  *Recorder
	stopWatch func()
	hands     bool
	identity  string // as whom the controller works
	scale     float64
	// bootGrace is the shortest of the controllers so far.
	bootGrace time.Duration
}

// New starts everything but a controller. All ends with the test.
func New(t T, api *apiserver.Server, o Options) *Lab {
	t.Helper()
	l := &Lab{T: t, API: api, Log: &Logbook{}, recorder: &Recorder{onVersion: o.OnVersion}, hands: o.Hands, identity: TokenID}
	var err error
	if l.Namespace, err = api.NewNamespace(t.Context()); err != nil {
		t.Fatalf("%v", err)
	}
	l.serve(o)
	login := map[string]string{"tokenID": TokenID, "tokenSecret": tokenSecret}
	if o.InPerson {
		l.identity, login = root, map[string]string{"username": root, "password": tokenSecret}
	}
	l.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pve"}, StringData: login})
	key, err := sshd.NewKey()
	if err != nil {
		t.Fatalf("%v", err)
	}
	l.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ssh"}, StringData: map[string]string{"ssh-privatekey": string(key)}})
	if l.stopWatch, err = l.recorder.watch(api.Config, api.Client, l.Namespace); err != nil {
		t.Fatalf("watch %s: %v", l.Namespace, err)
	}
	t.Cleanup(l.stopWatch)
	return l
}

func (l *Lab) serve(o Options) {
	if o.World == "" {
		o.World = World
	}
	if o.InPerson {
		o.World = strings.Replace(o.World, `"users": {`, `"users": {"`+root+`": {"password": "`+tokenSecret+`", "acl": {"/": "Administrator"}}, `, 1)
	}
	if o.TimeScale == 0 {
		o.TimeScale = 10
	}
	l.scale = o.TimeScale
	world, err := pvesim.ParseWorld([]byte(o.World))
	if err != nil {
		l.T.Fatalf("read the world: %v", err)
	}
	sim, err := pvesim.New(world, pvesim.Options{PVE: o.PVE, TimeScale: o.TimeScale, CallLog: l.Log})
	if err != nil {
		l.T.Fatalf("start the simulator: %v", err)
	}
	l.recorder.sim = sim
	l.Handler = l.recorder.Proxmox(sim.Handler())
	server := httptest.NewServer(l.Handler)
	if l.SSH, err = sshd.Listen("127.0.0.1:0", sim, sshd.Options{}); err != nil {
		l.T.Fatalf("%v", err)
	}
	l.T.Cleanup(func() {
		sim.Close() // first: it ends the calls that the servers would wait for
		server.Close()
		_ = l.SSH.Close()
	})
	l.PVE = &pvesimtest.Server{Simulator: sim, URL: server.URL}
}

// Controller is one that runs.
type Controller struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// ControllerOptions are what controllers of a lab differ in.
type ControllerOptions struct {
	Log    logr.Logger
	Timing controllers.Timing
	// Grace of circles and duplicates.
	Grace time.Duration
	// Wrap stands nearest to the controller, between it and the API server.
	Wrap func(http.RoundTripper) http.RoundTripper
	// Namespaces that it watches besides the lab's.
	Namespaces []string
}

// StartController starts one more controller.
func (l *Lab) StartController(o ControllerOptions) *Controller {
	if grace := o.Timing.BootGrace; grace > 0 && (l.bootGrace == 0 || grace < l.bootGrace) {
		l.bootGrace = grace
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Controller{cancel: cancel, done: make(chan struct{})}
	config := rest.CopyConfig(l.API.Config)
	config.Wrap(l.recorder.API)
	if o.Wrap != nil {
		config.Wrap(o.Wrap)
	}
	development := &app.Development{AddressMap: "192.168.99.0/24=127.0.99.0/24"}
	go func() {
		defer close(c.done)
		err := app.Run(ctx, config, app.Options{
			NamespaceLabels: true,
			Log:             o.Log, Namespaces: append([]string{l.Namespace}, o.Namespaces...), ProblemGrace: o.Grace, Timing: o.Timing, Development: development,
		})
		if ctx.Err() == nil {
			c.err = err
		}
	}()
	return c
}

// End tells a controller to end, and does not wait.
func (c *Controller) End() { c.cancel() }

// Done is closed when the controller has ended.
func (c *Controller) Done() <-chan struct{} { return c.done }

// Stop ends a controller, waits for it, and says why it had ended by itself, if it had.
func (c *Controller) Stop() error {
	c.cancel()
	<-c.done
	return c.err
}

// Broken asks the oracle about all that happened so far. Stop the controllers first.
func (l *Lab) Broken() []error {
	l.T.Helper()
	r := l.recorder.record()
	r.Instance, r.Token, r.Log, r.Containers, r.Volumes, r.Hands = instance, l.identity, l.Log.Entries(), l.PVE.Containers(), l.PVE.Volumes(), l.hands
	services, err := servicesIn(context.Background(), l.API.Client, l.Namespace)
	if err != nil {
		return []error{err}
	}
	r.Services = services
	// Of a start that was not its own a controller knows what the list says, in simulated time.
	r.StartGrace = time.Duration(0.9 * float64(l.bootGrace) / l.scale)
	return invariants.Check(r)
}

func servicesIn(ctx context.Context, c client.Client, namespace string) (map[string]bool, error) {
	var all v1alpha1.NixMoxServiceList
	if err := c.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the services: %w", err)
	}
	names := map[string]bool{}
	for i := range all.Items {
		names[all.Items[i].Namespace+"/"+all.Items[i].Name] = true
	}
	return names, nil
}

// Host is the lab's host with edits.
func (l *Lab) Host(edit ...func(*v1alpha1.NixMoxHost)) *v1alpha1.NixMoxHost {
	l.T.Helper()
	h := &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	l.Parse(fmt.Sprintf(`{endpoints: [%[1]q], credentialsRef: {name: pve}, network: {cidr: 192.168.99.0/24, gateway: 192.168.99.1, domain: lan},
defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs}, pollInterval: 1s, health: {interval: 1s, retryDelay: 200ms, retries: 2},
exec: {ssh: {privateKeySecretRef: {name: ssh}, knownHosts: %[2]q, addresses: {pve1: %[3]q, pve2: %[3]q, pve3: %[3]q}}}}`, l.PVE.URL, l.SSH.HostKey(), l.SSH.Address()), &h.Spec)
	for _, e := range edit {
		e(h)
	}
	l.Create(h)
	return h
}

// Service creates a service from the YAML of its spec.
func (l *Lab) Service(name, spec string) *v1alpha1.NixMoxService {
	l.T.Helper()
	s := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: name}}
	l.Parse(spec, &s.Spec)
	l.Create(s)
	return s
}

// Parse reads YAML that must be right.
func (l *Lab) Parse(text string, into any) {
	l.T.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		l.T.Fatalf("%v in %s", err, text)
	}
}

// Create creates an object in the lab's namespace.
func (l *Lab) Create(o client.Object) {
	l.T.Helper()
	o.SetNamespace(l.Namespace)
	if err := l.API.Client.Create(l.T.Context(), o); err != nil {
		l.T.Fatalf("create %T %s: %v", o, o.GetName(), err)
	}
}

// Get reads a service; nil when it does not exist.
func (l *Lab) Get(name string) *v1alpha1.NixMoxService {
	l.T.Helper()
	s := &v1alpha1.NixMoxService{}
	err := l.API.Client.Get(context.Background(), client.ObjectKey{Namespace: l.Namespace, Name: name}, s)
	if client.IgnoreNotFound(err) != nil {
		l.T.Fatalf("read service %s: %v", name, err)
	}
	if err != nil {
		return nil
	}
	return s
}

// Edit changes a service as a person does, without a look at what else changed.
func (l *Lab) Edit(name string, change func(*v1alpha1.NixMoxService)) {
	l.T.Helper()
	s := l.Get(name)
	before := s.DeepCopy()
	change(s)
	if err := l.API.Client.Patch(l.T.Context(), s, client.MergeFrom(before)); err != nil {
		l.T.Fatalf("edit service %s: %v", name, err)
	}
}

// IsReady is whether a service is Ready for its current spec.
func IsReady(s *v1alpha1.NixMoxService) bool {
	return s != nil && s.DeletionTimestamp == nil && s.Status.ObservedGeneration == s.Generation && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady)
}

// Reason is that of a service's Ready condition.
func Reason(s *v1alpha1.NixMoxService) string {
	if s == nil {
		return ""
	}
	if c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// Delete deletes a service's object.
func (l *Lab) Delete(name string) {
	l.T.Helper()
	if err := l.API.Client.Delete(l.T.Context(), l.Get(name)); err != nil {
		l.T.Fatalf("delete service %s: %v", name, err)
	}
}

// Was is the first version of a service that was so, as far as it was seen; nil when there was none.
func (l *Lab) Was(name string, so func(*v1alpha1.NixMoxService) bool) *v1alpha1.NixMoxService {
	for _, v := range l.recorder.record().Versions {
		s := &v1alpha1.NixMoxService{}
		if v.Object.GetKind() != "NixMoxService" || v.Object.GetName() != name || runtime.DefaultUnstructuredConverter.FromUnstructured(v.Object.Object, s) != nil {
			continue
		}
		if so(s) {
			return s
		}
	}
	return nil
}
