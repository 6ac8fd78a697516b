package manifests

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

const system = "nixmox-system"

// render is what `kubectl apply -k` would apply.
func render(t *testing.T, overlay string) []*unstructured.Unstructured {
	t.Helper()
	root := filepath.Join("..", "..")
	bin := os.Getenv("NIXMOX_BIN")
	if bin == "" {
		bin = filepath.Join(root, "bin", "nixmox")
	}
	var text, complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, "kubectl", "kustomize", filepath.Join(root, "config", overlay))
	cmd.Stdout, cmd.Stderr = &text, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl kustomize config/%s: %v\n%s", overlay, err, complaint.String())
	}
	if complaint.Len() > 0 {
		t.Errorf("kubectl kustomize config/%s warns: %s", overlay, complaint.String())
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(&text, 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
}

// apply applies objects as `kubectl apply --server-side` does.
func apply(t *testing.T, objects []*unstructured.Unstructured, options ...client.ApplyOption) {
	t.Helper()
	options = append(options, client.FieldOwner("test"), client.ForceOwnership)
	for _, o := range objects {
		// A dry run changes its argument too.
		if err := apiserver.Get(t).Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), options...); err != nil {
			t.Errorf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// namespace makes sure that a namespace exists.
func namespace(t *testing.T, name string) {
	t.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind("Namespace")
	o.SetName(name)
	apply(t, []*unstructured.Unstructured{o})
}

func TestWhatIsInstalledIsAccepted(t *testing.T) {
	namespace(t, system)
	namespace(t, "homelab")
	for overlay, kinds := range map[string][]string{
		"default": {"ClusterRole", "ClusterRole", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "CustomResourceDefinition",
			"Deployment", "Namespace", "Role", "RoleBinding", "ServiceAccount"},
		"namespaced": {"ClusterRole", "ClusterRole", "ClusterRole", "CustomResourceDefinition", "CustomResourceDefinition",
			"Deployment", "Namespace", "Role", "RoleBinding", "RoleBinding", "ServiceAccount"},
	} {
		t.Run(overlay, func(t *testing.T) {
			var rest []*unstructured.Unstructured
			var found []string
			for _, o := range render(t, overlay) {
				found = append(found, o.GetKind())
				// The standalone API server runs no pods, so it has no Deployments.
				if o.GetKind() == "Deployment" {
					checkDeployment(t, o)
				} else {
					rest = append(rest, o)
				}
			}
			slices.Sort(found)
			if !slices.Equal(found, kinds) {
				t.Errorf("it installs %v, want %v", found, kinds)
			}
			apply(t, rest, client.DryRunAll)
		})
	}
}

// checkDeployment checks what the API server would, and the profile that the namespace enforces.
func checkDeployment(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &d, true); err != nil {
		t.Fatalf("the Deployment has a field that there is not: %v", err)
	}
	pod := d.Spec.Template.Spec
	if d.Namespace != system || pod.ServiceAccountName != "nixmox-controller" {
		t.Errorf("it runs in %s as %s", d.Namespace, pod.ServiceAccountName)
	}
	for label, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[label] != value {
			t.Errorf("its selector asks for %s=%s, which its pods do not have", label, value)
		}
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		restricted := pod.SecurityContext != nil && pod.SecurityContext.RunAsNonRoot != nil && *pod.SecurityContext.RunAsNonRoot &&
			pod.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault && s != nil &&
			!*s.AllowPrivilegeEscalation && slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"})
		if !restricted {
			t.Errorf("container %s is not restricted, as its namespace demands", c.Name)
		}
		if strings.Contains(strings.Join(c.Args, " "), "development") {
			t.Errorf("it runs in development mode: %v", c.Args)
		}
	}
}
