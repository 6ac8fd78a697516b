// Command apidoc writes docs/api.md and docs/health.md. Of the first the fields from the generated CRDs, which hold the texts, defaults and rules of the Go types, and
// around them the parts that no schema holds, from text.md beside this file.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/config/crd"
)

//go:embed text.md
var text string

// The kinds, in the order of a reader who begins: the host, then what it holds.
var kinds = []struct{ kind, file string }{
	{"NixMoxHost", "bases/nixmox.dev_nixmoxhosts.yaml"},
	{"NixMoxService", "bases/nixmox.dev_nixmoxservices.yaml"},
}

func main() {
	out := flag.String("out", "docs/api.md", "page to write")
	health := flag.String("health", "docs/health.md", "page of the health checks to write")
	flag.Parse()
	page, err := page()
	if err == nil {
		err = os.WriteFile(*out, []byte(page), 0o644)
	}
	if err == nil {
		err = os.WriteFile(*health, []byte(healthPage()), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// page is text.md with each line "<!-- fields of KIND -->" replaced by the kind's reference.
func page() (string, error) {
	page := text
	for _, k := range kinds {
		data, err := crd.FS.ReadFile(k.file)
		if err != nil {
			return "", err
		}
		var definition definition
		if err := yaml.Unmarshal(data, &definition); err != nil {
			return "", fmt.Errorf("%s: %w", k.file, err)
		}
		place := "<!-- fields of " + k.kind + " -->\n"
		if !strings.Contains(page, place) {
			return "", fmt.Errorf("text.md has no line %q", place)
		}
		page = strings.Replace(page, place, reference(definition), 1)
	}
	return page, nil
}
