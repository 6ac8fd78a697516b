package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// patience is for a machine that has other things to do.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	os.Exit(apiserver.Main(m))
}

// lab is a namespace of a real API server with a simulated Proxmox, a controller, and the built plugin to look at both.
type lab struct {
	*testlab.Lab
	*cluster
}

func newLab(t *testing.T, o testlab.Options) *lab {
	t.Helper()
	api := apiserver.Get(t)
	if api.Kubeconfig == "" {
		t.Skip("SKIPPED: this API server has no kubeconfig for other programs")
	}
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Lab: testlab.New(t, api, o)}
	l.cluster = &cluster{t: t, kubeconfig: api.Kubeconfig, bin: bin, namespace: l.Namespace}
	controller := l.StartController(testlab.ControllerOptions{Log: logr.Discard(), Timing: testlab.Impatient})
	t.Cleanup(func() {
		if err := controller.Stop(); err != nil {
			t.Error(err)
		}
		for _, err := range l.Broken() {
			t.Error(err)
		}
	})
	return l
}

// eventually waits for a condition.
func (l *lab) eventually(what string, so func() bool) {
	l.t.Helper()
	if wait.PollUntilContextTimeout(l.t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return so(), nil }) != nil {
		l.t.Fatalf("not within %v: %s", patience, what)
	}
}

func (l *lab) ready(names ...string) {
	l.t.Helper()
	for _, name := range names {
		var last *v1alpha1.NixMoxService
		if wait.PollUntilContextTimeout(l.t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			last = l.Get(name)
			return testlab.IsReady(last), nil
		}) != nil {
			l.t.Fatalf("service %s is not ready within %v: %+v", name, patience, last)
		}
	}
}

// kubectl runs the program's own kubectl in the lab's namespace.
func (l *lab) kubectl(args ...string) string {
	l.t.Helper()
	out, code := l.program(filepath.Join(l.bin, "nixmox"), append([]string{"kubectl", "-n", l.Namespace}, args...)...)
	if code != 0 {
		l.t.Fatalf("kubectl %v: exit code %d\n%s", args, code, out)
	}
	return out
}
