package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the nixmox under test: NIXMOX_BIN, or one that is built for this run.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	scratch, err := os.MkdirTemp("", "nixmox-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(scratch)
	if binary, err = findBinary(scratch); err != nil {
		return fail(err)
	}
	code := m.Run()
	if shared != nil {
		shared.kill()
		_ = os.RemoveAll(shared.scratch)
	}
	return code
}

func findBinary(scratch string) (string, error) {
	if given := os.Getenv("NIXMOX_BIN"); given != "" {
		return filepath.Abs(given)
	}
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").Output()
	if err != nil {
		return "", fmt.Errorf("version of Kubernetes: %w", err)
	}
	built := filepath.Join(scratch, "nixmox")
	stamp := "-s -w -X k8s.io/component-base/version.gitVersion=" + strings.TrimSpace(string(version))
	build := exec.Command("go", "build", "-trimpath", "-ldflags", stamp, "-o", built, "../cmd/nixmox")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nixmox: %w\n%s", err, output)
	}
	return built, nil
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}
