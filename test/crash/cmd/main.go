// Command cmd lets the controller die at every write that it makes; `make crash` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/crash"
)

func main() {
	shard := flag.String("shard", "1/1", "which part of the points: i/n")
	every := flag.Int("every", 1, "only every n-th point; 0 tries none and plays each scenario once, without a death")
	only := flag.String("scenario", "", "only scenarios whose name contains this")
	write := flag.String("write", "", "only the point at this write, such as 'POST /nodes/pve1/lxc #1', with the controller's log")
	after := flag.Bool("after", false, "with -write: after its effect, not before")
	parallel := flag.Int("parallel", 12, "how many worlds live at once")
	verbose := flag.Bool("verbose", false, "print the controller's log of each run that fails")
	kubeconfig := flag.String("api", "", "a kubeconfig: use the API server that runs there, not one of our own")
	patience := flag.Duration("patience", 90*time.Second, "how long to wait for what takes seconds")
	flag.Parse()
	ctrllog.SetLogger(logr.Discard()) // of what has no logger of a lab
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	m := crash.Matrix{Every: *every, Parallel: *parallel, Verbose: *verbose, Patience: *patience}
	if _, err := fmt.Sscanf(*shard, "%d/%d", &m.Shard, &m.Shards); err != nil || m.Shard < 1 || m.Shard > m.Shards {
		fmt.Fprintf(os.Stderr, "-shard %q is not i/n\n", *shard)
		os.Exit(2)
	}
	for _, s := range crash.Scenarios() {
		if strings.Contains(s.Name, *only) {
			m.Scenarios = append(m.Scenarios, s)
		}
	}
	if *write != "" {
		m.Only = &crash.Point{Write: *write, After: *after}
	}
	if err := run(ctx, m, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, m crash.Matrix, kubeconfig string) error {
	start := apiserver.Start
	if kubeconfig != "" {
		start = func() (*apiserver.Server, error) { return apiserver.Connect(kubeconfig) }
	}
	api, err := start()
	if err != nil {
		return err
	}
	t := m.Run(ctx, api, os.Stdout)
	if err := api.Stop(); err != nil {
		return err
	}
	if t.Violations > 0 {
		return fmt.Errorf("%d violations", t.Violations)
	}
	return nil
}
