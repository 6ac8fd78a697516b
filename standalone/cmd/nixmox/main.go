// Command nixmox is NixMox without a Kubernetes cluster: `nixmox up` is a control
// plane with the controller in one process, `nixmox kubectl` the kubectl for it.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/standalone/internal/shutdown"
)

func main() {
	// kubectl parses its own command line and signals; it must not see ours.
	if len(os.Args) > 1 && os.Args[1] == "kubectl" {
		os.Exit(kubectl(os.Args[1:]))
	}
	root := &cobra.Command{
		Use:           "nixmox",
		Short:         "Run NixMox without a Kubernetes cluster",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(upCommand(), demoCommand(), kubectlHelp(), versionCommand())
	if err := root.ExecuteContext(shutdown.Context()); err != nil {
		fmt.Fprintln(os.Stderr, "nixmox:", err)
		os.Exit(1)
	}
}
