package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const importDir = "internal/cli/testdata/import"

func TestImport(t *testing.T) {
	for name, args := range map[string]string{
		"import-small":  "import " + importDir + "/small.json",
		"import-stack":  "import " + importDir + "/stack.json --endpoint https://pve1.nixmox.lan:8006 --instance home -n homelab",
		"import-strict": "import --strict " + importDir + "/stack.json",
		"import-broken": "import " + importDir + "/broken.json",
		"import-yaml":   "import config/samples/small/app.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(args)
			golden(t, name, run("", words...).transcript(words))
		})
	}
}

func TestWhatIsImportedIsValid(t *testing.T) {
	for _, name := range []string{"small", "stack"} {
		imported := run("", "import", filepath.Join(importDir, name+".json"))
		if imported.code != 0 {
			t.Fatal(imported.err)
		}
		if judged := run(imported.out, "validate", "-f", "-"); judged.code != 0 {
			t.Errorf("%s: %s", name, judged.err)
		}
		dir := filepath.Join(t.TempDir(), "manifests")
		if written := run("", "import", "-d", dir, filepath.Join(importDir, name+".json")); written.code != 0 {
			t.Fatal(written.err)
		}
		if judged := run("", "validate", "-f", dir); judged.code != 0 {
			t.Errorf("%s in files: %s", name, judged.err)
		}
		if again := run("", "import", "-d", dir, filepath.Join(importDir, name+".json")); !strings.Contains(again.err, "nothing is overwritten") {
			t.Errorf("a second import into the same folder: %+v", again)
		}
	}
}

// The phases of the module, with the core services before them, are those of the sample stack.
func TestTheImportedStackIsTheSample(t *testing.T) {
	imported := run("", "import", filepath.Join(importDir, "stack.json"))
	order := run(imported.out, "order", "-f", "-")
	want := `phase 1 (core 1): dns
phase 2 (core 2): caddy, postgresql
phase 3 (identity and security): authentik
phase 4 (core applications): guacamole, vaultwarden
phase 5 (storage and media): media, nextcloud
phase 6 (monitoring): monitoring
phase 7 (advanced): mail
`
	if diff := cmp.Diff(want, order.out); diff != "" {
		t.Error(diff)
	}
}

func TestNixIsEvaluated(t *testing.T) {
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		t.Skip("SKIPPED: nix-instantiate is not installed (Debian: apt-get install nix-bin); manifests in Nix are not tested here")
	}
	for _, name := range []string{"small", "stack"} {
		fromNix, fromJSON := run("", "import", filepath.Join(importDir, name+".nix")), run("", "import", filepath.Join(importDir, name+".json"))
		if diff := cmp.Diff(fromJSON.out, fromNix.out); diff != "" || fromNix.code != 0 {
			t.Errorf("%s: JSON and Nix differ (-json +nix): %s%s", name, diff, fromNix.err)
		}
	}
	dir := t.TempDir()
	for content, want := range map[string]string{
		`{ services = { a = { ip = "10.0.0.1"; }; }; network.network_cidr = "10.0.0.0/24"; }`:                                          "ip: 10.0.0.1",
		`args: { config.services.nixmox = { network.network_cidr = "10.0.0.0/24"; services.a.ip = "10.0.0.2"; }; }`:                    "ip: 10.0.0.2",
		`{ lib, pkgs }: { nixmox = { network.network_cidr = "10.0.0.0/24"; core_services.a = lib.mkIf true { ip = "10.0.0.3"; }; }; }`: "ip: 10.0.0.3",
		`{ services = { nixmox = { ip = "10.0.0.4"; }; }; network.network_cidr = "10.0.0.0/24"; }`:                                     "name: nixmox",
		`{ services = `:                         "cannot evaluate",
		`{ services = throw "no such thing"; }`: "no such thing",
		`[ 1 ]`:                                 "cannot evaluate",
	} {
		file := filepath.Join(dir, "manifest.nix")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := run("", "import", file); !strings.Contains(r.out+r.err, want) {
			t.Errorf("%s\n%q is not in %s%s", content, want, r.out, r.err)
		}
	}
}
