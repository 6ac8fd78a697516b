package controllers_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// hosted waits until the host's Ready condition has a status and a reason, and says all the parts that help a person.
func (l *lab) hosted(status metav1.ConditionStatus, reason string, says ...string) {
	l.t.Helper()
	var last string
	defer func() {
		if l.t.Failed() {
			l.t.Logf("the host is %s", last)
		}
	}()
	l.eventually(fmt.Sprintf("the host is %s %s and says %q", status, reason, says), func() bool {
		h := l.getHost()
		c := meta.FindStatusCondition(h.Status.Conditions, v1alpha1.ConditionReady)
		if c == nil {
			return false
		}
		last = fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
		for _, part := range says {
			if !strings.Contains(c.Message, part) {
				return false
			}
		}
		return c.Status == status && c.Reason == reason && h.Status.ObservedGeneration == h.Generation
	})
}

func TestTheHostShowsHowFarTheRollOutIs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a", "apps: b", "extras: c"))
	l.service("c", checked(13, "c", ""))
	l.service("b", service(12, "hostname: b, healthCheck: "+ill))
	l.service("a", checked(11, "a", ""))
	l.service("off", service(14, "hostname: off, enable: false"))
	show := func(h *v1alpha1.NixMoxHost) string {
		var phases []string
		for _, p := range h.Status.Phases {
			phases = append(phases, fmt.Sprintf("%d %s %s %s", p.Number, p.Name, p.State, strings.Join(p.Services, " ")))
		}
		return fmt.Sprintf("phase %s, services %s, order %s; %s", h.Status.Phase, h.Status.Services, strings.Join(h.Status.DeploymentOrder, " "), strings.Join(phases, ", "))
	}
	shows := func(want string) {
		t.Helper()
		var last string
		defer func() {
			if t.Failed() {
				t.Log(cmp.Diff(want, last))
			}
		}()
		l.eventually("the host shows "+want, func() bool { last = show(l.getHost()); return last == want })
	}
	l.situated("b", v1alpha1.ReasonWaitingForHealth, onItsWay)
	shows("phase 2/3, services 1/3, order a b c; 1 infra Ready a off, 2 apps Progressing b, 3 extras Waiting c")
	l.heal("b")
	shows("phase 3/3, services 3/3, order a b c; 1 infra Ready a off, 2 apps Ready b, 3 extras Ready c")
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected, "Connected to Proxmox VE 9.2")
	if v := l.getHost().Status.Version; !strings.HasPrefix(v, "9.2") {
		t.Errorf("the version is %q", v)
	}
}

func TestAWrongTokenIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "other"}, StringData: map[string]string{"tokenID": "nixmox@pve!ctl", "tokenSecret": "wrong"}}
	l.create(secret)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.CredentialsRef.Name = "other" })
	l.service("a", checked(11, "a", ""))
	l.hosted(metav1.ConditionUnknown, v1alpha1.ReasonHostUnauthorized, "Proxmox refuses the credentials: check tokenID and tokenSecret in the host's Secret")
	l.situated("a", v1alpha1.ReasonHostUnauthorized, inTheDark, "Proxmox refuses the credentials")

	// The Secret is read again every 30 s, and at once when asked for.
	secret.StringData = map[string]string{"tokenSecret": "s3cret-s3cret"}
	l.must(l.api.Client.Update(t.Context(), secret))
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Annotations = map[string]string{v1alpha1.RequestedAtAnnotation: "now"} })
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
	l.ready("a")
	if at := l.getHost().Status.LastHandledReconcileAt; at != "now" {
		t.Errorf("the request that was handled last is %q", at)
	}
}

func TestASecretThatIsNotThereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.CredentialsRef.Name = "other" })
	l.service("a", checked(11, "a", ""))
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonCredentials, "Waiting for Secret "+l.namespace+"/other with tokenID and tokenSecret")
	l.situated("a", v1alpha1.ReasonHostUnreachable, inTheDark, "Host default: Waiting for Secret")
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "other"}, StringData: map[string]string{"tokenID": "nixmox@pve!ctl"}}
	l.create(secret)
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonCredentials, "must hold tokenID (user@realm!name) and tokenSecret")
	secret.StringData = map[string]string{"tokenSecret": "s3cret-s3cret"}
	l.must(l.api.Client.Update(t.Context(), secret))
	l.ready("a") // by itself
}

func TestACertificateThatIsNotTrustedIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	secure := httptest.NewUnstartedServer(l.pve.Handler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what we want
	secure.StartTLS()
	t.Cleanup(secure.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	pin := proxmox.Fingerprint(secure.Certificate())
	trust := func(tls *v1alpha1.TLSSettings) func(*v1alpha1.NixMoxHost) {
		return func(h *v1alpha1.NixMoxHost) { h.Spec.Endpoints, h.Spec.TLS = []string{secure.URL}, tls }
	}
	l.host(trust(nil))
	l.service("a", checked(11, "a", ""))
	l.hosted(metav1.ConditionUnknown, v1alpha1.ReasonHostUnreachable, "signed by an authority that we do not trust", "set the CA bundle", "or pin the fingerprint")
	l.situated("a", v1alpha1.ReasonHostUnreachable, inTheDark, "signed by an authority that we do not trust")
	l.editHost(trust(&v1alpha1.TLSSettings{Fingerprint: "00" + pin[2:]}))
	l.hosted(metav1.ConditionUnknown, v1alpha1.ReasonHostUnreachable, "has the fingerprint "+pin)
	l.editHost(trust(&v1alpha1.TLSSettings{CABundle: "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n"}))
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonInvalid, "the CA bundle holds no PEM certificate")
	l.editHost(trust(&v1alpha1.TLSSettings{CABundle: authority}))
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
	l.ready("a")
	l.editHost(trust(&v1alpha1.TLSSettings{Fingerprint: pin}))
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
	l.ready("a")
}

func TestAProxmoxThatIsTooOldIsLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `"nodes":`, `"version": {"release": "8.3", "version": "8.3.5"}, "nodes":`, 1)
	})
	l.host()
	l.service("a", checked(11, "a", ""))
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonUnsupported, "Proxmox VE 8.3.5 is too old: 8.4 or newer is needed")
	l.situated("a", v1alpha1.ReasonHostUnreachable, inTheDark, "Host default: Proxmox VE 8.3.5 is too old")
	if n := l.begun("vzcreate", 0); n > 0 {
		t.Error("something was made all the same")
	}
}

func TestANodeThatDoesNotExistIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Nodes = []string{"pve8"} })
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", node: pve9"))
	l.situated("a", v1alpha1.ReasonNodeUnavailable, onItsWay, "Waiting for a node: none of those that the host allows is online")
	l.situated("b", v1alpha1.ReasonInvalid, needsEdit, "spec.node: host default does not allow node pve9, only pve8")
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Nodes = nil })
	l.ready("a")
	l.situated("b", v1alpha1.ReasonNodeUnavailable, onItsWay, "Waiting for node pve9: Proxmox has no such node, only pve1")
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Node = "pve1" })
	l.ready("b")
}

func TestAStorageThatDoesNotExistIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Defaults.Storage = "nowhere" })
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, `Could not create container 900 on pve1`, `no storage "nowhere" on pve1 that the token can see`)
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Defaults.Storage = "local-zfs" })
	l.ready("a")
	if s := l.get("a"); s.Status.Failure != nil || s.Status.VMID != 900 {
		t.Errorf("its VMID is %d, the failure is still %v", s.Status.VMID, s.Status.Failure)
	}
}

func TestATemplateThatDoesNotExistIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.timing.Retry = controllers.MostRetry })
	l.host()
	l.service("a", checked(11, "a", `, template: "local:vztmpl/nothing.tar.xz"`))
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, `Could not create container 900 on pve1`, "nothing.tar.xz", "tried 1 times, again at ")
	tried, retryAt := l.begun("vzcreate", 900), l.get("a").Status.Failure.RetryAt.Time
	// Whoever mends the spec does not wait for the next time, which is further and further away.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Template = "" })
	l.eventually("it is tried again", func() bool { return l.begun("vzcreate", 900) == tried+1 })
	l.ready("a")
	if at := l.get("a").Status.FirstReadyTime; !at.Time.Before(retryAt) {
		t.Errorf("it was ready at %v, and the next try would have been at %v", at, retryAt)
	}
}

func TestARangeThatIsFullIsSaidAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 900, To: 900} })
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.service("b", checked(12, "b", ""))
	l.situated("b", v1alpha1.ReasonVMIDRangeExhausted, onItsWay, "no free VMID from 900 to 900: widen spec.vmidRange of the host, or remove containers")
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange.To = 901 })
	l.ready("b")
}

func TestNothingIsWrittenAtRest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) {
		l.parse(`{interval: 500ms, retryDelay: 200ms, retries: 2}`, &h.Spec.Health)
	})
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.service("c", checked(13, "c", ""))
	l.service("off", service(14, "hostname: off, enable: false"))
	l.service("held", service(15, "hostname: held"))
	l.service("stuck", service(16, "hostname: stuck"))
	l.ready("a", "b", "c", "off", "held", "stuck")
	// One is suspended with something left to do, and one is asked to move where it cannot.
	l.edit("held", func(s *v1alpha1.NixMoxService) { s.Spec.Suspend, s.Spec.Hostname = true, "renamed" })
	l.moveTo("stuck", "nowhere")
	l.eventually("the suspended one says what would be done", func() bool { return len(l.get("held").Status.Plan) == 3 })
	l.situated("stuck", v1alpha1.ReasonChangeRefused, needsEdit)
	l.eventually("the host has counted them", func() bool { return l.getHost().Status.Services == "4/5" })

	l.polled(3)
	before, versions := l.everything(), l.seen.count()
	l.polled(20) // longer than what we know of our own starts covers the resource list
	if diff := cmp.Diff(before, l.everything()); diff != "" {
		t.Errorf("objects were written:\n%s", diff)
	}
	if more := l.seen.count() - versions; more > 0 {
		t.Errorf("%d versions of hosts and services were written", more)
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method != "GET" }); n != 10 {
		t.Errorf("%d changes were asked for, not five creations and five starts", n)
	}
}

// A hundred services in ten minutes of Proxmox's time: not one write, whatever the controller looks at.
func TestAHundredServicesAtRest(t *testing.T) {
	t.Parallel()
	const services, scale, minutes = 100, 40, 10
	l := newLab(t, func(l *lab, _ *string) { l.scale = scale })
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Rollout.MaxConcurrent = 64
		h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 1000, To: 1999}
		l.parse(`{interval: 2s, retryDelay: 200ms, retries: 2}`, &h.Spec.Health)
	})
	names := []string{"a", "b", "c"}
	for i, name := range names {
		l.service(name, checked(11+i, name, ""))
	}
	for i := len(names); i < services; i++ {
		name := fmt.Sprintf("s%d", i)
		l.service(name, service(11+i, fmt.Sprintf("hostname: %s, dependsOn: [%s]", name, names[i%3])))
		names = append(names, name)
	}
	l.ready(names...)
	l.eventually("the host has counted them", func() bool { return l.getHost().Status.Services == "100/100" })
	l.polled(2)

	before, versions, writes := l.everything(), l.seen.count(), l.writes.Load()
	polls := int(minutes * time.Minute / scale / time.Second) // one a second
	l.polled(polls)
	if n := l.writes.Load() - writes; n > 0 {
		t.Errorf("%d writes to the API server", n)
	}
	if diff := cmp.Diff(before, l.everything()); diff != "" || l.seen.count() != versions {
		t.Errorf("objects were written, %d versions:\n%s", l.seen.count()-versions, diff)
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method != "GET" }); n != 2*services {
		t.Errorf("%d changes were asked for, not a creation and a start for each", n)
	}
}

// everything is the resource version of each object of the namespace that the controller may write.
func (l *lab) everything() map[string]string {
	l.t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.NixMoxHostList{}, &v1alpha1.NixMoxServiceList{}, &corev1.EventList{}, &corev1.SecretList{}} {
		l.must(l.api.Client.List(l.t.Context(), list, client.InNamespace(l.namespace)))
		items, err := meta.ExtractList(list)
		l.must(err)
		for _, item := range items {
			o, err := meta.Accessor(item)
			l.must(err)
			versions[fmt.Sprintf("%T %s", item, o.GetName())] = o.GetResourceVersion()
		}
	}
	return versions
}
