package docs

import (
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nixmox/nixmox-controller/"

// imports are the edges between the packages that the controller is made of, as "a --> b".
func imports(t *testing.T) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{if not .Standard}}{{.ImportPath}} {{join .Imports " "}}{{end}}`, "./cmd/controller")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	edges := map[string]bool{}
	for _, line := range strings.Split(string(out), "\n") {
		names := strings.Fields(line)
		if len(names) == 0 || !strings.HasPrefix(names[0], module) {
			continue
		}
		for _, imported := range names[1:] {
			if strings.HasPrefix(imported, module) {
				edges[strings.TrimPrefix(names[0], module)+" --> "+strings.TrimPrefix(imported, module)] = true
			}
		}
	}
	return edges
}

func TestTheImportDiagramIsSo(t *testing.T) {
	drawn := map[string]bool{}
	for _, line := range strings.Split(read(t, filepath.Join(root, "docs", "architecture.md")), "\n") {
		if edge := strings.TrimSpace(line); strings.Contains(edge, " --> ") {
			drawn[edge] = true
		}
	}
	real := imports(t)
	for _, edge := range slices.Sorted(maps.Keys(real)) {
		if !drawn[edge] {
			t.Errorf("not in the diagram: %s", edge)
		}
	}
	for _, edge := range slices.Sorted(maps.Keys(drawn)) {
		if !real[edge] {
			t.Errorf("in the diagram, and not in the code: %s", edge)
		}
	}
}

var (
	// `controllers/step.go: startStep`
	functionNamed = regexp.MustCompile("`([a-z0-9/_]+\\.go): ([A-Za-z0-9]+)`")
	// `controllers/step.go`, `internal/plan`
	pathNamed = regexp.MustCompile("`((?:apis|cmd|config|controllers|docs|hack|internal|standalone|test)(?:/[A-Za-z0-9_./-]*)?)`")
)

func TestWhatPagesNameExists(t *testing.T) {
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range functionNamed.FindAllStringSubmatch(text, -1) {
			declared := regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + m[2] + `[\[(]`)
			if !declared.MatchString(read(t, filepath.Join(root, m[1]))) {
				t.Errorf("%s: there is no function %s in %s", filepath.Base(page), m[2], m[1])
			}
		}
		for _, m := range pathNamed.FindAllStringSubmatch(text, -1) {
			if found, _ := filepath.Glob(filepath.Join(root, m[1])); len(found) == 0 {
				t.Errorf("%s: there is no %s", filepath.Base(page), m[1])
			}
		}
	}
}
