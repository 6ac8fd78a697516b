package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// importWorld is the demo's Proxmox, with the two services of the small example beside those of the stack.
func importWorld(t *testing.T) string {
	t.Helper()
	world, err := os.ReadFile(filepath.Join(root, "config/samples/demo/world.json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("00000000-0000-0000-0000-00000000demo", "s3cret-s3cret", `"services": [`, `"services": [
		{"hostname": "db.example.com", "ready_after": 2.0, "units": ["postgresql"]},
		{"hostname": "app.example.com", "ready_after": 2.0, "units": ["app"], "http": [{"port": 8080, "path": "/health", "scope": "localhost"}]},`).Replace(string(world))
}

// A NixMox manifest, in JSON and in Nix, becomes manifests that come up as they are: what a manifest does not say is where Proxmox is, its
// credentials, and how commands get into containers. The stack mounts folders of the node, for which Proxmox wants root@pam in person.
func TestWhatIsImportedComesUp(t *testing.T) {
	t.Parallel()
	_, noNix := exec.LookPath("nix-instantiate")
	for name, services := range map[string]int{"small": 2, "stack": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, testlab.Options{World: importWorld(t), TimeScale: 20, InPerson: true})
			imported := func(file string) string {
				args := []string{"import", filepath.Join("internal/cli/testdata/import", file), "--endpoint", l.PVE.URL, "--credentials", "pve"}
				out, warnings, code := l.separately(args...)
				if code != 0 {
					t.Fatalf("%v: exit code %d\n%s", args, code, warnings)
				}
				return out
			}
			manifests := imported(name + ".json")
			t.Run("the same from Nix", func(t *testing.T) {
				if noNix != nil {
					t.Skip("SKIPPED: nix-instantiate is not installed (Debian: apt-get install nix-bin); the example in Nix is not imported here")
				}
				if fromNix := imported(name + ".nix"); fromNix != manifests {
					t.Errorf("from Nix it is\n%s", fromNix)
				}
			})
			file := filepath.Join(t.TempDir(), "imported.yaml")
			if err := os.WriteFile(file, []byte(manifests), 0o600); err != nil {
				t.Fatal(err)
			}
			l.expect(0, []string{"validate", "-f", file}, "valid")
			l.kubectl("apply", "-f", file)
			l.kubectl("patch", "nmh", "default", "--type", "merge", "-p", fmt.Sprintf(
				`{"spec":{"exec":{"ssh":{"privateKeySecretRef":{"name":"ssh"},"knownHosts":%q,"addresses":{"pve1":%q}}}}}`, l.SSH.HostKey(), l.SSH.Address()))
			ready := fmt.Sprintf("%d/%d ready", services, services)
			l.expect(0, words("status --until-ready"), ready)
			l.expect(0, []string{"plan", "--live", "--exit-code", "-f", file}, fmt.Sprintf("Plan: %d without a change", services))
			if n := l.Log.Begun("vzcreate", 0); n != services {
				t.Errorf("%d containers were made, and there are %d services", n, services)
			}
		})
	}
}
