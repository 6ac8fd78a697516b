package v1alpha1_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// kubectl is the one inside bin/nixmox, against the package's API server; it works in a namespace of the test.
func kubectl(t *testing.T) func(stdin string, args ...string) string {
	t.Helper()
	bin := os.Getenv("NIXMOX_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "bin", "nixmox")
	}
	s := apiserver.Get(t)
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: s.Config.Host, CertificateAuthority: s.Config.CAFile, CertificateAuthorityData: s.Config.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: s.Config.CertData, ClientKeyData: s.Config.KeyData,
		ClientCertificate: s.Config.CertFile, ClientKey: s.Config.KeyFile, Token: s.Config.BearerToken,
	}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: s.Namespace(t)}
	config.CurrentContext = "test"
	dir := t.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), bin, append([]string{"kubectl", "--kubeconfig", kubeconfig, "--cache-dir", dir}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}

var gap = regexp.MustCompile(`  +`)

func columns(line string) []string { return gap.Split(strings.TrimSpace(line), -1) }

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func TestColumns(t *testing.T) {
	run := kubectl(t)
	run(plainService+"\n---"+plainHost, "apply", "-f", "-")
	for _, c := range []struct{ args, want string }{
		{"get nms", "NAME READY STATE HEALTH PHASE IP VMID AGE"},
		{"get nms -o wide", "NAME READY STATE HEALTH PHASE IP VMID AGE NODE HOSTNAME WAITING_FOR MESSAGE"},
		{"get nmh", "NAME ENDPOINT VERSION PHASE SERVICES READY AGE"},
		{"get nmh -o wide", "NAME ENDPOINT VERSION PHASE SERVICES READY AGE MESSAGE"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := columns(firstLine(run("", strings.Fields(c.args)...)))
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], " ", "_")
			}
			if line := strings.Join(got, " "); line != c.want {
				t.Errorf("%s\nwant\n%s", line, c.want)
			}
		})
	}
}

// The rows of a service and a host that nobody looked at yet, and of a service that waits.
func TestRows(t *testing.T) {
	run := kubectl(t)
	run(plainService+"\n---"+plainHost, "apply", "-f", "-")
	if got := run("", "get", "nms", "--no-headers"); !strings.HasPrefix(strings.Join(columns(got), " "), "app Unknown Pending 192.168.1.11 ") {
		t.Errorf("a new service: %q", got)
	}
	if got := run("", "get", "nmh", "--no-headers"); !strings.HasPrefix(strings.Join(columns(got), " "), "default https://pve1.lan:8006 Unknown ") {
		t.Errorf("a new host: %q", got)
	}
	run("", "patch", "nms", "app", "--subresource=status", "--type=merge", "-p",
		`{"status": {"state": "Waiting", "health": "Unknown", "phase": 2, "vmid": 901, "node": "pve1", "waitingFor": ["dns", "postgresql"],
		  "conditions": [{"type": "Ready", "status": "False", "reason": "WaitingForDependency", "message": "Waiting for dns and postgresql", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}`)
	got := columns(run("", "get", "nms", "-o", "wide", "--no-headers"))
	got[7] = "AGE"
	want := `app|False|Waiting|Unknown|2|192.168.1.11|901|AGE|pve1|app.example.com|["dns","postgresql"]|Waiting for dns and postgresql`
	if line := strings.Join(got, "|"); line != want {
		t.Errorf("a service that waits:\n%s\nwant\n%s", line, want)
	}
}

func TestNamesThatKubectlKnows(t *testing.T) {
	run := kubectl(t)
	run(plainService+"\n---"+plainHost, "apply", "-f", "-")
	for args, want := range map[string]string{
		"nms":            "nixmoxservice.nixmox.dev/app",
		"nixmoxservices": "nixmoxservice.nixmox.dev/app",
		"nixmoxservice":  "nixmoxservice.nixmox.dev/app",
		"nmh":            "nixmoxhost.nixmox.dev/default",
		"nixmoxhosts":    "nixmoxhost.nixmox.dev/default",
		"nixmox":         "nixmoxhost.nixmox.dev/default nixmoxservice.nixmox.dev/app",
	} {
		if got := strings.Join(strings.Fields(run("", "get", args, "-o", "name")), " "); got != want {
			t.Errorf("kubectl get %s: %s, want %s", args, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	run := kubectl(t)
	for field, words := range map[string][]string{
		"nms":                  {"the wish for one LXC container", "spec", "status"},
		"nms.spec.healthCheck": {"<string>", "tcp:PORT", "2xx or 3xx", "a command in the container that exits 0", "Omitted"},
		"nms.spec.volumes":     {"<[]Object>", "mountPath", "-required-"},
		"nmh.spec.rollout":     {"maxConcurrent", "Phase", "Dependencies", "(default 4)"},
		"nmh.spec.tls":         {"/etc/pve/pve-root-ca.pem", "SHA-256"},
	} {
		got := strings.Join(strings.Fields(run("", "explain", field)), " ")
		for _, word := range words {
			if !strings.Contains(got, word) {
				t.Errorf("kubectl explain %s does not say %q:\n%s", field, word, got)
			}
		}
	}
}
