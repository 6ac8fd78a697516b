package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

var update = flag.Bool("update", false, "write what the commands print into testdata/golden")

// home is where the tools of a test keep their caches; the commands see none.
var home string

// TestMain runs all tests in the repository's folder, so that paths are those that a reader types there, without any cluster.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := os.Chdir(filepath.Join("..", "..")); err != nil {
		panic(err)
	}
	home = os.Getenv("HOME")
	for _, name := range []string{"KUBECONFIG", "HOME"} {
		_ = os.Setenv(name, "/nonexistent")
	}
	os.Exit(m.Run())
}

// loaded reads manifests as the commands do.
func loaded(t *testing.T, dir string) *stack {
	t.Helper()
	p := &program{IOStreams: genericiooptions.NewTestIOStreamsDiscard(), config: configFlags()}
	from := source{}
	from.files.Filenames = []string{dir}
	st, err := p.load(t.Context(), &from)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// result is what a command printed and how it ended.
type result struct {
	out, err string
	code     int
}

// run is the plugin with a command line, in this process.
func run(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	root := Root(genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errs}, "kubectl nixmox", "v0.0.0-test")
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	code := Exit(root.ExecuteContext(context.Background()), &errs)
	return result{out.String(), errs.String(), code}
}

// transcript is the result as a terminal shows it, with its exit code where that is not 0.
func (r result) transcript(args []string) string {
	text := "$ kubectl nixmox " + strings.Join(args, " ") + "\n" + r.out + r.err
	if r.code != 0 {
		text += fmt.Sprintf("exit code %d\n", r.code)
	}
	return text
}

// golden compares with testdata/golden, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("internal", "cli", "testdata", "golden", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./internal/cli -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; take over with go test ./internal/cli -update):\n%s", name, diff)
	}
}

const (
	stackDir  = "config/samples/stack"
	smallDir  = "config/samples/small"
	brokenDir = "internal/cli/testdata/broken"
)

func TestCommandsOnManifests(t *testing.T) {
	for name, args := range map[string]string{
		"validate-stack":       "validate -f " + stackDir,
		"validate-small":       "validate -f " + smallDir,
		"validate-broken":      "validate -f " + brokenDir,
		"validate-broken-json": "validate -o json -f " + brokenDir,
		"validate-nowhere":     "validate -f no/such/folder",
		"validate-nothing":     "validate -f config/samples/demo",
		"validate-no-cluster":  "validate",
		"order-stack":          "order -f " + stackDir,
		"order-stack-reverse":  "order --reverse -f " + stackDir,
		"order-stack-yaml":     "order -o yaml -f " + stackDir,
		"order-small":          "order -f " + smallDir,
		"order-broken":         "order -f " + brokenDir,
		"deps-mail":            "deps mail -f " + stackDir,
		"deps-dns-reverse":     "deps dns --reverse -f " + stackDir,
		"deps-json":            "deps nextcloud -o json -f " + stackDir,
		"deps-unknown":         "deps nobody -f " + stackDir,
		"deps-broken":          "deps service-b -f " + brokenDir,
		"graph-tree":           "graph -f " + stackDir,
		"graph-dot":            "graph -o dot -f " + stackDir,
		"graph-mermaid":        "graph -o mermaid -f " + smallDir,
		"graph-broken":         "graph -o dot -f " + brokenDir,
		"graph-format":         "graph -o png -f " + stackDir,
		"plan-stack":           "plan -f " + stackDir,
		"plan-small":           "plan -f " + smallDir,
		"plan-small-json":      "plan -o json -f " + smallDir,
		"plan-exit-code":       "plan --exit-code -f " + smallDir,
		"plan-broken":          "plan -f " + brokenDir,
		"doctor-stack":         "doctor -f " + stackDir,
		"doctor-broken":        "doctor -f " + brokenDir,
		"new-service":          "new vaultwarden --depends-on postgresql,caddy --ip 192.168.1.14",
		"new-host":             "new default --host",
		"new-bad-name":         "new Bad_Name",
		"help":                 "--help",
		"unknown-command":      "conquer",
		"unknown-flag":         "validate --frobnicate",
		"no-argument":          "deps",
		"too-many-arguments":   "import a.json b.json",
		"a-file-without-f":     "order " + stackDir,
		"no-kind-of-script":    "script",
		"adopt-not-direct":     "adopt",
		"status-no-cluster":    "status",
		"version":              "version",
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(args)
			golden(t, name, run("", words...).transcript(words))
		})
	}
}

