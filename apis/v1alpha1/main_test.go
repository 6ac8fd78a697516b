package v1alpha1_test

import (
	"os"
	"testing"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }
