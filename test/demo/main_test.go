// Package demo_test runs the built programs as a newcomer does: the demo with what it says to try, and kill -9 in the middle of a
// roll-out. It needs bin/nixmox and bin/pvesim, which `make test` builds.
package demo_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// root is the repository's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// program is a built binary.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root(), "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; build it with `make build`", err)
	}
	return path
}

// output is what a program printed so far.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.data.String()
}

// shell runs a line in the repository's folder, with the demo's KUBECONFIG, and gives what it printed.
func shell(t *testing.T, kubeconfig, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%s%v", line, out, err)
	}
	return string(out)
}

// eventually waits for a condition.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, limit, true, func(context.Context) (bool, error) { return ok(), nil })
	if err != nil {
		t.Fatalf("not within %v: %s", limit, what)
	}
}
