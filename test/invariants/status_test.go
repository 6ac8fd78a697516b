package invariants

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

func TestTheTableRefusesWhatItShould(t *testing.T) {
	t.Parallel()
	object := func(observed int64, conditions ...map[string]any) *unstructured.Unstructured {
		list := make([]any, len(conditions))
		for i, c := range conditions {
			c["lastTransitionTime"], c["message"] = time.Now().UTC().Format(time.RFC3339), "something"
			list[i] = c
		}
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "NixMoxService", "metadata": map[string]any{"name": "a", "generation": int64(1)},
			"status": map[string]any{"observedGeneration": observed, "conditions": list},
		}}
	}
	condition := func(kind, status, reason string) map[string]any {
		return map[string]any{"type": kind, "status": status, "reason": reason}
	}
	for what, u := range map[string]*unstructured.Unstructured{
		"ready and reconciling":          object(1, condition("Ready", "True", "Healthy"), condition("Reconciling", "True", "Healthy")),
		"stalled and reconciling":        object(1, condition("Ready", "False", "Invalid"), condition("Reconciling", "True", "Invalid"), condition("Stalled", "True", "Invalid")),
		"a stalled that is not true":     object(1, condition("Ready", "False", "Unhealthy"), condition("Stalled", "False", "Unhealthy")),
		"waiting without reconciling":    object(1, condition("Ready", "False", "WaitingForPhase")),
		"a reason that nobody knows":     object(1, condition("Ready", "False", "Whatever")),
		"a generation that is not there": object(2, condition("Ready", "True", "Healthy")),
	} {
		if v, err := Judge(u); err == nil {
			t.Errorf("%s was accepted: %+v", what, v)
		}
	}
	if v, err := Judge(object(1, condition("Ready", "True", "Healthy"))); err != nil {
		t.Errorf("%+v: %v", v, err)
	}
}
