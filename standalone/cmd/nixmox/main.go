// Command nixmox is NixMox without a Kubernetes cluster: `nixmox up` is a control
// plane with the controller in one process, `nixmox kubectl` the kubectl for it.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/nixmox/nixmox-controller/internal/cli"
	"github.com/nixmox/nixmox-controller/standalone/internal/shutdown"
)

func main() {
	// kubectl parses its own command line and signals; it must not see ours.
	if len(os.Args) > 1 && os.Args[1] == "kubectl" {
		os.Exit(kubectl(os.Args[1:]))
	}
	root := &cobra.Command{
		Use:           "nixmox",
		Short:         "Run NixMox without a Kubernetes cluster, and look at its manifests and services",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(upCommand(), demoCommand(), kubectlHelp(), versionCommand())
	useDefaultKubeconfig()
	cli.AddTo(root, genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}, version)
	os.Exit(cli.Exit(root.ExecuteContext(shutdown.Context()), os.Stderr))
}
