package schedules

import (
	"flag"
	"fmt"
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

// One of each kind; `make schedules` plays as many as one likes.
func TestBadSchedules(t *testing.T) {
	for seed := uint64(1); seed <= uint64(len(Kinds)); seed++ {
		t.Run(fmt.Sprintf("%s, seed %d", KindOf(seed), seed), func(t *testing.T) {
			t.Parallel()
			Run(t, apiserver.Get(t), seed)
		})
	}
}
