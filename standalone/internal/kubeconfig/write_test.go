package kubeconfig

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/nixmox/nixmox-controller/standalone/internal/certs"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	files, err := certs.Ensure(t.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "new", "kubeconfig")
	for _, url := range []string{"https://127.0.0.1:1", "https://127.0.0.1:2"} { // the second replaces the first
		if err := Write(path, url, files); err != nil {
			t.Fatal(err)
		}
		config, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != url || len(config.CAData) == 0 || len(config.CertData) == 0 || len(config.KeyData) == 0 {
			t.Errorf("it names %s, want %s with everything inside", config.Host, url)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v, %v", left, err)
	}
}

// kubectl config set-context writes the file anew, without comments.
func TestAChosenNamespaceStays(t *testing.T) {
	t.Parallel()
	files, err := certs.Ensure(t.TempDir(), []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := Write(path, "https://127.0.0.1:1", files); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = "homelab"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, "https://127.0.0.1:2", files); err != nil {
		t.Fatalf("the next start: %v", err)
	}
	if config, err = clientcmd.LoadFromFile(path); err != nil {
		t.Fatal(err)
	}
	if got := config.Contexts[config.CurrentContext].Namespace; got != "homelab" || config.Clusters[name].Server != "https://127.0.0.1:2" {
		t.Errorf("namespace %q at %s", got, config.Clusters[name].Server)
	}
	config.Clusters["theirs"] = config.Clusters[name]
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, "https://127.0.0.1:3", files); err == nil {
		t.Error("a file that holds somebody else's cluster too is replaced")
	}
}

func TestCheckFree(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		content string
		free    bool
	}{
		{"an empty file, as mktemp makes it", "", true},
		{"our own", signature + "kind: Config\n", true},
		{"somebody else's", "kind: Config\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "kubeconfig")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := CheckFree(path); (err == nil) != test.free {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := CheckFree(filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Errorf("no file at all: %v", err)
	}
	if err := CheckFree(t.TempDir()); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
}
