package e2e

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestControllerRunsInside(t *testing.T) {
	t.Parallel()
	i := startWithController(t, t.TempDir())
	client := i.dynamic(t).Resource(services).Namespace("default")
	if _, err := client.Create(t.Context(), service("default", "db", "192.168.1.11"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "somebody has looked at the service", func(ctx context.Context) (bool, error) {
		got, err := client.Get(ctx, "db", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		observed, _, err := unstructured.NestedInt64(got.Object, "status", "observedGeneration")
		return observed == got.GetGeneration(), err
	})
	if took := i.terminate(t); took > contract {
		t.Errorf("it took %s to stop", took)
	}
	if i.exitErr != nil {
		t.Errorf("it ended with %v, want success; stderr:\n%s", i.exitErr, i.stderr)
	}
}
