package main

import (
	"fmt"

	"github.com/spf13/cobra"
	kubernetes "k8s.io/component-base/version"
)

// version of NixMox, set by the build.
var version = "dev"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of NixMox and of the Kubernetes inside",
		Args:  cobra.NoArgs,
		Run: func(command *cobra.Command, _ []string) {
			fmt.Fprintf(command.OutOrStdout(), "nixmox %s, Kubernetes %s\n", version, kubernetes.Get().GitVersion)
		},
	}
}
