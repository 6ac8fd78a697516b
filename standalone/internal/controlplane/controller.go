package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/nixmox/nixmox-controller/standalone/internal/apiserver"
)

// startController runs the NixMox controller until ctx ends. It is the one seam
// between the control plane and the controller; set to app.Run once that
// exists.
var startController func(ctx context.Context, config *rest.Config) error

var errNoController = errors.New("this build has no controller yet; run with --no-controller and start bin/controller --kubeconfig FILE beside it")

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
		r.err = startController(ctx, server.LoopbackJSON())
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
