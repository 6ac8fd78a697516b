package controllers_test

import (
	"flag"
	"os"
	"testing"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

func TestMain(m *testing.M) {
	// Tests here wait much more than they compute.
	_ = flag.Set("test.parallel", "12")
	os.Exit(apiserver.Main(m))
}
