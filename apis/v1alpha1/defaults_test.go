package v1alpha1_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// What the API server makes of the smallest objects, and of the smallest parts of them.
func TestDefaults(t *testing.T) {
	for _, c := range []struct{ what, base, spec, want string }{
		{"a service", plainService, ``, `
enable: true
hostRef: {name: default}
ip: 192.168.1.11
hostname: app.example.com
restartPolicy: unless-stopped
shutdownTimeout: 60s
deletionPolicy: Retain
recreate: OnRequest`},
		{"a volume", plainService, `{volumes: [{name: data, mountPath: /data, size: 1Gi}], hostRef: {}}`, `
enable: true
hostRef: {name: default}
ip: 192.168.1.11
hostname: app.example.com
restartPolicy: unless-stopped
shutdownTimeout: 60s
deletionPolicy: Retain
recreate: OnRequest
volumes: [{name: data, mountPath: /data, size: 1Gi, backup: true}]`},
		{"a host", plainHost, ``, `
instance: nixmox
endpoints: ["https://pve1.lan:8006"]
credentialsRef: {name: pve-credentials}
vmidRange: {from: 900, to: 999}
network: {cidr: 192.168.1.0/24, bridge: vmbr0}
rollout: {gate: Phase, maxConcurrent: 4, unknownHealth: Hold, degraded: Proceed}
pollInterval: 10s`},
		{"a host that says a little of each", plainHost, `{defaults: {template: "local:vztmpl/a.tar.xz"}, rollout: {gate: Dependencies}}`, `
instance: nixmox
endpoints: ["https://pve1.lan:8006"]
credentialsRef: {name: pve-credentials}
vmidRange: {from: 900, to: 999}
network: {cidr: 192.168.1.0/24, bridge: vmbr0}
defaults: {template: "local:vztmpl/a.tar.xz", storage: local}
rollout: {gate: Dependencies, maxConcurrent: 4, unknownHealth: Hold, degraded: Proceed}
pollInterval: 10s`},
	} {
		t.Run(c.what, func(t *testing.T) {
			u := create(t, apiserver.Get(t).Namespace(t), document(t, c.base, c.spec, ""))
			want := parse(t, "spec: "+indent(c.want)).Object["spec"]
			if diff := cmp.Diff(want, u.Object["spec"]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Nothing is green before the controller looked: Flux, Argo CD and `kubectl wait` see an object that is not ready from its first moment,
// whatever status the file brings along.
func TestStatusFromTheFirstMoment(t *testing.T) {
	const ready = `status: {observedGeneration: 1, conditions: [{type: Ready, status: "True", reason: Healthy, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}]}`
	for _, c := range []struct{ what, base, object, state string }{
		{"a service", plainService, ``, "state: Pending, "},
		{"a service with a status in its file", plainService, ready, "state: Pending, "},
		{"a host", plainHost, ``, ""},
		{"a host with a status in its file", plainHost, ready, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := apiserver.Get(t)
			answered := create(t, s.Namespace(t), document(t, c.base, "", c.object))
			read := answered.DeepCopy()
			if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(read), read); err != nil {
				t.Fatal(err)
			}
			want := parse(t, `status: {observedGeneration: -1, `+c.state+`conditions: [{type: Ready, status: Unknown, reason: Pending,
  message: Waiting for the controller to look at it, lastTransitionTime: "1970-01-01T00:00:00Z"}]}`).Object["status"]
			for when, u := range map[string]*unstructured.Unstructured{"in the answer": answered, "when read": read} {
				if diff := cmp.Diff(want, u.Object["status"]); diff != "" {
					t.Errorf("%s, -want +got:\n%s", when, diff)
				}
			}
		})
	}
}

// A Go program that leaves the optional fields at their zero values gets the same as a person who leaves the lines out.
func TestTheGoTypesLeaveOutWhatIsZero(t *testing.T) {
	s := apiserver.Get(t)
	namespace := s.Namespace(t)
	svc := &v1alpha1.NixMoxService{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "app"},
		Spec:       v1alpha1.NixMoxServiceSpec{IP: "192.168.1.11", Hostname: "app.example.com"},
	}
	host := &v1alpha1.NixMoxHost{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"},
		Spec: v1alpha1.NixMoxHostSpec{
			Endpoints:      []string{"https://pve1.lan:8006"},
			CredentialsRef: v1alpha1.SecretReference{Name: "pve-credentials"},
			Network:        v1alpha1.HostNetwork{CIDR: "192.168.1.0/24"},
		},
	}
	for _, o := range []client.Object{svc, host} {
		if err := s.Client.Create(t.Context(), o, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
			t.Fatalf("%T: %v", o, err)
		}
	}
	byHand := create(t, s.Namespace(t), parse(t, plainService))
	asGo := &unstructured.Unstructured{}
	asGo.SetGroupVersionKind(byHand.GroupVersionKind())
	if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(svc), asGo); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byHand.Object["spec"], asGo.Object["spec"]); diff != "" {
		t.Errorf("-by hand +by Go:\n%s", diff)
	}
	if svc.Status.ObservedGeneration != -1 || host.Status.ObservedGeneration != -1 || host.Spec.VMIDRange.From != 900 {
		t.Errorf("defaults did not reach the Go objects: %+v %+v", svc.Status, host)
	}
}

// People, Git and server-side apply compare text: a controller that patches one field must leave 2048Mi as it was written.
func TestAPatchLeavesQuantitiesAsTheyWereWritten(t *testing.T) {
	s := apiserver.Get(t)
	u := create(t, s.Namespace(t), document(t, plainService,
		`{resources: {memory: 2048Mi, cpu: "0.50", storage: 1024Gi, swap: 0}, volumes: [{name: data, mountPath: /data, size: 1024Mi}], shutdownTimeout: 60s, ports: [80]}`, ""))
	before := u.DeepCopy()

	svc := &v1alpha1.NixMoxService{}
	if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(u), svc); err != nil {
		t.Fatal(err)
	}
	base := svc.DeepCopy()
	svc.Spec.Enable = ptr.To(false)
	svc.Finalizers = append(svc.Finalizers, v1alpha1.Finalizer)
	if err := s.Client.Patch(t.Context(), svc, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		t.Fatal(err)
	}
	base = svc.DeepCopy()
	svc.Status.State, svc.Status.ObservedGeneration = "Running", svc.Generation
	if err := s.Client.Status().Patch(t.Context(), svc, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		t.Fatal(err)
	}

	if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		t.Fatal(err)
	}
	want := before.Object["spec"].(map[string]any)
	want["enable"] = false
	if diff := cmp.Diff(want, u.Object["spec"]); diff != "" {
		t.Errorf("the patch changed more than enable, -before +after:\n%s", diff)
	}
}
