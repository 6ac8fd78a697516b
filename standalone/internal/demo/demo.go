// Package demo is what `nixmox demo` does: a simulated Proxmox, a Kubernetes API and the controller in one process, with the sample
// stack applied and followed until all is ready. It runs on until it is told to end and keeps its state for the next time.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/samples"
	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/demo"
	"github.com/nixmox/nixmox-controller/internal/view"
	"github.com/nixmox/nixmox-controller/standalone/internal/controlplane"
)

// Options are the flags of `nixmox demo`.
type Options struct {
	DataDir       string
	Listen        string
	ProxmoxListen string
	Fresh         bool
	// TimeScale is how many simulated seconds pass in a real one.
	TimeScale float64
	Verbosity int

	Out io.Writer
	// Terminal redraws in place; Width is its columns, Colour whether it takes colours.
	Terminal bool
	Width    int
	Colour   bool
	// Kubectl runs this program's kubectl and writes to Out.
	Kubectl func(ctx context.Context, args ...string) error
}

// The names below the data directory. Nothing else in it is touched.
const (
	controlPlaneDir = "control-plane"
	proxmoxState    = "proxmox.json"
	kubeconfigFile  = "kubeconfig"
)

// Run brings the stack up and stays until ctx ends.
func Run(ctx context.Context, opts Options) error {
	if err := prepare(opts); err != nil {
		return err
	}
	pve, err := startProxmox(ctx, opts, filepath.Join(opts.DataDir, proxmoxState))
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(opts.DataDir, kubeconfigFile)
	ctx, cancel := context.WithCancel(ctx)
	plane := startControlPlane(ctx, opts, kubeconfig, pve)
	err = show(ctx, opts, kubeconfig, pve, plane)
	cancel()
	return errors.Join(err, plane.wait(), pve.stop())
}

// prepare makes the data directory and, for a fresh start, removes what an earlier demo left in it.
func prepare(opts Options) error {
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if !opts.Fresh {
		return nil
	}
	for _, name := range []string{controlPlaneDir, proxmoxState, kubeconfigFile} {
		if err := os.RemoveAll(filepath.Join(opts.DataDir, name)); err != nil {
			return fmt.Errorf("begin afresh: %w", err)
		}
	}
	return nil
}

// plane is the control plane in this process.
type plane struct {
	ready chan struct{}
	ended chan struct{}
	err   error
}

func startControlPlane(ctx context.Context, opts Options, kubeconfig string, pve *proxmox) *plane {
	p := &plane{ready: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = controlplane.Run(ctx, controlplane.Options{
			DataDir: filepath.Join(opts.DataDir, controlPlaneDir), Listen: opts.Listen, Kubeconfig: kubeconfig, Verbosity: opts.Verbosity,
			Ready:       signalWriter(p.ready),
			Development: &app.Development{AddressMap: demo.AddressMap},
		})
	}()
	return p
}

// wait is for the end, and says why.
func (p *plane) wait() error {
	<-p.ended
	if errors.Is(p.err, context.Canceled) {
		return nil
	}
	return p.err
}

// signalWriter takes a line as a signal.
type signalWriter chan struct{}

// Write signals.
func (w signalWriter) Write(line []byte) (int, error) {
	select {
	case w <- struct{}{}:
	default:
	}
	return len(line), nil
}

// show applies the stack, draws it coming up, says what to try and waits for the end.
func show(ctx context.Context, opts Options, kubeconfig string, pve *proxmox, p *plane) error {
	say(opts, "Starting a Kubernetes API, the controller and a simulated Proxmox in %s ...", opts.DataDir)
	select {
	case <-p.ended:
		return nil // wait says why
	case <-ctx.Done():
		return nil
	case <-p.ready:
	}
	c, err := demo.Connect(kubeconfig)
	if err != nil {
		return err
	}
	began := time.Now()
	err = demo.Apply(ctx, c, samples.FS, "stack", demo.Proxmox{
		Endpoint: pve.endpoint, TokenID: demo.TokenID, TokenSecret: demo.TokenSecret, SSH: pve.ssh.Address(), HostKey: pve.ssh.HostKey(),
	})
	if err == nil {
		err = follow(ctx, opts, c, began)
	}
	if ctx.Err() != nil {
		return nil // told to end while it came up
	}
	if err != nil {
		return err
	}
	if err := opts.Kubectl(ctx, "--kubeconfig", kubeconfig, "-n", demo.Namespace, "get", "nms", "-o", "wide"); err != nil {
		return fmt.Errorf("show the services: %w", err)
	}
	say(opts, whatToTry, kubeconfig, pve.endpoint, demo.Namespace, trimScheme(pve.control))
	select {
	case <-ctx.Done():
	case <-p.ended:
	}
	return nil
}

// follow draws the stack until all of it is ready: in place on a terminal, else a line a change.
func follow(ctx context.Context, opts Options, c client.Client, began time.Time) error {
	if !opts.Terminal {
		_, err := demo.Follow(ctx, c, func(svc *v1alpha1.NixMoxService, p demo.Progress) {
			say(opts, "%5.1fs  %2d/%d ready  %-12s %-9s %s", time.Since(began).Seconds(), p.Ready, len(p.Services), svc.Name, svc.Status.State, view.Message(svc))
		})
		return err
	}
	screen := view.NewScreen(opts.Out)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := demo.Look(ctx, c)
		if err != nil {
			return err
		}
		host := &v1alpha1.NixMoxHost{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: demo.Namespace, Name: "default"}, host); client.IgnoreNotFound(err) != nil {
			return err // a host that somebody deleted: its services say so
		}
		screen.Draw(view.Frame(host, p.Services, time.Since(began), opts.Width, opts.Colour))
		if p.Done() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func say(opts Options, format string, args ...any) {
	_, _ = fmt.Fprintf(opts.Out, format+"\n", args...) // a terminal that is gone ends the program by itself
}
