package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestOneLineOnStdoutTellsEverything(t *testing.T) {
	t.Parallel()
	i := start(t, t.TempDir())

	info, err := os.Stat(i.kubeconfig)
	if err != nil {
		t.Fatalf("the ready line came before the kubeconfig: %v", err)
	}
	if got := info.Mode().Perm(); got != fs.FileMode(0o600) {
		t.Errorf("kubeconfig has mode %o, want 600", got)
	}
	if got := i.config(t).Host; got != i.url {
		t.Errorf("kubeconfig names the server %s, the ready line %s", got, i.url)
	}
	if _, err := i.client(t).Discovery().ServerVersion(); err != nil {
		t.Errorf("the kubeconfig does not work: %v", err)
	}
	i.terminate(t)
	if rest := i.restOfStdout(t); rest != "" {
		t.Errorf("more on stdout: %q", rest)
	}
	if got := i.stderr.String(); got != "" {
		t.Errorf("an ordinary start and stop wrote to stderr:\n%s", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	running := cluster(t)
	foreign := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(foreign, []byte("apiVersion: v1\nkind: Config\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		want string // regular expression for the whole of stderr
	}{
		{"a second process on the same data directory", []string{"--no-controller", "--data-dir", running.dataDir},
			`^Error: data directory \S+ is in use by another nixmox \(process \d+\); stop that one first or choose another --data-dir\n$`},
		{"a port that is taken", []string{"--no-controller", "--listen", strings.TrimPrefix(running.url, "https://")},
			`^Error: --listen 127\S+: .*address already in use; choose another port, or port 0 for a free one\n$`},
		{"a kubeconfig of somebody else", []string{"--no-controller", "--kubeconfig", foreign},
			`^Error: kubeconfig \S+ exists and was not written by nixmox up: it is left alone; choose another file with --kubeconfig\n$`},
		{"an address without a port", []string{"--no-controller", "--listen", "localhost"},
			`^Error: --listen localhost: .*missing port in address; give HOST:PORT, for example 127.0.0.1:6443\n$`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// Flags that a test names come last and win.
			args := append([]string{"up", "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0", "--kubeconfig", filepath.Join(t.TempDir(), "kubeconfig")}, test.args...)
			command := exec.Command(binary, args...)
			var stderr lockedBuffer
			command.Stderr = &stderr
			if err := command.Run(); err == nil {
				t.Error("it ended well")
			}
			if got := stderr.String(); !regexp.MustCompile(test.want).MatchString(got) {
				t.Errorf("it said %q, want %s", got, test.want)
			}
		})
	}
	if content, err := os.ReadFile(foreign); err != nil || string(content) != "apiVersion: v1\nkind: Config\n" {
		t.Errorf("the foreign kubeconfig now holds %q (%v)", content, err)
	}
}

func TestLongDataDirectory(t *testing.T) {
	t.Parallel()
	// Longer than the path of a unix socket may be.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30), "data")
	first := start(t, dir)
	detour, err := os.Readlink(filepath.Join(dir, "etcd", "socket"))
	if err != nil {
		t.Fatal(err)
	}
	first.kill()
	second := start(t, dir)
	if _, err := os.Stat(detour); err == nil {
		t.Errorf("%s of the killed process is still there", detour)
	}
	detour, err = os.Readlink(filepath.Join(dir, "etcd", "socket"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(detour); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory has mode %v (%v), want 0700", info, err)
	}
	second.terminate(t)
	if _, err := os.Stat(detour); err == nil {
		t.Errorf("%s is still there after SIGTERM", detour)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	output, err := exec.Command(binary, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^nixmox \S+, Kubernetes v1\.\d+\.\d+\n$`).Match(output) {
		t.Errorf("it says %q", output)
	}
}
