package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/standalone/internal/apiserver"
	"github.com/nixmox/nixmox-controller/standalone/internal/logging"
)

// startController is the one seam between the control plane and the controller:
// it runs until ctx ends. No leader election, because the lock on the data
// directory already leaves room for one only, and no metrics or probe ports, so
// that nothing but the API listens.
func startController(ctx context.Context, config *rest.Config, opts Options) error {
	return app.Run(ctx, config, app.Options{NamespaceLabels: true, Log: logging.Controller(opts.Verbosity), Development: opts.Development})
}

// running is the controller in this process, or the absence of one: then ended
// is never closed.
type running struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

func runController(ctx context.Context, opts Options, server *apiserver.Server) *running {
	if opts.NoController {
		return &running{cancel: func() {}}
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = startController(ctx, server.LoopbackJSON(), opts)
	}()
	return r
}

// stop asks the controller to end and waits for it, but not for ever.
func (r *running) stop(patience time.Duration) {
	r.cancel()
	if r.ended == nil {
		return
	}
	select {
	case <-r.ended:
	case <-time.After(patience):
	}
}

// failure is why the controller ended by itself.
func (r *running) failure() error {
	if r.err == nil {
		return errors.New("controller ended")
	}
	return fmt.Errorf("controller ended: %w", r.err)
}
