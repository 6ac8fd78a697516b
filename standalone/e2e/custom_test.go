package e2e

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

func service(namespace, name, ip string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": services.GroupVersion().String(),
		"kind":       "NixMoxService",
		"metadata":   map[string]any{"namespace": namespace, "name": name},
		"spec":       map[string]any{"ip": ip, "hostname": name + ".example.com"},
	}}
}

func TestNixMoxResourcesAreThereWhenReady(t *testing.T) {
	t.Parallel()
	i := start(t, t.TempDir()) // the first thing that is asked of it
	stdout, stderr, err := i.kubectl(t, "", "get", "nixmoxservices,nixmoxhosts", "-A")
	if err != nil {
		t.Fatalf("kubectl get right after the ready line: %v\n%s", err, stderr)
	}
	if stdout != "" || !strings.Contains(stderr, "No resources found") {
		t.Errorf("kubectl says %q and %q", stdout, stderr)
	}
}

func TestServerSideApplyKeepsWhatOthersOwn(t *testing.T) {
	t.Parallel()
	client := cluster(t).dynamic(t).Resource(services)
	ns := namespace(t, cluster(t).client(t))

	if _, err := client.Namespace(ns).Apply(t.Context(), "db", service(ns, "db", "192.168.1.11"), metav1.ApplyOptions{FieldManager: "person"}); err != nil {
		t.Fatal(err)
	}
	theirs := service(ns, "db", "")
	delete(theirs.Object, "spec")
	theirs.SetLabels(map[string]string{"team": "storage"})
	if _, err := client.Namespace(ns).Apply(t.Context(), "db", theirs, metav1.ApplyOptions{FieldManager: "robot"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Namespace(ns).Apply(t.Context(), "db", service(ns, "db", "192.168.1.12"), metav1.ApplyOptions{FieldManager: "person"}); err != nil {
		t.Fatal(err)
	}
	got, err := client.Namespace(ns).Get(t.Context(), "db", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if ip, _, _ := unstructured.NestedString(got.Object, "spec", "ip"); ip != "192.168.1.12" {
		t.Errorf("ip is %q", ip)
	}
	if got.GetLabels()["team"] != "storage" {
		t.Errorf("the label of another manager is gone: %v", got.GetLabels())
	}
	_, err = client.Namespace(ns).Apply(t.Context(), "db", service(ns, "db", "192.168.1.13"), metav1.ApplyOptions{FieldManager: "robot"})
	if err == nil || !strings.Contains(err.Error(), `conflict with "person"`) {
		t.Errorf("taking over a field without force gave %v, want a conflict", err)
	}
}

func TestWatchTellsEveryChange(t *testing.T) {
	t.Parallel()
	client := cluster(t).dynamic(t).Resource(services)
	ns := namespace(t, cluster(t).client(t))
	changes, err := client.Namespace(ns).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Stop()

	if _, err := client.Namespace(ns).Create(t.Context(), service(ns, "db", "192.168.1.11"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Namespace(ns).Patch(t.Context(), "db", types.MergePatchType, []byte(`{"metadata":{"labels":{"a":"b"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.Namespace(ns).Delete(t.Context(), "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
		select {
		case got := <-changes.ResultChan():
			if got.Type != want {
				t.Fatalf("got %s, want %s", got.Type, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no %s", want)
		}
	}
}

func TestKubectlAppliesAndExplains(t *testing.T) {
	t.Parallel()
	ns := namespace(t, cluster(t).client(t))
	manifest := `{"apiVersion": "nixmox.dev/v1alpha1", "kind": "NixMoxService", "metadata": {"name": "db"}, "spec": {"ip": "192.168.1.11", "hostname": "db.example.com"}}`
	stdout, stderr, err := cluster(t).kubectl(t, manifest, "apply", "-n", ns, "-f", "-")
	if err != nil || stdout != "nixmoxservice.nixmox.dev/db created\n" {
		t.Fatalf("kubectl apply: %v, %q, %q", err, stdout, stderr)
	}
	stdout, stderr, err = cluster(t).kubectl(t, "", "get", "nms", "-n", ns, "-o", "name")
	if err != nil || stdout != "nixmoxservice.nixmox.dev/db\n" {
		t.Errorf("kubectl get: %v, %q, %q", err, stdout, stderr)
	}
	_, stderr, err = cluster(t).kubectl(t, strings.Replace(manifest, `"ip"`, `"ipp"`, 1), "apply", "-n", ns, "-f", "-")
	if err == nil || !strings.Contains(stderr, `unknown field "spec.ipp"`) {
		t.Errorf("an unknown field gave %v, %q", err, stderr)
	}
	_, stderr, err = cluster(t).kubectl(t, "", "get", "nms", "-n", ns, "nothing")
	if err == nil || !strings.Contains(stderr, "NotFound") {
		t.Errorf("kubectl get of nothing gave %v, %q", err, stderr)
	}
}
