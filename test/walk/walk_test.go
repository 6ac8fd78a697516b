package walk

import (
	"flag"
	"fmt"
	"math/rand/v2"
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

// Three walks; `make walk` goes on as long as one likes.
func TestAWalkFromSpecToSpec(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			if c := Run(t, apiserver.Get(t), seed); c.Transitions == 0 || c.Invalid == 0 {
				t.Errorf("it hardly moved: %s", c)
			}
		})
	}
}

// The values follow the CRD: a new field is walked through without a change here, with a value that its schema allows.
func TestEveryFieldHasValues(t *testing.T) {
	all, err := fields()
	if err != nil || len(all) < 40 {
		t.Fatalf("%d fields: %v", len(all), err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.path] = true
		if f.valid(r) == nil || f.invalid(r) == nil {
			t.Errorf("%s has no value", f.path)
		}
	}
	for path := range meanings {
		if !seen[path] {
			t.Errorf("the CRD has no field %s any more", path)
		}
	}
}
