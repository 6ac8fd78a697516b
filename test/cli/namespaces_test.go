package cli_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// A host of another namespace is read for what the services of this one need of it, and a plan knows what is there already.
func TestServicesOfAHostInAnotherNamespace(t *testing.T) {
	t.Parallel()
	l := newLab(t, testlab.Options{})
	other, err := l.API.NewNamespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.Host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.AllowedNamespaces = v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": other}}}
		h.Spec.Phases = []v1alpha1.Phase{{Name: "first", Services: []string{"a"}}, {Name: "second", Services: []string{"b"}}}
	})
	for _, name := range []string{"a", "b"} {
		svc := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: other}}
		l.Parse(`{hostname: `+name+`, ip: 192.168.99.2`+map[string]string{"a": "1", "b": "2"}[name]+`, hostRef: {namespace: `+l.Namespace+`}}`, &svc.Spec)
		if err := l.API.Client.Create(t.Context(), svc); err != nil {
			t.Fatal(err)
		}
	}
	l.cluster.namespace = other
	l.expect(0, words("order"), "phase 1 (first): "+other+"/a\nphase 2 (second): "+other+"/b\n")
	l.expect(0, words("validate"), l.Namespace+"/default: valid, 2 services in 2 phases")
	l.expect(1, words("status"), "0/2 ready")
	if out, code := l.run("doctor"); strings.Contains(out, "there is no NixMoxHost") || code > 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	l.expect(0, words("plan"), "a.lan at 192.168.99.21/24")
}
