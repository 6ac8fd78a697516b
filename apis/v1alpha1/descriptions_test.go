package v1alpha1_test

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// kubectl explain is the first page of the manual: it says of every field what it is for, and what happens without it.
func TestEveryFieldIsExplained(t *testing.T) {
	for _, kind := range []string{"nixmoxservices", "nixmoxhosts"} {
		t.Run(kind, func(t *testing.T) {
			schema := root(t, kind)
			if len(schema.Description) < 60 {
				t.Errorf("the kind is explained by %q", schema.Description)
			}
			for _, part := range []string{"spec", "status"} {
				checkExplained(t, part, schema.Properties[part])
			}
		})
	}
}

func checkExplained(t *testing.T, path string, s apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	if len(s.Description) < 15 {
		t.Errorf("%s is explained by %q", path, s.Description)
	}
	// kubectl explain does not print defaults. A field that is filled in says with what; a whole that is, says so field by field.
	if s.Default != nil && len(s.Properties) == 0 {
		value := strings.Trim(string(s.Default.Raw), `"`)
		if !strings.Contains(s.Description, "default") || !strings.Contains(s.Description, value) {
			t.Errorf("%s does not say that its default is %s: %q", path, value, s.Description)
		}
	}
	if s.Items != nil {
		for name, below := range s.Items.Schema.Properties {
			checkExplained(t, path+"[]."+name, below)
		}
	}
	for name, below := range s.Properties {
		checkExplained(t, path+"."+name, below)
	}
}
