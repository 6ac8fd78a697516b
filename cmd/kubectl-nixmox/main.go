// Command kubectl-nixmox is the kubectl plugin: `kubectl nixmox` finds it on the PATH.
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // login methods that a kubeconfig may ask for
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"

	"github.com/nixmox/nixmox-controller/internal/cli"
)

// version is stamped by the build.
var version = "dev"

func main() { os.Exit(cli.Main(signals.SetupSignalHandler(), "kubectl nixmox", version)) }
