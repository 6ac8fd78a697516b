package topology_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

func TestWhichNamespacesAHostAllows(t *testing.T) {
	for _, tc := range []struct {
		allowed, namespace string
		labels             map[string]string
		want, asks         bool
	}{
		{allowed: `{}`, namespace: "own", want: true},
		{allowed: `{from: Same}`, namespace: "own", want: true},
		{allowed: `{}`, namespace: "web"},
		{allowed: `{from: Same}`, namespace: "web", labels: map[string]string{"team": "web"}},
		{allowed: `{from: All}`, namespace: "web", want: true},
		{allowed: `{from: Selector, selector: {}}`, namespace: "web", want: true},
		{allowed: `{from: Selector, selector: {matchLabels: {team: web}}}`, namespace: "own", want: true, asks: true},
		{allowed: `{from: Selector, selector: {matchLabels: {team: web}}}`, namespace: "web", labels: map[string]string{"team": "web"}, want: true, asks: true},
		{allowed: `{from: Selector, selector: {matchLabels: {team: web}}}`, namespace: "web", labels: map[string]string{"team": "db"}, asks: true},
		{allowed: `{from: Selector, selector: {matchLabels: {team: web}}}`, namespace: "web", asks: true},
		{allowed: `{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: web}}}`, namespace: "web", want: true},
		{allowed: `{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: web}}}`, namespace: "db"},
		{allowed: `{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: web}}}`, namespace: "db", labels: map[string]string{"kubernetes.io/metadata.name": "web"}},
		{allowed: `{from: Selector, selector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [db]}]}}`, namespace: "web", want: true},
		{allowed: `{from: Selector, selector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}`, namespace: "web", want: true, asks: true},
		{allowed: `{from: Selector, selector: {matchExpressions: [{key: team, operator: Nonsense}]}}`, namespace: "web", asks: true},
	} {
		host := &v1alpha1.NixMoxHost{}
		host.Namespace = "own"
		if err := yaml.UnmarshalStrict([]byte(tc.allowed), &host.Spec.AllowedNamespaces); err != nil {
			t.Fatal(err)
		}
		if got := topology.Allows(host, tc.namespace, tc.labels); got != tc.want {
			t.Errorf("%s allows %s with labels %v: %t", tc.allowed, tc.namespace, tc.labels, got)
		}
		if got := topology.AsksForLabels(host); got != tc.asks {
			t.Errorf("%s asks for labels: %t", tc.allowed, got)
		}
	}
}
