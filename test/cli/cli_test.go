// Package cli_test runs the built kubectl plugin against the demo: a real Kubernetes API, the controller and a simulated Proxmox. It needs
// bin/nixmox and bin/kubectl-nixmox, which `make test` builds.
package cli_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// cluster is a running demo with its stack.
type cluster struct {
	t          *testing.T
	kubeconfig string
	bin        string
	namespace  string
}

func start(t *testing.T) *cluster {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nixmox", "kubectl-nixmox"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			t.Fatalf("%v; build it with `make build`", err)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(filepath.Join(bin, "nixmox"), "demo", "--data-dir", dir, "--time-scale", "10")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Three things to try") {
				ready <- true
			}
		}
		close(ready)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	select {
	case ok := <-ready:
		if !ok {
			t.Fatal("the demo ended before the stack was up")
		}
	case <-time.After(3 * time.Minute):
		t.Fatal("the stack is not up within three minutes")
	}
	return &cluster{t: t, kubeconfig: filepath.Join(dir, "kubeconfig"), bin: bin, namespace: "homelab"}
}

// run runs the plugin in the stack's namespace.
func (c *cluster) run(args ...string) (out string, code int) {
	c.t.Helper()
	return c.program(filepath.Join(c.bin, "kubectl-nixmox"), append([]string{"-n", c.namespace}, args...)...)
}

func (c *cluster) program(name string, args ...string) (out string, code int) {
	c.t.Helper()
	cmd := c.command(name, args...)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// separately runs the plugin as run does, and keeps what it prints apart from what it warns of.
func (c *cluster) separately(args ...string) (out, errs string, code int) {
	c.t.Helper()
	cmd := c.command(filepath.Join(c.bin, "kubectl-nixmox"), append([]string{"-n", c.namespace}, args...)...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "PATH="+c.bin+":"+os.Getenv("PATH"), "HOME="+c.t.TempDir())
	return cmd
}

// expect runs the plugin, and wants an exit code and texts.
func (c *cluster) expect(code int, args []string, texts ...string) string {
	c.t.Helper()
	out, got := c.run(args...)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			c.t.Errorf("%v does not print %q", args, text)
			got = -1
		}
	}
	if got != code {
		c.t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, out)
	}
	return out
}

var vmids = regexp.MustCompile(`\b9[0-9]{2}\b`)

// checkDocs compares what status prints with docs/cli.md; who got which number differs from run to run.
func checkDocs(t *testing.T, tree string) {
	t.Helper()
	if shown := shownInDocs(t, ""); vmids.ReplaceAllString(shown, "VMID") != vmids.ReplaceAllString(tree, "VMID") {
		t.Errorf("docs/cli.md shows\n%s\nand status prints\n%s", shown, tree)
	}
}

// shownInDocs is the block of docs/cli.md below the comment of this name.
func shownInDocs(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs/cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "<!-- checked by test/cli"+name+" -->\n```")
	_, shown, _ = strings.Cut(shown, "\n") // the language
	shown, _, _ = strings.Cut(shown, "```")
	return shown
}

func words(text string) []string { return strings.Fields(text) }

func TestThePluginOnARunningStack(t *testing.T) {
	c := start(t)
	tree := c.expect(0, words("status"), "10/10 ready", "phase 1  infrastructure", "✔ dns ")
	checkDocs(t, tree)
	c.expect(0, words("status --until-ready"), "10/10 ready  mail")
	c.expect(0, words("plan --exit-code"), "Plan: 10 without a change")
	c.expect(0, words("order"), "phase 6 (advanced): mail")
	c.expect(0, words("deps mail"), "└── postgresql")
	c.expect(0, words("validate"), "homelab/default: valid, 10 services in 6 phases")
	c.expect(0, words("health dns caddy"), "✔ dns: Healthy", "✔ caddy: Healthy")
	c.expect(0, words("reconcile dns --wait"), "dns: reconcile asked for, and done")
	c.expect(1, words("recreate dns"), "Error: the container of service dns is not gone")
	c.expect(1, words("migrate dns"), "Error: service dns has no spec.node: say where to with --to")
	c.expect(1, words("migrate dns --to pve1"), "of service dns is on pve1 already")
	c.expect(1, words("suspend nobody"), `Error: no service "nobody"`)
	c.expect(1, words("suspend"), "name the services, or give --all")
	c.expect(0, words("suspend mail"), "mail: suspended")
	c.expect(0, words("plan"), "mail: blocked (suspended")
	c.expect(0, words("resume mail"), "mail: resumed")
	c.expect(0, words("start --all"), "dns: start asked for")

	var states []struct {
		Name  string
		Ready bool
	}
	out, _ := c.run("status", "-o", "json")
	if err := json.Unmarshal([]byte(out), &states); err != nil || len(states) != 10 || !states[0].Ready {
		t.Errorf("status -o json: %v\n%s", err, out)
	}

	// What would change is said before it is applied, and comes true.
	file := filepath.Join(t.TempDir(), "caddy.yaml")
	sample, err := os.ReadFile(filepath.Join(root, "config/samples/stack/caddy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(sample), "memory: 1Gi", "memory: 2Gi", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect(2, []string{"plan", "--live", "--exit-code", "-f", file}, "caddy: change in place", "memory 1024 MiB -> 2048 MiB", "Plan: 1 to change in place, 9 without a change")
	// kubectl finds the plugin by its name.
	if out, code := c.program(filepath.Join(c.bin, "nixmox"), "kubectl", "-n", "homelab", "apply", "--server-side", "--force-conflicts", "-f", file); code != 0 {
		t.Fatal(out)
	}
	c.expect(0, words("reconcile caddy --wait"))
	c.expect(0, words("status --until-ready"))
	c.expect(0, []string{"plan", "--live", "--exit-code", "-f", file}, "Plan: 10 without a change")
	if out, code := c.program(filepath.Join(c.bin, "nixmox"), "kubectl", "nixmox", "order", "-n", "homelab"); code != 0 || !strings.Contains(out, "phase 1 (infrastructure)") {
		t.Errorf("kubectl nixmox: %d %s", code, out)
	}
	if out, code := c.program("deploy/kubectl_complete-nixmox", "-n", "homelab", "deps", "va"); code != 0 || !strings.Contains(out, "vaultwarden") {
		t.Errorf("kubectl completes %d %s", code, out)
	}
	if out, code := c.program(filepath.Join(c.bin, "nixmox"), "order", "-n", "homelab"); code != 0 || !strings.Contains(out, "phase 1 (infrastructure)") {
		t.Errorf("nixmox order: %d %s", code, out)
	}
}
