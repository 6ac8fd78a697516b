package walk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/config/crd"
)

// field is a leaf of the spec, such as resources.memory.
type field struct {
	path   string
	schema apiextensionsv1.JSONSchemaProps
}

// fields are those of a service's spec, as the CRD has them.
func fields() ([]field, error) {
	data, err := crd.FS.ReadFile("bases/nixmox.dev_nixmoxservices.yaml")
	if err != nil {
		return nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(data, &definition); err != nil {
		return nil, fmt.Errorf("read the CRD: %w", err)
	}
	spec := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	leaves := leavesOf("", spec)
	slices.SortFunc(leaves, func(a, b field) int { return strings.Compare(a.path, b.path) })
	return leaves, nil
}

func leavesOf(path string, schema apiextensionsv1.JSONSchemaProps) []field {
	if len(schema.Properties) == 0 {
		return []field{{path, schema}}
	}
	var leaves []field
	for name, property := range schema.Properties {
		leaves = append(leaves, leavesOf(strings.TrimPrefix(path+"."+name, "."), property)...)
	}
	return leaves
}

// meanings are values of fields whose schema does not tell what they mean.
var meanings = map[string][]any{
	"ip":                {"192.168.99.21", "192.168.99.22/24", "192.168.99.23"},
	"hostname":          {"a", "b", "walk.example.com"},
	"healthCheck":       {"systemctl is-active --quiet a", "tcp:1", "http://192.168.99.21:1/"},
	"health.startup":    {"systemctl is-active --quiet a"},
	"health.liveness":   {"systemctl is-active --quiet a"},
	"resources.memory":  {"256Mi", "1Gi", "1536Mi"},
	"resources.swap":    {"0", "512Mi"},
	"resources.cpu":     {"1", "1500m", 2},
	"resources.storage": {"8Gi", "10Gi", "12Gi"},
	"network.bridge":    {"vmbr0", "vmbr9"},
	"network.gateway":   {"192.168.99.1", "192.168.99.254"},
	"network.rateLimit": {"10M", "5M"},
	"template":          {"local:vztmpl/nixos.tar.xz", "local:vztmpl/other.tar.xz"},
	"node":              {"pve1", "pve2", "pve9"},
	"timezone":          {"UTC", "Europe/Berlin"},
	"dependsOn":         {[]any{}, []any{"ghost"}},
	"tags":              {[]any{"db"}, []any{"Web", "a.b"}, []any{}},
	"ports":             {[]any{5432}, []any{"53/udp"}},
	"features.mount":    {[]any{"nfs"}, []any{}},
	"environment":       {map[string]any{"A": "b"}},
	"environmentFrom":   {[]any{map[string]any{"secretRef": map[string]any{"name": "missing"}}}, []any{}},
	"volumes": {
		[]any{map[string]any{"name": "data", "mountPath": "/data", "size": "1Gi"}},
		[]any{map[string]any{"name": "data", "mountPath": "/data", "size": "2Gi"}},
		[]any{map[string]any{"name": "data", "mountPath": "/data", "size": "2Gi"}, map[string]any{"name": "media", "mountPath": "/media", "hostPath": "/tank/media"}},
		[]any{map[string]any{"name": "data", "mountPath": "/data", "size": "2Gi"}, map[string]any{"name": "etc", "mountPath": "/etc2", "hostPath": "/etc"}},
		[]any{map[string]any{"name": "wal", "mountPath": "/wal", "size": "1Gi"}, map[string]any{"name": "data", "mountPath": "/data", "size": "2Gi"}},
	},
	"network.macAddress": {"BC:24:11:00:00:01", "BC:24:11:00:00:02"},
}

// valid is a value that the schema allows. Rules of CEL may still forbid it.
func (f field) valid(r *rand.Rand) any {
	if known := meanings[f.path]; len(known) > 0 {
		return known[r.IntN(len(known))]
	}
	s := f.schema
	switch {
	case len(s.Enum) > 0:
		return strings.Trim(string(s.Enum[r.IntN(len(s.Enum))].Raw), `"`)
	case s.Type == "boolean":
		return r.IntN(2) == 0
	case s.Type == "integer":
		least := 1
		if s.Minimum != nil {
			least = int(*s.Minimum)
		}
		return least + r.IntN(5)
	case s.Type == "array":
		return []any{}
	case s.Type == "object":
		return map[string]any{}
	}
	return fmt.Sprintf("%ds", 5+r.IntN(60)) // durations, and whatever is as free
}

// invalid is a value that the schema forbids.
func (f field) invalid(r *rand.Rand) any {
	s := f.schema
	switch {
	case len(s.Enum) > 0:
		return "nonsense"
	case s.XIntOrString:
		return []any{"a lot", "-", "1 2"}[r.IntN(3)]
	case s.Type == "integer" && s.Maximum != nil && r.IntN(2) == 0:
		return int64(*s.Maximum) + 1
	case s.Type == "string" && s.MaxLength != nil && r.IntN(2) == 0:
		return strings.Repeat("x", int(*s.MaxLength)+1)
	case s.Type == "string":
		return 5
	}
	return "maybe" // for a number, a list, an object or a switch
}
