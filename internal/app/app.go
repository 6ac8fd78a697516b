// Package app puts a running controller together: the one constructor that cmd/controller, the standalone mode and the tests share.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// Options of a controller.
type Options struct {
	// Log receives everything; a transition is one line at the default verbosity.
	Log logr.Logger
	// Namespaces that are watched; none means all.
	Namespaces []string
	// NamespaceLabels are read and watched, for the hosts that choose namespaces by them. Needs the right to list and watch namespaces.
	NamespaceLabels bool
	// LeaderElection keeps a second controller of the same cluster waiting; its lease is in LeaderElectionNamespace, which must be given outside a cluster.
	LeaderElection          bool
	LeaderElectionNamespace string
	// MetricsAddress and ProbeAddress are where metrics and health probes are served; "0" serves none.
	MetricsAddress, ProbeAddress string
	// ProfileAddress is where Go's profiles are served, without any protection; "" serves none.
	ProfileAddress string
	// Workers is how many services are looked at at once; none of them waits for Proxmox's tasks.
	Workers int
	// ProblemGrace is how long a circle or a duplicate may last before it counts as stalled; zero means 30 s.
	ProblemGrace time.Duration
	// Timing is how patient the controller is with Proxmox; only tests set it.
	Timing controllers.Timing
	// Development connects the controller to a simulator. Nil in production.
	Development *Development
}

// Run is a controller until the context ends.
func Run(ctx context.Context, cfg *rest.Config, opts Options) error {
	mgr, err := New(ctx, cfg, opts)
	if err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the controller: %w", err)
	}
	return nil
}

// New puts the controller together without starting it.
func New(ctx context.Context, cfg *rest.Config, opts Options) (manager.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	// Reading everything anew is the slow safety net, not the way in which changes are noticed.
	resync := 10 * time.Hour
	skipNames := true // several controllers in one process happen in tests
	mgr, err := ctrl.NewManager(quick(cfg), ctrl.Options{
		Scheme: scheme, Logger: opts.Log,
		Cache:                  cache.Options{DefaultNamespaces: namespaces(opts.Namespaces), SyncPeriod: &resync, DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                metricsserver.Options{BindAddress: orNone(opts.MetricsAddress)},
		HealthProbeBindAddress: orNone(opts.ProbeAddress),
		PprofBindAddress:       opts.ProfileAddress,
		LeaderElection:         opts.LeaderElection, LeaderElectionID: "controller.nixmox.dev", LeaderElectionNamespace: opts.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    config.Controller{SkipNameValidation: &skipNames},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the Kubernetes API: %w", err)
	}
	if err := addChecks(mgr); err != nil {
		return nil, err
	}
	guests, prober, err := opts.Development.wire(opts.Log)
	if err != nil {
		return nil, err
	}
	sessions := controllers.NewSessions(opts.Log.WithName("proxmox"))
	if err := mgr.Add(sessions); err != nil {
		return nil, err
	}
	newScheduler := func(onChange func(string)) (*health.Scheduler, error) {
		scheduler := health.NewScheduler(health.Options{Probe: controllers.MeasureProbes(prober.Probe), OnChange: onChange, OnPanic: func(key string, value any, stack []byte) {
			opts.Log.Info("A probe panicked", "service", key, "value", value, "stack", string(stack))
		}})
		return scheduler, mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
			scheduler.Run(ctx)
			return nil
		}))
	}
	workers := opts.Workers
	if workers <= 0 {
		workers = 64 // they wait for answers most of the time, and one Proxmox gets a part of them
	}
	return mgr, controllers.Setup(mgr, sessions, newScheduler, guests, controllers.Options{Workers: workers, NamespaceLabels: opts.NamespaceLabels, ProblemGrace: opts.ProblemGrace, Timing: opts.Timing})
}

// Scheme knows the kinds that the controller reads and writes.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("build the scheme: %w", err)
		}
	}
	return scheme, nil
}

// quick lifts the client's own brake: the API server's priority and fairness does that job, and a roll-out waits on our writes.
func quick(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	if cfg.QPS == 0 {
		cfg.QPS, cfg.Burst = 200, 400
	}
	return cfg
}

func namespaces(names []string) map[string]cache.Config {
	if len(names) == 0 {
		return nil
	}
	all := map[string]cache.Config{}
	for _, n := range names {
		all[n] = cache.Config{}
	}
	return all
}

func addChecks(mgr manager.Manager) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("cache", func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the objects are not read yet")
		}
		return nil
	})
}

func orNone(address string) string {
	if address == "" {
		return "0"
	}
	return address
}
