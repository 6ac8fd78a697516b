package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

const (
	fakeToken = "root@pam!node=00000000-0000-0000-0000-00000000root"
	fakeNode  = "pve1"
)

// fake builds test/fakepve once: it is small, and starts faster than this test binary would.
var fake = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fakepve")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "fakepve")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./test/fakepve")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "HOME="+home)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// node is a simulated Proxmox node on which scripts run.
type node struct {
	t   *testing.T
	sim *pvesimtest.Server
	env []string
	log string
}

func newNode(t *testing.T) *node {
	t.Helper()
	content, err := os.ReadFile("config/samples/demo/world.json")
	if err != nil {
		t.Fatal(err)
	}
	var world map[string]any
	if err := json.Unmarshal(content, &world); err != nil {
		t.Fatal(err)
	}
	id, secret, _ := strings.Cut(fakeToken, "=")
	world["tokens"].(map[string]any)["root"] = map[string]any{"id": id, "secret": secret, "privsep": 0}
	world["users"].(map[string]any)["root@pam"] = map[string]any{"acl": map[string]any{"/": "Administrator"}}
	delete(world, "loopback")
	content, err = json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, sim: pvesimtest.Start(t, pvesimtest.World(t, string(content)), pvesim.Options{TimeScale: 100}), log: filepath.Join(t.TempDir(), "calls")}
	control := httptest.NewServer(n.sim.ControlHandler())
	t.Cleanup(control.Close)
	bin := t.TempDir()
	self, err := fake()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pct", "pvesh"} {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "hostname"), []byte("#!/bin/sh\necho "+fakeNode+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	n.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NIXMOX_PAUSE=0.05",
		"NIXMOX_FAKE_URL="+n.sim.URL, "NIXMOX_FAKE_CONTROL="+control.URL, "NIXMOX_FAKE_TOKEN="+fakeToken, "NIXMOX_FAKE_LOG="+n.log)
	return n
}

// sh runs a script's text with arguments.
func (n *node) sh(text string, args ...string) (out string, code int) {
	n.t.Helper()
	file := filepath.Join(n.t.TempDir(), "script.sh")
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		n.t.Fatal(err)
	}
	return n.program(file, args...)
}

func (n *node) program(file string, args ...string) (out string, code int) {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), file, args...)
	cmd.Env = n.env
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		n.t.Fatal(err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

// creates are the arguments of each `pct create` so far, by service.
func (n *node) creates() map[string]map[string]string {
	n.t.Helper()
	content, err := os.ReadFile(n.log)
	if err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		var words []string
		if line == "" || json.Unmarshal([]byte(line), &words) != nil || len(words) < 4 || words[0] != "pct" || words[1] != "create" {
			continue
		}
		params := map[string]string{"vmid": words[2], "ostemplate": words[3]}
		for i := 4; i+1 < len(words); i += 2 {
			params[strings.TrimPrefix(words[i], "--")] = words[i+1]
		}
		m, _, _ := marker.Parse(params["description"])
		all[m.Service] = params
	}
	return all
}

// written is a script as the command writes it.
func written(t *testing.T, args string) string {
	t.Helper()
	r := run("", strings.Fields("script "+args)...)
	if r.code != 0 {
		t.Fatal(r.err)
	}
	return r.out
}

