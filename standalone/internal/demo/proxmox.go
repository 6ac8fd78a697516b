package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/config/samples"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
)

// proxmox is the simulated Proxmox in this process.
type proxmox struct {
	sim               *pvesim.Simulator
	endpoint, control string
	servers           []*http.Server
	ssh               *sshd.Server
	cancel            context.CancelFunc
	saving            sync.WaitGroup
	saved             error // once saving has ended
}

// startProxmox serves the sample world, with the state of the last time where there is one.
func startProxmox(ctx context.Context, opts Options, state string) (*proxmox, error) {
	data, err := samples.FS.ReadFile("demo/world.json")
	if err != nil {
		return nil, err
	}
	world, err := pvesim.ParseWorld(data)
	if err != nil {
		return nil, err
	}
	sim, err := pvesim.New(world, pvesim.Options{TimeScale: opts.TimeScale})
	if err != nil {
		return nil, err
	}
	p := &proxmox{sim: sim}
	if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
		if err := sim.LoadState(state); err != nil {
			return nil, fmt.Errorf("%w; begin anew with --fresh", err)
		}
	}
	if p.endpoint, err = p.serve(opts.ProxmoxListen, sim.Handler()); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if p.control, err = p.serve("127.0.0.1:0", sim.ControlHandler()); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if p.ssh, err = sshd.Listen("127.0.0.1:0", sim, sshd.Options{}); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.saving.Go(func() { p.saved = sim.KeepState(ctx, state) })
	return p, nil
}

func (p *proxmox) serve(listen string, handler http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return "", fmt.Errorf("serve the simulated Proxmox: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 30 * time.Second}
	p.servers = append(p.servers, server)
	go func() { _ = server.Serve(listener) }() // always an error: that it was closed
	return "http://" + listener.Addr().String(), nil
}

// stop ends the simulator and keeps its state.
func (p *proxmox) stop() error {
	if p.cancel != nil {
		p.cancel()
	}
	p.saving.Wait()
	for _, server := range p.servers {
		_ = server.Close() // nothing is lost: the state is in the simulator
	}
	if p.ssh != nil {
		_ = p.ssh.Close() // its commands are cut off
	}
	p.sim.Close()
	return p.saved
}
