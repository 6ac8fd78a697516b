package docs

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// excuses are the commands that no test of this package runs, by how they begin, and why.
var excuses = map[string]string{
	"make demo":                             "brings a stack up for a minute; the CI entry point runs make demo-check, and test/demo runs nixmox demo",
	"make test":                             "it runs this test",
	"make build":                            "it built the programs that this test runs",
	"install -m 755 ":                       "on a Proxmox node; internal/guest/sshexec tests the wrapper behind a real sshd",
	"ssh-keygen ":                           "on a Proxmox node",
	"echo \"command=":                       "on a Proxmox node; internal/guest/sshexec tests such a line",
	"echo 'nixmox ALL":                      "on a Proxmox node",
	"ssh-keyscan ":                          "asks a Proxmox node",
	"kubectl create secret generic pve-ssh": "needs the key of a Proxmox node",
	"pveum ":                                "a Proxmox node's own command; the simulated Proxmox is given the role, user, access and token that it says",
	"openssl ":                              "reads a file of a Proxmox node",
	"docker build ":                         "builds an image, which needs a container runtime",
	"kubectl apply -k ":                     "needs a cluster that runs pods; test/manifests renders and applies all but the Deployment",
	"kubectl -n nixmox-s":                   "needs a cluster that runs pods",
	"kubectl -n argocd ":                    "needs an Argo CD; test/argocd runs the health check that it would get",
	"kubectl annotate --":                   "the controllers' tests ask for a look with this annotation",
	"kubectl nixmox ":                       "internal/cli runs what docs/cli.md shows and compares it, test/cli runs the built plugin",
	"cd hack/tools/":                        "takes a newer version of a tool, which is a change of its own",
}

// followed are the pages of which a test runs every command.
var followed = map[string]bool{tutorial: true, simulator: true}

func excused(text string) bool {
	for start := range excuses {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

func TestEveryCommandIsRunOrExcused(t *testing.T) {
	used := map[string]bool{}
	for _, page := range pages(t) {
		for _, c := range commands(read(t, page)) {
			for start := range excuses {
				used[start] = used[start] || strings.HasPrefix(c.text, start)
			}
			check := exec.CommandContext(t.Context(), "sh", "-n", "-c", c.text)
			if said, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s:%d: not a command of sh: %s", filepath.Base(page), c.line, said)
			}
			if !followed[filepath.Base(page)] && !excused(c.text) {
				t.Errorf("%s:%d: nothing runs %q: put it into docs/%s or excuse it in excuses_test.go", filepath.Base(page), c.line, c.text, tutorial)
			}
		}
	}
	for start := range excuses {
		if !used[start] {
			t.Errorf("no page has a command that begins with %q, yet it is excused", start)
		}
	}
}
