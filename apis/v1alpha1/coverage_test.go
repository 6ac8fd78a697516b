package v1alpha1_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/config/crd"
)

// A rule without a case in the tables is a rule that nobody has seen work.
func TestEveryRuleOfTheSchemaHasACase(t *testing.T) {
	for kind, cases := range map[string][]rule{
		"nixmoxservices": slices.Concat(serviceRules, transitions(serviceTransitions)),
		"nixmoxhosts":    slices.Concat(hostRules, transitions(hostTransitions)),
	} {
		t.Run(kind, func(t *testing.T) {
			found := rulesOf("spec", spec(t, kind))
			found = append(found, validations("", *root(t, kind))...)
			if len(found) < 40 {
				t.Errorf("only %d rules found: is the schema read rightly?", len(found))
			}
			for _, r := range found {
				if !slices.ContainsFunc(cases, func(c rule) bool {
					return index.ReplaceAllString(c.field, "") == r.field && strings.Contains(c.message, r.message)
				}) {
					t.Errorf("no case for %s: %s", r.field, r.message)
				}
			}
		})
	}
}

// index is the place in a list, which a schema does not know.
var index = regexp.MustCompile(`\[\d+\]`)

// root reads the schema of a kind out of the generated file.
func root(t testing.TB, plural string) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	data, err := crd.FS.ReadFile("bases/nixmox.dev_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		t.Fatal(err)
	}
	return c.Spec.Versions[0].Schema.OpenAPIV3Schema
}

func spec(t testing.TB, plural string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	return root(t, plural).Properties["spec"]
}

// rulesOf lists what the schema demands at a field and below, each with the words in which the API server refuses.
func rulesOf(field string, s apiextensionsv1.JSONSchemaProps) []rule {
	found := validations(field, s)
	add := func(field, format string, args ...any) {
		found = append(found, rule{field: field, message: fmt.Sprintf(format, args...)})
	}
	for _, name := range s.Required {
		add(field+"."+name, "Required value")
	}
	if s.Minimum != nil {
		add(field, "should be greater than or equal to %v", number(*s.Minimum))
	}
	if s.Maximum != nil {
		add(field, "should be less than or equal to %v", number(*s.Maximum))
	}
	if s.MinLength != nil {
		add(field, "should be at least %d chars long", *s.MinLength)
	}
	if s.MinItems != nil {
		add(field, "should have at least %d items", *s.MinItems)
	}
	if s.Enum != nil {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = string(word.Raw)
		}
		add(field, "supported values: %s", strings.Join(words, ", "))
	}
	// The pattern of a quantity comes with its Go type; the sentence beside it is what people read.
	if s.Pattern != "" && !s.XIntOrString {
		add(field, "should match '%s'", s.Pattern)
	}
	if s.XListType != nil && *s.XListType != "atomic" {
		add(field, "Duplicate value")
	}
	if s.Items != nil {
		found = append(found, rulesOf(field, *s.Items.Schema)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		found = append(found, rulesOf(field+"."+name, s.Properties[name])...)
	}
	return found
}

// validations are the sentences of x-kubernetes-validations. At the object itself, and without a path, they are reported of "<nil>".
func validations(field string, s apiextensionsv1.JSONSchemaProps) []rule {
	found := make([]rule, len(s.XValidations))
	for i, v := range s.XValidations {
		found[i] = rule{field: strings.TrimPrefix(field+v.FieldPath, "."), message: v.Message}
		if found[i].field == "" {
			found[i].field = "<nil>"
		}
	}
	return found
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
