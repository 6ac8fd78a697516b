package controllers_test

import (
	"flag"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// TestMain runs more tests at once than there are processors: each has a world of its own, and all of them wait most of the time.
func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard()) // of what has no logger of a lab
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err) // the testing package renamed its flag
		}
	}
	os.Exit(apiserver.Main(m))
}
