package crds

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: test}\n"

func TestTheBinaryCarriesBothDefinitions(t *testing.T) {
	t.Parallel()
	if got := names(t, bases()); !cmp.Equal(got, []string{"nixmoxhosts.nixmox.dev", "nixmoxservices.nixmox.dev"}) {
		t.Errorf("it carries %v", got)
	}
}

func TestOnlyDefinitionsAreLoaded(t *testing.T) {
	t.Parallel()
	source := fstest.MapFS{
		"bases/a.yaml":             {Data: []byte(definition)},
		"bases/readme.md":          {Data: []byte("not YAML")},
		"kustomization.yaml":       {Data: []byte("kind: Kustomization\n")},
		"bases/nested/second.yaml": {Data: []byte(definition)},
	}
	if got := names(t, source); len(got) != 2 {
		t.Errorf("loaded %v, want two", got)
	}
}

func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no YAML":          "{",
		"an unknown field": "kind: CustomResourceDefinition\nspecc: {}\n",
	} {
		if _, err := load(fstest.MapFS{"a.yaml": {Data: []byte(content)}}); err == nil {
			t.Errorf("%s was loaded without a word", name)
		}
	}
}

func names(t *testing.T, source fs.FS) []string {
	t.Helper()
	definitions, err := load(source)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, definition := range definitions {
		all = append(all, definition.Name)
	}
	return all
}
