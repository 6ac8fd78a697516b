package crash

import (
	"flag"
	"os"
	"slices"
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

// A fixed sample of what `make crash` tries in full: the deaths that would cost most.
func TestTheWorstMomentsToDie(t *testing.T) {
	const (
		before, after = false, true
		object        = "PATCH nixmoxservices/a"
		status        = object + "/status"
		lxc           = "/nodes/pve1/lxc"
	)
	for _, c := range []struct {
		scenario, write string
		after           bool
	}{
		{"create with volumes, and a dependent", object + " #1", after},
		{"create with volumes, and a dependent", "POST " + lxc + " #1", after},
		{"create with volumes, and a dependent", status + " #2", before},
		{"creation that fails twice", "POST " + lxc + " #2", before},
		{"creation whose call arrives late", "POST " + lxc + " #1", after},
		{"VMID taken by a stranger's container", "POST " + lxc + " #1", after},
		{"VMID taken by a virtual machine", "POST " + lxc + " #2", before},
		{"change with growth and restart", "PUT " + lxc + "/900/config #1", after},
		{"moved to another node, with a change", "POST " + lxc + "/900/migrate #1", after},
		{"moved to another node, with a change", "POST " + lxc + "/900/migrate #1", before},
		{"moved to another node, with a change", object + " #1", after},
		{"delete with Retain", "PUT " + lxc + "/900/config #1", after},
		{"delete with Delete", "DELETE " + lxc + "/900 #1", after},
		{"delete with Delete", object + " #1", before},
		{"kept container taken back", status + " #1", before},
		{"status emptied", status + " #1", after},
		{"status of yesterday restored", status + " #1", before},
		{"marker edited away", "PUT " + lxc + "/900/config #1", before},
		{"lock left behind by a creation", "POST " + lxc + " #1", after},
	} {
		point := Point{c.write, c.after}
		t.Run(c.scenario+", "+point.String(), func(t *testing.T) {
			t.Parallel()
			all := Scenarios()
			at := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == c.scenario })
			if at < 0 {
				t.Fatal("there is no such scenario")
			}
			if _, reached := all[at].Run(t, apiserver.Get(t), &point); !reached {
				t.Error("the controller never came to this write: give the sample another")
			}
		})
	}
}
