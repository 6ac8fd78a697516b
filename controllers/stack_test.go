package controllers_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// lab is a namespace with a host, a simulated Proxmox and a controller: what most tests begin with.
type lab struct {
	*testlab.Lab
	t         *testing.T
	api       *apiserver.Server
	namespace string
	others    []string // namespaces that the controller watches too
	pve       *pvesimtest.Server
	ssh       *sshd.Server
	log       *logbook
	stop      context.CancelFunc
	stopped   <-chan struct{}
	grace     time.Duration // of circles and duplicates
	seen      *conformance
	timing    controllers.Timing

	controller *testlab.Controller
	scale      float64      // of simulated time
	pveRelease string       // of the simulated Proxmox; the newest when empty
	writes     atomic.Int64 // of the controller to the API server
	// unlawful says why the oracle is not asked: the test breaks a rule on purpose.
	unlawful string
	// wrap stands between controller and API server.
	wrap func(http.RoundTripper) http.RoundTripper
}

// newLab starts everything, after an edit of the world's text or of the lab. Simulated time runs ten times faster. In the end the oracle
// is asked about all that happened.
func newLab(t *testing.T, edit ...func(l *lab, world *string)) *lab {
	t.Helper()
	l := &lab{t: t, api: apiserver.Get(t), seen: &conformance{}, timing: testlab.Impatient}
	text := testlab.World
	for _, e := range edit {
		e(l, &text)
	}
	l.Lab = testlab.New(t, l.api, testlab.Options{World: text, PVE: l.pveRelease, TimeScale: l.scale, OnVersion: l.seen.take, Hands: true})
	l.namespace, l.pve, l.ssh, l.log = l.Namespace, l.PVE, l.SSH, &logbook{l.Log}
	l.startController()
	t.Cleanup(func() {
		l.stopController()
		if l.unlawful != "" {
			return
		}
		for _, err := range l.Broken() {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) startController() {
	l.controller = l.StartController(testlab.ControllerOptions{
		Log: testr.NewWithInterface(quiet{l.t}, testr.Options{}), Grace: l.grace, Timing: l.timing, Namespaces: l.others, Wrap: l.wrapped,
	})
	l.stop, l.stopped = l.controller.End, l.controller.Done()
}

// countWrites stands between the controller and the API server.
func (l *lab) countWrites(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet {
			l.writes.Add(1)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip is the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wrapped counts the writes, and lets a test stand in between.
func (l *lab) wrapped(next http.RoundTripper) http.RoundTripper {
	if l.wrap != nil {
		next = l.wrap(next)
	}
	return l.countWrites(next)
}

func (l *lab) stopController() {
	if err := l.controller.Stop(); err != nil {
		l.t.Errorf("the controller ended: %v", err)
	}
}

// host is the lab's host with an edit.
func (l *lab) host(edit ...func(*v1alpha1.NixMoxHost)) *v1alpha1.NixMoxHost {
	l.t.Helper()
	return l.Host(edit...)
}

// service creates a service from the YAML of its spec.
func (l *lab) service(name, spec string) *v1alpha1.NixMoxService {
	l.t.Helper()
	return l.Service(name, spec)
}

func (l *lab) parse(text string, into any) {
	l.t.Helper()
	l.Parse(text, into)
}

func (l *lab) create(o client.Object) {
	l.t.Helper()
	l.Create(o)
}

// get reads a service; nil when it does not exist.
func (l *lab) get(name string) *v1alpha1.NixMoxService {
	l.t.Helper()
	return l.Get(name)
}

// edit changes a service's spec until the write succeeds.
func (l *lab) edit(name string, change func(*v1alpha1.NixMoxService)) {
	l.t.Helper()
	l.Edit(name, change)
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
func (l *lab) reason(name string) string { return testlab.Reason(l.get(name)) }

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
