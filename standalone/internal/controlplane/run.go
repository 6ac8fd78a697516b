// Package controlplane is what `nixmox up` does: it puts database, API server,
// control loops, custom resources and controller together in one process, in
// the order in which they need each other, and takes them apart again in
// reverse. How each of them works is in the package of its name.
package controlplane

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/standalone/internal/address"
	"github.com/nixmox/nixmox-controller/standalone/internal/apiserver"
	"github.com/nixmox/nixmox-controller/standalone/internal/certs"
	"github.com/nixmox/nixmox-controller/standalone/internal/crds"
	"github.com/nixmox/nixmox-controller/standalone/internal/datadir"
	"github.com/nixmox/nixmox-controller/standalone/internal/etcd"
	"github.com/nixmox/nixmox-controller/standalone/internal/kubeconfig"
	"github.com/nixmox/nixmox-controller/standalone/internal/logging"
	"github.com/nixmox/nixmox-controller/standalone/internal/loops"
)

// Options are the flags of `nixmox up`.
type Options struct {
	DataDir      string
	Listen       string // HOST:PORT; port 0 picks a free one
	Kubeconfig   string
	NoController bool
	Verbosity    int       // of the logs on stderr; 0 is silent while all is well
	Ready        io.Writer // gets one line when everything is ready
	// Development connects the controller to a simulator; nil in production.
	Development *app.Development
}

// Run runs the control plane until ctx ends, which is no error, or until a part
// of it fails. Once it begins to stop, the process ends within
// shutdown.Deadline: the patience with each part adds up to less.
func Run(ctx context.Context, opts Options) error {
	if err := kubeconfig.CheckFree(opts.Kubeconfig); err != nil {
		return err
	}
	dir, err := datadir.Open(opts.DataDir)
	if err != nil {
		return err
	}
	started := teardown{verbosity: opts.Verbosity}
	defer started.stop()
	started.add(func() { _ = dir.Close() })

	reach, err := address.Listen(opts.Listen)
	if err != nil {
		return err
	}
	files, err := certs.Ensure(dir.PKI(), reach.CertificateHosts(), time.Now())
	if err != nil {
		return err
	}
	database, err := etcd.Start(ctx, dir.Etcd(), logging.Etcd(opts.Verbosity))
	if err != nil {
		return err
	}
	started.add(database.Leave)

	server, err := apiserver.Start(ctx, apiserver.Config{
		Listener: reach.Listener, ExternalHost: reach.Host,
		EtcdEndpoint: database.Endpoint(), Certs: files,
	})
	if err != nil {
		return err
	}
	// Given up before it is ready, the server is not stopped but left (see its
	// Start), and the database below it too: both end with the process.
	if err := server.WaitServing(ctx); err != nil {
		return err
	}
	if err := crds.Install(ctx, server.LoopbackJSON()); err != nil {
		return err
	}
	if err := server.WaitReady(ctx); err != nil {
		return err
	}
	started.add(func() { database.Close(2 * time.Second) })
	started.add(func() { server.Stop(3 * time.Second) })

	// What runs from here on is stopped in its turn, not all at once with ctx.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	started.add(stop)
	if err := loops.Start(running, loops.Config{Client: server.Loopback(), ServiceAccountKey: files.ServiceAccountKey, RootCA: files.CACert}); err != nil {
		return err
	}
	if err := kubeconfig.Write(opts.Kubeconfig, reach.URL(), files); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(opts.Ready, "nixmox: ready, %s, kubeconfig %s, data %s\n", reach.URL(), opts.Kubeconfig, dir.Path()); err != nil {
		return fmt.Errorf("say that we are ready: %w", err)
	}
	returnMemory()
	controller := runController(running, opts, server)
	started.add(func() { controller.stop(2 * time.Second) })
	return supervise(ctx, server, database, controller)
}

// supervise waits for the end: one that was asked for, or a part that fails.
func supervise(ctx context.Context, server *apiserver.Server, database *etcd.Server, controller *running) error {
	select {
	case <-ctx.Done():
		return nil
	case <-server.Ended():
		return server.Err()
	case err := <-database.Stopped():
		return fmt.Errorf("database stopped: %w", err)
	case <-controller.ended:
		return controller.failure()
	}
}