func TestTheStackComesUpAndDownByScripts(t *testing.T) {
	n := newNode(t)
	// A stranger's container at the first number, with our tag, and a clone of ours with the marker of its original.
	stranger := map[string]string{"hostname": "stranger", "tags": "nixmox", "rootfs": "local-zfs:subvol-900-disk-0,size=1G", "description": "hands off"}
	clone := marker.Marker{Instance: "home", Host: "default/default", Service: "default/dns", VMID: 950, State: marker.Live}
	for vmid, config := range map[int]map[string]string{900: stranger, 951: {"hostname": "clone", "tags": "nixmox", "rootfs": "local-zfs:subvol-951-disk-0,size=1G", "description": clone.Render("")}} {
		if err := n.sim.AddGuest(pvesim.Guest{VMID: vmid, Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	deploy := written(t, "deploy -f "+stackDir)

	out, code := n.sh(deploy, "--dry-run")
	if code != 0 || len(n.creates()) != 0 || !strings.Contains(out, "nothing was done") || strings.Count(out, "pct create") != 10 {
		t.Fatalf("dry run: exit %d, %d containers made\n%s", code, len(n.creates()), out)
	}
	if out, code = n.sh(deploy); code != 0 {
		t.Fatalf("deploy: exit %d\n%s", code, out)
	}
	checkGates(t, out)
	creates := n.creates()
	if len(creates) != 10 {
		t.Fatalf("%d containers were made:\n%s", len(creates), out)
	}
	checkSameContainers(t, creates)

	out, code = n.sh(deploy)
	if again := n.creates(); code != 0 || len(n.sim.Containers()) != 12 || !maps.EqualFunc(again, creates, func(a, b map[string]string) bool { return a["vmid"] == b["vmid"] }) {
		t.Fatalf("a second deploy made something: exit %d, %d containers\n%s", code, len(n.sim.Containers()), out)
	}

	if out, code = n.sh(written(t, "health -f "+stackDir), "--comprehensive"); code != 0 || !strings.Contains(out, "10 of 10 healthy") {
		t.Errorf("health: exit %d\n%s", code, out)
	}
	if out, code = n.sh(written(t, "monitor -f "+stackDir), "--once"); code != 0 || strings.Count(out, ": healthy (container ") != 10 {
		t.Errorf("monitor: exit %d\n%s", code, out)
	}
	if out, code = n.sh(written(t, "plan -f "+stackDir)); code != 0 || strings.Contains(out, "pct ") {
		t.Errorf("plan of what is up: exit %d\n%s", code, out)
	}

	rollback := written(t, "rollback -f "+stackDir)
	if out, code = n.sh(rollback, "--destroy"); code != 0 || strings.Count(out, "is kept (deletionPolicy: Retain)") != 10 {
		t.Errorf("rollback: exit %d\n%s", code, out)
	}
	if mail, dns := strings.Index(out, "default/mail: shut"), strings.Index(out, "default/dns: shut"); mail < 0 || dns < mail {
		t.Errorf("not in reverse order:\n%s", out)
	}
	for _, c := range n.sim.Containers() {
		if c.Running {
			t.Errorf("%d still runs", c.VMID)
		}
	}
	if len(n.sim.Containers()) != 12 {
		t.Errorf("a container is gone")
	}
	if out, code = n.sh(written(t, "health -f "+stackDir)); code != 1 || !strings.Contains(out, "default/dns: stopped") {
		t.Errorf("health of what is down: exit %d\n%s", code, out)
	}
	if out, code = n.sh(deploy); code != 0 || len(n.sim.Containers()) != 12 {
		t.Errorf("deploy after a rollback: exit %d\n%s", code, out)
	}
}

// checkGates: before a phase begins, everything of the phases before is healthy.
func checkGates(t *testing.T, out string) {
	t.Helper()
	brought, healthy := map[string]bool{}, map[string]bool{}
	for _, line := range strings.Split(out, "\n") {
		switch {
		case strings.HasPrefix(line, "phase "):
			for name := range brought {
				if !healthy[name] {
					t.Errorf("%s begins, and %s is not healthy yet:\n%s", line, name, out)
				}
			}
		case strings.Contains(line, ": create container "):
			name, _, _ := strings.Cut(line, ":")
			brought[name] = true
		case strings.HasSuffix(line, " is healthy"):
			healthy[strings.TrimSuffix(strings.TrimSpace(line), " is healthy")] = true
		}
	}
	if len(healthy) != 10 {
		t.Errorf("%d services became healthy:\n%s", len(healthy), out)
	}
}

// checkSameContainers compares what pct was asked for with what the controller asks the API for.
func checkSameContainers(t *testing.T, creates map[string]map[string]string) {
	t.Helper()
	st := loaded(t, stackDir)
	s := st.sets[0]
	for _, k := range s.report.Order() {
		d, err := desired.Container(s.host, s.service(k), s.report.Level(k))
		if err != nil {
			t.Fatal(err)
		}
		got := creates[k.String()]
		m, _, _ := marker.Parse(got["description"])
		if m.State != marker.Live || m.Instance != "home" || m.Host != "default/default" {
			t.Errorf("%s: the marker is %+v", k, m)
		}
		want := map[string]string(execute.CreateParams(d, marker.Marker{Instance: "home", Host: "default/default", Service: k.String(), VMID: m.VMID, State: marker.Live}))
		want["vmid"] = got["vmid"]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the controller and the script make different containers (-controller +script):\n%s", k, diff)
		}
	}
}

func TestScriptsInAFolder(t *testing.T) {
	n := newNode(t)
	dir := filepath.Join(t.TempDir(), "deploy")
	r := run("", "script", "deploy", "-f", stackDir, "--dir", dir)
	if r.code != 0 || !strings.Contains(r.out, filepath.Join(dir, "01-infrastructure", "dns.sh")) || strings.Count(r.out, "\n") != 11 {
		t.Fatalf("%+v", r)
	}
	if out, code := n.program(filepath.Join(dir, "deploy.sh")); code != 0 || len(n.sim.Containers()) != 10 {
		t.Errorf("exit %d, %d containers\n%s", code, len(n.sim.Containers()), out)
	}
}

func TestAPartOfTheStack(t *testing.T) {
	one := written(t, "deploy --service caddy -f "+stackDir)
	phase := written(t, "deploy --phase 1 -f "+stackDir)
	made := regexp.MustCompile(`(?m)^create_[0-9]+\(`)
	if a, b := len(made.FindAllString(one, -1)), len(made.FindAllString(phase, -1)); a != 1 || b != 3 {
		t.Errorf("%d services in the script of one, %d in that of phase 1", a, b)
	}
	if r := run("", "script", "deploy", "--phase", "9", "-f", stackDir); r.code != 1 || !strings.Contains(r.err, "the phases are 1 to 6") {
		t.Errorf("%+v", r)
	}
	if r := run("", "script", "deploy", "-f", brokenDir); r.code != 1 || !strings.Contains(r.err, "Circular dependency detected: service-a") {
		t.Errorf("%+v", r)
	}
}

func TestAnUnhealthyServiceEndsTheDeployment(t *testing.T) {
	n := newNode(t)
	text := strings.ReplaceAll(written(t, "deploy --service dns -f "+stackDir), "unbound", "no-such-unit")
	text = regexp.MustCompile(`startup_timeout=[0-9]+`).ReplaceAllString(text, "startup_timeout=1")
	if out, code := n.sh(text); code != 1 || !strings.Contains(out, "Error: default/dns is not healthy after 1s: systemctl is-active --quiet no-such-unit") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// checked are services of which little is said, as the controller would check them: by what is known of their names, by a check for the start,
// and in layers.
const checked = `
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxHost
metadata: {name: default}
spec:
  endpoints: ["https://pve:8006"]
  credentialsRef: {name: c}
  network: {cidr: 192.168.99.0/24, domain: nixmox.lan}
  defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs}
  health: {timeout: 7s, startupTimeout: 90s}
  rollout: {degraded: Proceed}
---
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: postgresql}
spec: {ip: 192.168.99.11, hostname: postgresql}
---
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: dns}
spec: {ip: 192.168.99.13, hostname: dns, health: {comprehensive: true, startupTimeout: 2s}}
---
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: caddy}
spec: {ip: 192.168.99.10, hostname: caddy, health: {startup: "systemctl is-active --quiet caddy", liveness: "http://localhost:2019/health"}}
---
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: plain}
spec: {ip: 192.168.99.30, hostname: plain}
`

func TestScriptsCheckAsTheControllerDoes(t *testing.T) {
	of := func(kind, manifests string) string {
		r := run(manifests, "script", kind, "-f", "-")
		if r.code != 0 {
			t.Fatal(r.err)
		}
		return r.out
	}
	deploy, health := of("deploy", checked), of("health", checked)
	shellcheck(t, deploy, health, of("monitor", checked))
	for text, parts := range map[string][]string{
		deploy: {"\tpasses 'systemctl is-active --quiet postgresql'\n}", "startup_timeout=90", "startup_timeout=2", "check_timeout=7", "\tpasses 'systemctl is-active --quiet caddy'\n}", "\tcheck=runs\n",
			"check_text='comprehensive, 3 layers'"},
		health: {`inside "$(ask_http)" http://localhost:2019/health http://localhost:2019/health caddy.nixmox.lan`, "check_text=http://localhost:2019/health"},
	} {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in\n%s", part, text)
			}
		}
	}

	n := newNode(t)
	if out, code := n.sh(of("deploy", strings.Replace(checked, "degraded: Proceed", "degraded: Hold", 1))); code != 1 ||
		!strings.Contains(out, "Error: default/dns is only degraded after 2s, and rollout.degraded of the host is Hold: comprehensive, 3 layers") {
		t.Errorf("degraded with Hold: exit %d\n%s", code, out)
	}
	out, code := n.sh(deploy)
	for _, want := range []string{"default/dns is degraded", "default/postgresql is healthy", "default/caddy is healthy", "default/plain is healthy", "all 4 services are up"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, and %q is to be in\n%s", code, want, out)
		}
	}
	// Nothing listens at port 53 of the simulated resolver, and no simulated container has folders.
	out, code = n.sh(health, "--comprehensive")
	for _, want := range []string{"default/dns: degraded (all layers)\n  systemd: healthy\n  tcp: unhealthy\n", "default/plain: healthy (all layers)\n  own: healthy\n", "  filesystem: unhealthy\n", "4 of 4 healthy"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, and %q is to be in\n%s", code, want, out)
		}
	}
	if out, code := n.sh(health); code != 0 || !strings.Contains(out, "default/caddy: healthy (http://localhost:2019/health)") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// A container that somebody made is not taken over by a script, and another is not made in its place.
