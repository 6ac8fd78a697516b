package controllers_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// file is what a container's environment file holds.
func (l *lab) file(name string) string {
	l.t.Helper()
	r, err := l.pve.Exec(l.t.Context(), int(l.get(name).Status.VMID), []string{"cat", "/etc/nixmox/environment"})
	l.must(err)
	return r.Stdout
}

func (l *lab) secret(name string, values map[string]string) {
	l.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: l.namespace}}
	err := l.api.Client.Get(l.t.Context(), client.ObjectKeyFromObject(s), s)
	if client.IgnoreNotFound(err) != nil {
		l.t.Fatal(err)
	}
	if s.Data, s.StringData = nil, values; err != nil {
		l.create(s)
		return
	}
	l.must(l.api.Client.Update(l.t.Context(), s))
}

func TestTheEnvironmentIsWrittenBeforeTheFirstCheck(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a && test -f /etc/nixmox/environment,
environment: {GREETING: "say \"hi\" to $USER\nand \\more", PLAIN: x}, environmentFrom: [{secretRef: {name: base}}, {secretRef: {name: extra}}], environmentReload: systemctl restart a`))
	l.situated("a", v1alpha1.ReasonEnvironment, onItsWay, "Waiting for Secret "+l.namespace+"/base")
	if len(l.pve.Containers()) > 0 {
		t.Error("a container was made before its environment was there")
	}
	l.secret("base", map[string]string{"TOKEN": "one", "PLAIN": "overruled", "SHARED": "base"})
	l.secret("extra", map[string]string{"SHARED": "extra"})
	l.ready("a")
	want := "GREETING=\"say \\\"hi\\\" to \\$USER\nand \\\\more\"\nPLAIN=\"x\"\nSHARED=\"extra\"\nTOKEN=\"one\"\n"
	if got := l.file("a"); got != want {
		t.Errorf("the file:\n%s\nwant:\n%s", got, want)
	}
	hash := l.get("a").Status.Environment.Hash

	// A changed Secret is seen on request, and the service is told to read it.
	l.secret("extra", map[string]string{"SHARED": "new"})
	ready := l.services(900)
	l.annotate("a", v1alpha1.RequestedAtAnnotation, "now")
	l.eventually("the file has the new value", func() bool { return strings.Contains(l.file("a"), `SHARED="new"`) })
	l.eventually("the service was restarted inside", func() bool { return l.services(900) > ready })
	l.eventually("the hash is another", func() bool { return l.get("a").Status.Environment.Hash != hash })
	l.ready("a")

	// A restart of the container finds the file as it should be, and does not restart the service once more.
	ready = l.services(900)
	l.must(l.pve.Stop(900))
	l.eventually("the container was started", func() bool { return l.begun("vzstart", 900) == 2 })
	l.ready("a")
	if n := l.services(900); n != ready+1 {
		t.Errorf("the service became ready %d times after the restart", n-ready)
	}

	// A Secret that goes takes nothing away.
	l.must(l.api.Client.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "extra", Namespace: l.namespace}}))
	l.annotate("a", v1alpha1.RequestedAtAnnotation, "again")
	l.situated("a", v1alpha1.ReasonHealthy, isGood, "The environment file stays as it was: Waiting for Secret")
	if !strings.Contains(l.file("a"), `SHARED="new"`) {
		t.Error("the file changed")
	}
}

// services counts how often the simulated service of a container became ready.
func (l *lab) services(vmid int) int {
	n := 0
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindServiceReady && e.VMID == vmid {
			n++
		}
	}
	return n
}

func TestAReloadThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, environment: {A: b}, environmentReload: test -f /ready`))
	l.situated("a", v1alpha1.ReasonEnvironment, onItsWay, "environmentReload failed")
	_, err := l.pve.Exec(t.Context(), 900, []string{"sh", "-c", "echo >/ready"})
	l.must(err)
	l.ready("a")
}

func TestABadNameIsTheManifestsFault(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, environment: {"a-b": c}`))
	l.situated("a", v1alpha1.ReasonInvalid, needsEdit, `"a-b" is not a variable's name`)
}

// everything that a controller says at the highest verbosity.
type everything struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (e *everything) add(prefix, args string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text.WriteString(prefix + " " + args + "\n")
}

func TestASecretIsFoundNowhere(t *testing.T) {
	t.Parallel()
	const planted = "pl4nted-s3cret-w0rd"
	said := &everything{}
	l := newLab(t)
	l.stopController()
	l.controller = l.StartController(testlab.ControllerOptions{Log: funcr.New(said.add, funcr.Options{Verbosity: 99}), Timing: l.timing})
	l.stop, l.stopped = l.controller.End, l.controller.Done()
	l.host()
	l.secret("mine", map[string]string{"PASSWORD": planted})
	l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a, environmentFrom: [{secretRef: {name: mine}}], environmentReload: cat /etc/nixmox/environment`))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.EnvironmentReload = "cat /etc/nixmox/environment >&2; false" })
	l.secret("mine", map[string]string{"PASSWORD": planted + "-2"})
	l.annotate("a", v1alpha1.RequestedAtAnnotation, "now")
	l.situated("a", v1alpha1.ReasonEnvironment, onItsWay, "environmentReload failed")

	places := map[string]string{}
	said.mu.Lock()
	places["the controller's log"] = said.text.String()
	said.mu.Unlock()
	text := func(o any) string {
		data, err := json.Marshal(o)
		l.must(err)
		return string(data)
	}
	places["the service"], places["the host"] = text(l.get("a")), text(l.getHost())
	var events corev1.EventList
	l.must(l.api.Client.List(t.Context(), &events, client.InNamespace(l.namespace)))
	places["events"] = text(events)
	families, err := metrics.Registry.Gather()
	l.must(err)
	places["metrics"] = text(families)
	places["the simulator's call log"] = text(l.log.entries())
	places["containers' configurations"] = text(l.pve.Containers())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.pve.URL+"/api2/json/nodes/pve1/tasks?limit=100", nil)
	l.must(err)
	request.Header.Set("Authorization", "PVEAPIToken=nixmox@pve!ctl=s3cret-s3cret")
	response, err := http.DefaultClient.Do(request)
	l.must(err)
	defer response.Body.Close()
	tasks, err := io.ReadAll(response.Body)
	l.must(err)
	places["tasks"] = string(tasks)
	places["command lines on the node"] = strings.Join(l.ssh.Lines(), "\n")

	var key corev1.Secret
	l.must(l.api.Client.Get(t.Context(), client.ObjectKey{Namespace: l.namespace, Name: "ssh"}, &key))
	half := strings.Split(string(key.Data["ssh-privatekey"]), "\n")[2]
	for place, text := range places {
		if len(text) < 3 {
			t.Errorf("%s: there is nothing to look through", place)
		}
		for what, secret := range map[string]string{"the Secret's value": planted, "the private key": half} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", place, what)
			}
		}
	}
	if !strings.Contains(l.file("a"), planted) {
		t.Error("it is not even where it belongs")
	}
}
