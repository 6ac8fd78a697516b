package v1alpha1_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// What kubectl apply answers to a misspelt line: kubectl asks for strict validation.
func TestATypingErrorIsRefused(t *testing.T) {
	namespace := apiserver.Get(t).Namespace(t)
	for _, c := range []struct{ base, spec, field string }{
		{plainService, `{dependOn: [dns]}`, "spec.dependOn"},
		{plainService, `{healthcheck: "tcp:80"}`, "spec.healthcheck"},
		{plainService, `{hostRef: {names: default}}`, "spec.hostRef.names"},
		{plainService, `{resources: {mem: 1Gi}}`, "spec.resources.mem"},
		{plainService, `{volumes: [{name: data, mountPath: /data, size: 1Gi, mountpath: /d}]}`, "spec.volumes[0].mountpath"},
		{plainService, `{network: {vlan: 5}}`, "spec.network.vlan"},
		{plainService, `{features: {nest: true}}`, "spec.features.nest"},
		{plainHost, `{endpoint: "https://pve1.lan:8006"}`, "spec.endpoint"},
		{plainHost, `{network: {gatway: 192.168.1.1}}`, "spec.network.gatway"},
		{plainHost, `{rollout: {maxconcurrent: 2}}`, "spec.rollout.maxconcurrent"},
		{plainHost, `{phases: [{name: a, service: [dns]}]}`, "spec.phases[0].service"},
	} {
		t.Run(c.field, func(t *testing.T) {
			err := judge(t, namespace, document(t, c.base, c.spec, ""))
			if err == nil || !strings.Contains(err.Error(), `unknown field "`+c.field+`"`) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// Who does not ask for strict validation gets the object without the field: nothing that we do not know is kept and shown as if it counted.
func TestAnUnknownFieldIsNotKept(t *testing.T) {
	s := apiserver.Get(t)
	u := document(t, plainService, `{dependOn: [dns]}`, "")
	u.SetNamespace(s.Namespace(t))
	if err := s.Client.Create(t.Context(), u, client.FieldValidation(metav1.FieldValidationIgnore)); err != nil {
		t.Fatal(err)
	}
	if _, kept := u.Object["spec"].(map[string]any)["dependOn"]; kept {
		t.Error("spec.dependOn is kept")
	}
}
