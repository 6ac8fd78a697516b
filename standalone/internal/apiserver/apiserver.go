// Package apiserver runs the upstream Kubernetes API server without the parts
// that need nodes: custom resources, RBAC, secrets, events, leases, admission,
// server-side apply and watches, but no pods. The chain of servers is
// k8s.io/kubernetes' own generic control plane; here is only what we choose
// differently (options.go) and how it is started and stopped.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kubernetes/pkg/controlplane/apiserver/samples/generic/server"
	rbacrest "k8s.io/kubernetes/pkg/registry/rbac/rest"
)

// drainTimeout is how long open requests and watches may take once the server
// stops. The default is that of a request, a minute.
const drainTimeout = 2 * time.Second

// Server is an API server that runs.
type Server struct {
	loopback *rest.Config
	cancel   context.CancelFunc
	ended    chan struct{}
	err      error
}

// Start builds the server and starts to serve. The server runs until Stop,
// whatever becomes of ctx, which only bounds the start. It is not ready yet:
// see WaitReady.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	chain, err := build(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	chain.GenericAPIServer.ShutdownTimeout = drainTimeout
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, fmt.Errorf("API server: %w", err)
	}
	// Its own context: a hook that is cancelled halfway through the start ends
	// the process with a stack trace, or hangs. Whoever gives up during the start
	// leaves the server to the end of the process; that loses nothing.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{loopback: chain.GenericAPIServer.LoopbackClientConfig, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = prepared.Run(running)
	}()
	return s, nil
}

// Loopback is a client configuration for this process, with all rights and the
// content type that built-in resources prefer (protobuf).
func (s *Server) Loopback() *rest.Config { return rest.CopyConfig(s.loopback) }

// LoopbackJSON is Loopback for clients of custom resources, which exist in JSON
// only.
func (s *Server) LoopbackJSON() *rest.Config {
	config := s.Loopback()
	config.ContentType = "application/json"
	config.AcceptContentTypes = ""
	return config
}

// WaitServing returns when our own clients are served, which need no roles.
// Upstream begins to make the built-in roles after a second of rest; much can be
// done meanwhile.
func (s *Server) WaitServing(ctx context.Context) error {
	return s.wait(ctx, map[string]string{"exclude": "poststarthook/" + rbacrest.PostStartHookName})
}

// WaitReady returns when everybody is served: /readyz says ok, which includes
// the built-in roles and namespaces.
func (s *Server) WaitReady(ctx context.Context) error { return s.wait(ctx, nil) }

func (s *Server) wait(ctx context.Context, parameters map[string]string) error {
	client, err := kubernetes.NewForConfig(s.loopback)
	if err != nil {
		return fmt.Errorf("API server: %w", err)
	}
	err = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		select {
		case <-s.ended:
			return false, s.Err()
		default:
		}
		request := client.RESTClient().Get().AbsPath("/readyz")
		for name, value := range parameters {
			request = request.Param(name, value)
		}
		return request.Do(ctx).Error() == nil, nil
	})
	if err != nil {
		return fmt.Errorf("API server did not become ready: %w", err)
	}
	return nil
}

// Ended is closed when the server no longer runs; Err then says why.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Err is why the server ended. Call it after Ended.
func (s *Server) Err() error {
	if s.err == nil {
		return errors.New("API server ended")
	}
	return fmt.Errorf("API server ended: %w", s.err)
}

// Stop drains and ends the server, and returns when it has ended or when
// patience is over.
func (s *Server) Stop(patience time.Duration) {
	s.cancel()
	select {
	case <-s.ended:
	case <-time.After(patience):
	}
}

// build makes the chain: the aggregator in front of the built-in resources in
// front of the custom ones.
func build(ctx context.Context, cfg Config) (*aggregator.APIAggregator, error) {
	chosen, err := options(cfg)
	if err != nil {
		return nil, err
	}
	completed, err := chosen.Complete(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	config, err := server.NewConfig(completed)
	if err != nil {
		return nil, err
	}
	// Upstream assumes several API servers, and then holds every new custom
	// resource back for five seconds so that the others see it too.
	config.APIExtensions.ExtraConfig.MasterCount = 1
	ready, err := config.Complete()
	if err != nil {
		return nil, err
	}
	return server.CreateServerChain(ready)
}
