package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func TestDeletedNamespaceGoesWithEverythingInIt(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	ns := namespace(t, client)
	if _, err := cluster(t).dynamic(t).Resource(services).Namespace(ns).Create(t.Context(), service(ns, "db", "192.168.1.11"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
		return gone(err)
	})
}

func TestOwnedObjectsGoWithTheirOwner(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	ns := namespace(t, client)
	owners := cluster(t).dynamic(t).Resource(services).Namespace(ns)
	owner, err := owners.Create(t.Context(), service(ns, "db", "192.168.1.11"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
		*metav1.NewControllerRef(owner, services.GroupVersion().WithKind("NixMoxService"))}}}
	for _, object := range []*corev1.ConfigMap{owned, {ObjectMeta: metav1.ObjectMeta{Name: "free"}}} {
		if _, err := client.CoreV1().ConfigMaps(ns).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := owners.Delete(t.Context(), "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned object is gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().ConfigMaps(ns).Get(ctx, "owned", metav1.GetOptions{})
		return gone(err)
	})
	if _, err := client.CoreV1().ConfigMaps(ns).Get(t.Context(), "free", metav1.GetOptions{}); err != nil {
		t.Errorf("the object without an owner: %v", err)
	}
}

func TestFinalizerHoldsADeletionBack(t *testing.T) {
	t.Parallel()
	client := cluster(t).dynamic(t).Resource(services)
	ns := namespace(t, cluster(t).client(t))
	object := service(ns, "db", "192.168.1.11")
	object.SetFinalizers([]string{"example.com/held"})
	if _, err := client.Namespace(ns).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.Namespace(ns).Delete(t.Context(), "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	held, err := client.Namespace(ns).Get(t.Context(), "db", metav1.GetOptions{})
	if err != nil || held.GetDeletionTimestamp() == nil {
		t.Fatalf("with its finalizer the object is %v, %v; want it there and marked as deleted", held, err)
	}
	if _, err := client.Namespace(ns).Patch(t.Context(), "db", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Namespace(ns).Get(t.Context(), "db", metav1.GetOptions{})
	if isGone, _ := gone(err); !isGone {
		t.Errorf("without its finalizer the object is still there: %v", err)
	}
}

func TestStatusIsASubresource(t *testing.T) {
	t.Parallel()
	client := cluster(t).dynamic(t).Resource(services)
	ns := namespace(t, cluster(t).client(t))
	made, err := client.Namespace(ns).Create(t.Context(), service(ns, "db", "192.168.1.11"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patched, err := client.Namespace(ns).Patch(t.Context(), "db", types.MergePatchType, []byte(`{"spec":{"ip":"192.168.1.99"},"status":{"observedGeneration":1}}`), metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
	if ip, _, _ := unstructured.NestedString(patched.Object, "spec", "ip"); ip != "192.168.1.11" || patched.GetGeneration() != made.GetGeneration() {
		t.Errorf("a write to the status changed the spec: ip %s, generation %d", ip, patched.GetGeneration())
	}
}

func TestEventsAreSeenInBothGroups(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	ns := namespace(t, client)
	event := &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "db.1"}, EventTime: metav1.NowMicro(), Type: corev1.EventTypeNormal,
		ReportingController: "nixmox.dev/test", ReportingInstance: "test-0", Action: "Testing", Reason: "Tested", Note: "a note",
		Regarding: corev1.ObjectReference{APIVersion: services.GroupVersion().String(), Kind: "NixMoxService", Namespace: ns, Name: "db"}}
	if _, err := client.EventsV1().Events(ns).Create(t.Context(), event, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	old, err := client.CoreV1().Events(ns).Get(t.Context(), "db.1", metav1.GetOptions{})
	if err != nil || old.Message != "a note" {
		t.Errorf("in the core group it is %v, %v", old, err)
	}
}