func TestScriptsDoNotAdopt(t *testing.T) {
	n := newNode(t)
	r := run(strings.Replace(checked, "hostname: plain", "hostname: plain, vmid: 120, adopt: true", 1), "script", "deploy", "-f", "-", "--service", "plain")
	out, code := n.sh(r.out)
	if code != 1 || !strings.Contains(out, "Error: default/plain takes over container 120, which a controller does and this script does not") || len(n.sim.Containers()) > 0 {
		t.Errorf("exit %d\n%s%s", code, out, r.err)
	}
}

// hostile is what a manifest may say and a shell would obey.
const hostile = `
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxHost
metadata: {name: default}
spec:
  endpoints: ["https://pve:8006"]
  credentialsRef: {name: c}
  network: {cidr: 10.0.0.0/24, sshPublicKeys: ["ssh-ed25519 AAAA '$(touch /tmp/x)'\"` + "`id`" + `\" !#"]}
  defaults: {template: "local:vztmpl/it's_$(id).tar.xz", storage: local-zfs}
  phases: [{name: "'; $(id) \n#\u001b[31m", services: [a]}]
---
apiVersion: nixmox.dev/v1alpha1
kind: NixMoxService
metadata: {name: a}
spec:
  ip: 10.0.0.2
  hostname: a
  healthCheck: "printf '%s' \"$(echo 'x' | sed s/x/y/)\" \\\\ ; test -n '\n' # end"
  volumes: [{name: data, mountPath: "/srv/$HOME'\"` + "`x`" + `;&|*?", size: 1Gi}]
`

