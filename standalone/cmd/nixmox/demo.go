package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nixmox/nixmox-controller/standalone/internal/demo"
	"github.com/nixmox/nixmox-controller/standalone/internal/logging"
)

func demoCommand() *cobra.Command {
	var opts demo.Options
	command := &cobra.Command{
		Use:   "demo",
		Short: "Bring a ten-service stack up on a simulated Proxmox, and stay",
		Long: `Bring a ten-service stack up, phase by phase, on a Kubernetes API, the NixMox
controller and a simulated Proxmox, all in this process. No Proxmox is needed
and none is touched. Ctrl-C ends it; the state is kept for the next start.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var err error
			if opts.DataDir, err = filepath.Abs(opts.DataDir); err != nil {
				return fmt.Errorf("find the data directory: %w", err)
			}
			log, err := divertLogs(opts)
			if err != nil {
				return err
			}
			defer log.Close()
			logging.Setup(opts.Verbosity)
			opts.Out = command.OutOrStdout()
			opts.Kubectl = runKubectl
			opts.Terminal, opts.Width, opts.Colour = terminal()
			return demo.Run(command.Context(), opts)
		},
	}
	flags := command.Flags()
	flags.StringVar(&opts.DataDir, "data-dir", filepath.Join(defaultDataDir(), "demo"), "directory that keeps everything; made when missing")
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:0", "HOST:PORT of the Kubernetes API; port 0 picks a free one")
	flags.StringVar(&opts.ProxmoxListen, "proxmox-listen", "127.0.0.1:0", "HOST:PORT of the simulated Proxmox; port 0 picks a free one")
	flags.BoolVar(&opts.Fresh, "fresh", false, "forget what an earlier demo left in the data directory")
	flags.Float64Var(&opts.TimeScale, "time-scale", 1, "simulated seconds that pass in a real one: 10 is ten times as fast")
	flags.IntVarP(&opts.Verbosity, "verbosity", "v", 0, "0 logs what the controller does, warnings and errors; 1 also what goes on besides, up to 9")
	return command
}

// divertLogs lets the logs go to a file, where they do not disturb the picture. With --verbosity they are wanted on the screen.
func divertLogs(opts demo.Options) (*os.File, error) {
	if opts.Verbosity > 0 {
		return os.Stderr, nil
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(opts.DataDir, "demo.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	os.Stderr = log
	return log, nil
}

// terminal says whether standard output is one, how wide it is and whether it takes colours (https://no-color.org).
func terminal() (is bool, width int, colour bool) {
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) || os.Getenv("TERM") == "dumb" {
		return false, 0, false
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		return false, 0, false
	}
	return true, width, os.Getenv("NO_COLOR") == ""
}

// runKubectl runs this program's own kubectl.
func runKubectl(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	kubectl := exec.CommandContext(ctx, self, append([]string{"kubectl"}, args...)...)
	kubectl.Stdout, kubectl.Stderr = os.Stdout, os.Stderr
	return kubectl.Run()
}
