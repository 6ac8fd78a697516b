package v1alpha1_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// The smallest objects of both kinds. Cases are merged into them as JSON merge patches are: null removes a field.
const (
	plainService = `
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: app}
spec: {ip: 192.168.1.11, hostname: app.example.com}`

	plainHost = `
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxHost
metadata: {name: default}
spec:
  endpoints: ["https://pve1.lan:8006"]
  credentialsRef: {name: pve-credentials}
  network: {cidr: 192.168.1.0/24}`
)

// rule is a spec that the API server must refuse.
type rule struct {
	// what is wrong, as a person would say it.
	what string
	// spec is merged into the smallest object's; object instead, where it is not the spec that is wrong.
	spec, object string
	// field and message of the refusal, to the word; other fields must not be complained of, but for also.
	field, message, also string
}

// document is base with the case's YAML merged into it, untyped as kubectl sends it: the Go types must not mend what a person wrote.
func document(t testing.TB, base, spec, object string) *unstructured.Unstructured {
	t.Helper()
	u := parse(t, base)
	if spec != "" {
		u.Object["spec"] = merge(u.Object["spec"], parse(t, "spec: "+indent(spec)).Object["spec"])
	}
	if object != "" {
		u.Object = merge(u.Object, parse(t, object).Object).(map[string]any)
	}
	return u
}

func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	u := &unstructured.Unstructured{}
	// The kind is checked by UnmarshalJSON, and a fragment has none.
	if err := u.UnmarshalJSON(data); err != nil && !strings.Contains(err.Error(), "'Kind' is missing") {
		t.Fatalf("%v\n%s", err, text)
	}
	return u
}

// indent makes a block of YAML the value of a key; a flow mapping stays on its line.
func indent(text string) string {
	if strings.HasPrefix(text, "{") {
		return text
	}
	return "\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

func merge(base, with any) any {
	from, ok := with.(map[string]any)
	if !ok {
		return with
	}
	into, ok := base.(map[string]any)
	if !ok {
		into = map[string]any{}
	}
	for key, value := range from {
		if value == nil {
			delete(into, key)
			continue
		}
		into[key] = merge(into[key], value)
	}
	return into
}

// judge asks the API server to judge u and keeps nothing.
func judge(t testing.TB, namespace string, u *unstructured.Unstructured) error {
	t.Helper()
	u.SetNamespace(namespace)
	return apiserver.Get(t).Client.Create(t.Context(), u, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}

// create makes u and returns it as the API server answered.
func create(t testing.TB, namespace string, u *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	u.SetNamespace(namespace)
	if err := apiserver.Get(t).Client.Create(t.Context(), u, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		t.Fatalf("create: %v", err)
	}
	return u
}

// checkRefused compares a refusal with the rule that must have caused it.
func checkRefused(t testing.TB, err error, field, message, also string) {
	t.Helper()
	causes := causesOf(err)
	if causes == nil {
		t.Fatalf("not refused as invalid (error: %v), want %s: %s", err, field, message)
	}
	found := false
	for _, c := range causes {
		if c.Field == field && strings.Contains(c.Message, message) {
			found = true
		} else if c.Field != field && c.Field != also && !isEcho(c) {
			t.Errorf("another field is complained of: %s: %s", c.Field, c.Message)
		}
	}
	if !found {
		t.Errorf("refused with\n%s\nwant\n%s: %s", list(causes), field, message)
	}
}

// isEcho is whether a cause says nothing of its own: alternatives of a type that did not match, and rules that were not checked
// because of another cause.
func isEcho(c metav1.StatusCause) bool {
	return c.Field == "<nil>" && (strings.Contains(c.Message, "some validation rules were not checked") ||
		strings.Contains(c.Message, "must validate at least one schema") || strings.Contains(c.Message, "Checked value must be of type"))
}

func causesOf(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	return status.Status().Details.Causes
}

func list(causes []metav1.StatusCause) string {
	var b strings.Builder
	for _, c := range causes {
		fmt.Fprintf(&b, "%s: %s\n", c.Field, c.Message)
	}
	return strings.TrimSpace(b.String())
}
