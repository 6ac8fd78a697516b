package faults

import (
	"flag"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// TestMain runs more worlds at once than there are processors: they wait most of the time.
func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err) // the testing package renamed its flag
	}
	os.Exit(apiserver.Main(m))
}

// Each kind of fault once, each call at least once; `make faults` tries all cells.
func TestAnswersThatGoWrong(t *testing.T) {
	changing := 6 // the calls from here on start tasks or change something
	for i := range max(len(Kinds), len(Calls)) {
		kind, call := Kinds[i%len(Kinds)], Calls[i%len(Calls)]
		if kind.Task {
			call = Calls[changing]
		}
		c := Case{call, kind, Durations[i%len(Durations)]}
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			Run(t, apiserver.Get(t), c)
		})
	}
}

func TestTheMatrixIsWhole(t *testing.T) {
	if n := len(Cases()); n != (14*12+6)*3 {
		t.Errorf("%d cells", n)
	}
	for _, c := range []struct {
		method, path, call string
	}{
		{"GET", "/nodes/pve1/tasks/UPID:pve1:1:2:3:vzcreate:900:nixmox@pve!ctl:/status", "task"}, {"GET", "/nodes/pve1/tasks", "tasks"},
		{"POST", "/nodes/pve1/lxc", "create"}, {"DELETE", "/nodes/pve1/lxc/900", "destroy"}, {"POST", "/nodes/pve1/lxc/900/migrate", "migrate"}, {"PUT", "/nodes/pve1/lxc/900/config", "configure"},
	} {
		for _, call := range Calls {
			if call.matches(c.method, c.path) != (call.Name == c.call) {
				t.Errorf("%s %s is or is not %s", c.method, c.path, call.Name)
			}
		}
	}
}