func TestHostileValuesAreData(t *testing.T) {
	var texts []string
	for _, kind := range []string{"deploy", "rollback", "monitor", "health"} {
		r := run(hostile, "script", kind, "-f", "-")
		if r.code != 0 {
			t.Fatal(r.err)
		}
		texts = append(texts, r.out)
	}
	shellcheck(t, texts...)
	n := newNode(t)
	r := run(hostile, "script", "deploy", "-f", "-")
	out, code := n.sh(r.out, "--dry-run")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for _, want := range []string{`'local:vztmpl/it'\''s_$(id).tar.xz'`, `mp=/srv/$HOME'\''"` + "`x`" + `;&|*?`} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}

func TestShellcheckOfEveryScript(t *testing.T) {
	var texts []string
	for _, kind := range []string{"deploy", "rollback", "monitor", "health", "plan"} {
		folder := filepath.Join(t.TempDir(), "x")
		written(t, kind+" -f "+smallDir+" --dir "+folder)
		content, err := os.ReadFile(filepath.Join(folder, kind+".sh"))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, written(t, kind+" -f "+stackDir), string(content))
	}
	shellcheck(t, append(texts, written(t, "deploy -f "+smallDir))...)
}

func shellcheck(t *testing.T, texts ...string) {
	t.Helper()
	path, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("SKIPPED: shellcheck is not installed (Debian: apt-get install shellcheck); the scripts are not checked here")
	}
	args := []string{"-s", "sh"}
	for i, text := range texts {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("%d.sh", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

func TestScriptGolden(t *testing.T) {
	for name, args := range map[string]string{
		"script-deploy-small":   "script deploy -f " + smallDir,
		"script-rollback-small": "script rollback -f " + smallDir,
		"script-unknown":        "script conquer -f " + smallDir,
	} {
		words := strings.Fields(args)
		golden(t, name, run("", words...).transcript(words))
	}
}
