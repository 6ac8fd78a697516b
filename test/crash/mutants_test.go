package crash

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// mutant is a mistake that somebody could make, and by which rule it is noticed in which scenario.
type mutant struct {
	name, file, old, new string
	scenario, noticed    string
}

var mutants = []mutant{
	{"the VMID is not written ahead", "controllers/operation.go",
		"report(p, working(kind, p))\n\tif err := r.patchStatus(ctx, p); err != nil {", "report(p, working(kind, p))\n\tif err := error(nil); err != nil {",
		"create with volumes", "every step is written down before its call"},
	{"the marker is not checked on delete", "controllers/service_delete.go",
		"if !p.mayRelease(found, marked) {\n", "if false && !p.mayRelease(found, marked) {\n",
		"deleted while a stranger's", "the stranger's container was touched"},
	{"the transport repeats a POST", "internal/proxmox/transport.go",
		"if request.Method != http.MethodGet || attempt+1 == count {", "if request.GetBody != nil {\n\t\t\trequest.Body, _ = request.GetBody()\n\t\t}\n\t\tif attempt == 1 {",
		"creation whose call arrives late", "1 of 2 announced in status.operation"},
	{"the status says that it is done before it is", "controllers/operation.go",
		"r.tasks.began(p.key, op, upid)\n\tp.session.inventory.Track(upid)\n\treturn working(s.Kind, p).again(r.Timing.shortTask())", "r.succeeded(p, op)\n\treturn working(s.Kind, p).again(time.Millisecond)",
		"create with volumes", "no step counts as done while its task runs"},
	{"the finalizer is dropped too early", "controllers/service_delete.go",
		"r.findOwn, r.stopContainer, r.letGo, r.restVMID,", "r.findOwn,",
		"delete with Retain", "never at its end: container 900 is not kept"},
}

// Each deliberate mistake is built in, without a trace in the sources, and must be noticed. With MUTANTS=all that is done for every one,
// else for the first.
func TestDeliberateMistakesAreNoticed(t *testing.T) {
	if apiserver.Get(t).Kubeconfig == "" {
		t.Skip("the mutants need a kubeconfig of the API server")
	}
	chosen := mutants[:1]
	if os.Getenv("MUTANTS") == "all" {
		chosen = mutants
	}
	for _, m := range chosen {
		t.Run(m.name, func(t *testing.T) {
			program := m.build(t)
			cmd := exec.CommandContext(t.Context(), program, "-api", apiserver.Get(t).Kubeconfig, "-scenario", m.scenario, "-every", "0", "-patience", "15s")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), m.noticed) {
				t.Errorf("not noticed as %q: %v\n%s", m.noticed, err, out)
			}
		})
	}
}

// build compiles the harness with one file replaced.
func (m mutant) build(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(root, m.file)
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s holds %q %d times: the code has moved on, and so must the mutant", m.file, m.old, n)
	}
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{changed: []byte(strings.Replace(string(text), m.old, m.new, 1)), overlay: replace} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-overlay", overlay, "-o", program, "./test/crash/cmd")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the mutant: %v\n%s", err, out)
	}
	return program
}
