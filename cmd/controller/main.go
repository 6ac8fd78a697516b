// Command controller reconciles NixMoxHost and NixMoxService objects of a Kubernetes cluster with Proxmox VE.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"

	"github.com/nixmox/nixmox-controller/internal/app"
)

// version is stamped by the build.
var version = "dev"

// names is a flag that may be given several times.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(value string) error {
	*n = append(*n, value)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// garbage is how much of it there may be, in percent of what is in use, before it is collected. With 10,000 services a third less than Go's default
// saves more memory than it costs in CPU.
const garbage = 65

func run(args []string) error {
	// --kubeconfig is registered by controller-runtime in the same set.
	flags := flag.CommandLine
	var opts app.Options
	var dev app.Development
	var zapOptions zap.Options
	showVersion := flags.Bool("version", false, "print the version and end")
	flags.Var((*names)(&opts.Namespaces), "namespace", "namespace to watch; may be given several times (default: all)")
	flags.BoolVar(&opts.LeaderElection, "leader-elect", false, "let only one of several replicas work")
	flags.StringVar(&opts.LeaderElectionNamespace, "leader-election-namespace", "", "namespace of the lease (default: the controller's own, or \"default\" outside a cluster)")
	flags.StringVar(&opts.MetricsAddress, "metrics-bind-address", "0", "where Prometheus metrics are served, such as :8080; 0 serves none")
	flags.StringVar(&opts.ProbeAddress, "health-probe-bind-address", "0", "where /healthz and /readyz are served, such as :8081; 0 serves none")
	flags.StringVar(&opts.ProfileAddress, "pprof-bind-address", "", "where Go's CPU and memory profiles are served, such as 127.0.0.1:6060; empty serves none. Whoever reaches it can read memory: loopback only")
	flags.StringVar(&dev.AddressMap, "development-address-map", "", "DEVELOPMENT ONLY: container addresses and the loopback addresses that a simulator answers at, such as 192.168.99.0/24=127.0.99.0/24")
	zapOptions.BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *showVersion {
		fmt.Println("controller", version)
		return nil
	}
	if dev.AddressMap != "" {
		opts.Development = &dev
	}
	if opts.LeaderElectionNamespace == "" && !inCluster() {
		opts.LeaderElectionNamespace = "default"
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	opts.NamespaceLabels = len(opts.Namespaces) == 0 // one that is limited to some has no rights over what belongs to none
	opts.Log = newLogger(&zapOptions)
	cfg, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find the Kubernetes API: %w; name it with --kubeconfig", err)
	}
	return app.Run(signals.SetupSignalHandler(), cfg, opts)
}

// inCluster is whether a pod's namespace can be found, which is then the lease's.
func inCluster() bool {
	_, err := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	return err == nil
}

// newLogger is zap behind logr, JSON unless the --zap flags say otherwise.
func newLogger(options *zap.Options) logr.Logger {
	logger := zapr.NewLogger(zap.NewRaw(zap.UseFlagOptions(options)))
	log.SetLogger(logger)
	klog.SetLogger(logger)
	return logger
}
