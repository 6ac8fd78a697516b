package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/standalone/internal/controlplane"
	"github.com/nixmox/nixmox-controller/standalone/internal/logging"
)

func upCommand() *cobra.Command {
	var opts controlplane.Options
	command := &cobra.Command{
		Use:   "up",
		Short: "Run a Kubernetes API and the NixMox controller in this process",
		Long: `Run a Kubernetes API with the NixMox resources, and the NixMox controller,
in this process. No cluster, no container and no root is needed.

When everything is ready, one line on standard output says so, and the
kubeconfig is there. Logs go to standard error. SIGTERM or Ctrl-C ends it.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			logging.Setup(opts.Verbosity)
			opts.Ready = command.OutOrStdout()
			if opts.Kubeconfig == "" {
				opts.Kubeconfig = filepath.Join(opts.DataDir, kubeconfigName)
			}
			err := controlplane.Run(command.Context(), opts)
			if errors.Is(err, context.Canceled) {
				return nil // asked to stop before it was ready
			}
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&opts.DataDir, "data-dir", defaultDataDir(), "directory that keeps everything; made when missing")
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:6443", "HOST:PORT on which the API is served with TLS; port 0 picks a free one")
	flags.StringVar(&opts.Kubeconfig, "kubeconfig", "", "file to write the administrator's kubeconfig to, mode 0600 (default DATA-DIR/"+kubeconfigName+")")
	flags.BoolVar(&opts.NoController, "no-controller", false, "only the API; the controller runs elsewhere or not at all")
	flags.IntVarP(&opts.Verbosity, "verbosity", "v", 0, "0 logs what the controller does, warnings and errors; 1 also what goes on besides, up to 9")
	developmentFlags(command, &opts)
	return command
}

// developmentFlags connect the controller to a simulator instead of a Proxmox, as the flags of the same names of bin/controller do.
func developmentFlags(command *cobra.Command, opts *controlplane.Options) {
	var dev app.Development
	flags := command.Flags()
	flags.StringVar(&dev.AddressMap, "development-address-map", "", "DEVELOPMENT ONLY: container addresses and the loopback addresses that a simulator answers at, such as 192.168.99.0/24=127.0.99.0/24")
	command.PreRunE = func(*cobra.Command, []string) error {
		if dev.AddressMap != "" {
			opts.Development = &dev
		}
		return nil
	}
}