func TestWhatNewWritesIsValid(t *testing.T) {
	for _, args := range [][]string{
		{"new", "default", "--host"},
		{"new", "web", "--health-check", `sh -c "test \"$X\" = 'y: z #'"`, "--hostname", "web.example.com"},
	} {
		written := run("", args...)
		if written.code != 0 {
			t.Fatalf("%v: %s", args, written.err)
		}
		if judged := run(written.out, "validate", "-f", "-"); judged.code != 0 {
			t.Errorf("%v wrote\n%s\nof which validate says\n%s", args, written.out, judged.err)
		}
	}
}

func TestProblemsOfStandardInputAndNamespaces(t *testing.T) {
	host := func(namespace string) string {
		return "---\napiVersion: nixmox.dev/v1alpha1\nkind: NixMoxHost\nmetadata: {name: default, namespace: " + namespace +
			"}\nspec: {endpoints: [\"https://pve:8006\"], credentialsRef: {name: c}, network: {cidr: 10.0.0.0/24}}\n"
	}
	web := func(namespace string) string {
		return "---\napiVersion: nixmox.dev/v1alpha1\nkind: NixMoxService\nmetadata: {name: web, namespace: " + namespace + "}\nspec: {ip: 10.0.0.2, hostname: web}\n"
	}
	two := host("one") + host("two") + web("one") + web("two")
	if r := run(two, "validate", "-f", "-"); r.code != 0 || r.out != "one/default: valid, 1 service in 1 phase\ntwo/default: valid, 1 service in 1 phase\n" {
		t.Errorf("the same address on two hosts is no duplicate: %+v", r)
	}
	if r := run(two, "deps", "web", "-f", "-"); !strings.Contains(r.err, "write its namespace too: one/web, two/web") {
		t.Errorf("an ambiguous name: %+v", r)
	}
	if r := run(two, "deps", "two/web", "-f", "-"); r.code != 0 || r.out != "web\n" {
		t.Errorf("a name with its namespace: %+v", r)
	}
	twice := web("one") + host("one") + host("one") + web("one")
	r := run(twice, "validate", "-f", "-")
	for _, want := range []string{"NixMoxHost default: defined twice; keep one\n", "Error: Duplicate services: web\n  web is defined 2 times; keep one\n"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("%q is not in %s", want, r.err)
		}
	}
	guest := strings.Replace(web("two"), "spec: {", "spec: {hostRef: {namespace: one, name: default}, ", 1)
	open := strings.Replace(host("one"), "spec: {", "spec: {allowedNamespaces: {from: Selector, selector: {matchLabels: {team: web}}}, phases: [{name: first, services: [web]}], ", 1)
	if r := run(open+guest, "order", "-f", "-"); r.code != 0 || r.out != "phase 1 (first): two/web\n" {
		t.Errorf("a service of a namespace whose labels are not known: %+v", r)
	}
	namespace := "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: two, labels: {team: web}}\n"
	if r := run(namespace+open+guest, "order", "-f", "-"); r.code != 0 || r.out != "phase 1 (first): two/web\n" {
		t.Errorf("a service of a namespace with the label: %+v", r)
	}
	if r := run(strings.Replace(namespace, "web", "db", 1)+open+guest, "validate", "-f", "-"); r.code != 1 || !strings.Contains(r.err, "does not allow services of namespace two") {
		t.Errorf("a service of a namespace with another label: %+v", r)
	}
	if r := run(host("one")+guest, "validate", "-f", "-"); r.code != 1 || !strings.Contains(r.err, "Error: NixMoxService two/web: NixMoxHost one/default does not allow services of namespace two") {
		t.Errorf("a service that its host does not allow: %+v", r)
	}
	if r := run(guest, "order", "-f", "-"); r.code != 0 || r.out != "phase 1: two/web\n" || !strings.Contains(r.err, "NixMoxHost one/default is not among the manifests") {
		t.Errorf("a service whose host is elsewhere: %+v", r)
	}
	if r := run(strings.ReplaceAll(web("one"), ", namespace: one", ""), "validate", "-n", "elsewhere", "-f", "-"); !strings.Contains(r.err, "NixMoxHost elsewhere/default is not among") {
		t.Errorf("-n: %+v", r)
	}
}
