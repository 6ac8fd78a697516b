// Package etcd runs the database of a standalone control plane inside the
// process: one member, no peers, reachable only through a unix socket in a
// directory of mode 0700. It knows nothing of Kubernetes.
package etcd

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// abandonAfter is how long a database that did not start may take to end.
const abandonAfter = time.Second

// Server is a running database.
type Server struct {
	etcd    *embed.Etcd
	socket  socket
	stopped <-chan error
}

// Start opens or creates the database in dir and returns when it serves. When
// ctx ends first, it gives up.
func Start(ctx context.Context, dir string, log *zap.Logger) (*Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	socket, err := newSocket(dir)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	started, err := embed.StartEtcd(config(dir, socket, log))
	if err != nil {
		socket.remove()
		return nil, fmt.Errorf("database in %s: %w", dir, err)
	}
	server := &Server{etcd: started, socket: socket, stopped: started.Err()}
	select {
	case <-started.Server.ReadyNotify():
		return server, nil
	case err := <-started.Err():
		server.Close(abandonAfter)
		return nil, fmt.Errorf("database in %s: %w", dir, err)
	case <-ctx.Done():
		server.Close(abandonAfter)
		return nil, ctx.Err()
	}
}

// Endpoint is what a client of etcd dials.
func (s *Server) Endpoint() string { return s.socket.endpoint() }

// Stopped tells when the database stopped by itself, and why.
func (s *Server) Stopped() <-chan error { return s.stopped }

// Close ends the database, and returns when it has ended or when patience is
// over: it waits for clients to leave, and not all do. That is safe, since what
// was acknowledged is on disk.
func (s *Server) Close(patience time.Duration) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.etcd.Close()
	}()
	select {
	case <-closed:
	case <-time.After(patience):
	}
	s.Leave()
}

// Leave removes what would outlive a process that ends with the database still
// running.
func (s *Server) Leave() { s.socket.remove() }

func config(dir string, socket socket, log *zap.Logger) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = "nixmox"
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.Dir = dir
	cfg.ListenPeerUrls = nil // a single member; nothing may join
	cfg.ListenClientUrls = []url.URL{socket.url()}
	cfg.AdvertiseClientUrls = []url.URL{socket.url()}
	cfg.EnableGRPCGateway = false

	// A single member elects itself within an election timeout, which is paid at
	// every start, and there is no network whose hiccups a longer one would
	// forgive. Shorter ticks are paid at rest.
	cfg.TickMs = 100
	cfg.ElectionMs = 500

	// On a busy machine a slow request is no news; the default is 100 ms.
	cfg.WarningApplyDuration = time.Second
	cfg.WarningUnaryRequestDuration = 3 * time.Second

	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(log)
	return cfg
}
