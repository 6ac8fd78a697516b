// Command pvesim serves a simulated Proxmox VE API for LXC containers, from a world file (see internal/pvesim). It has a
// second face, `pvesim ctl`, that changes a running simulator behind its clients' backs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
)

// version is stamped by the Makefile.
var version = "unknown"

func main() {
	run := serve
	args := os.Args[1:]
	switch {
	case len(args) > 0 && args[0] == "ctl":
		run, args = control, args[1:]
	case len(args) > 0 && args[0] == "version":
		fmt.Println(version)
		return
	}
	if err := run(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "pvesim:", err)
		}
		os.Exit(1)
	}
}

type settings struct {
	world, callLog, control, pve, state string
	// ssh is the address of the SSH server; sshKey and sshUsers are files.
	ssh, sshKey, sshUsers string
	// listen holds an address for each node, in the world's order; one serves all.
	listen []string
	tls    bool
	scale  float64
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("pvesim", flag.ContinueOnError)
	flags.StringVar(&s.world, "world", "", "`FILE` that describes the simulated installation (required)")
	flags.Func("listen", "`HOST:PORT` to serve the API on; port 0 takes a free one. Given again, each next node of the world gets a port of its own (default 127.0.0.1:8006)", func(address string) error {
		s.listen = append(s.listen, address)
		return nil
	})
	flags.BoolVar(&s.tls, "tls", false, "serve https with a certificate made at start; its fingerprint is printed")
	flags.StringVar(&s.callLog, "call-log", "", "`FILE` that gets a JSON line for each call, task and service that becomes ready")
	flags.Float64Var(&s.scale, "time-scale", 1, "simulated seconds that pass in a real second; time stamps stay real")
	flags.StringVar(&s.pve, "pve", "9.2", "`RELEASE` whose parameters and defaults hold: 9.2 or 8.4")
	flags.StringVar(&s.state, "state", "", "`FILE` that keeps containers, disks, ACLs and pools over a restart, of kill -9 too; written each second in which something changed")
	flags.StringVar(&s.control, "control", "", "loopback `HOST:PORT` of the control endpoint; off by default")
	flags.StringVar(&s.ssh, "ssh", "", "`HOST:PORT` of an SSH server, whose pct exec runs commands in the simulated containers; its host key is printed; off by default")
	flags.StringVar(&s.sshKey, "ssh-host-key", "", "`FILE` with the SSH server's private key, made when missing; default: a new one at each start")
	flags.StringVar(&s.sshUsers, "ssh-authorized-keys", "", "`FILE` with the public keys that may log in; default: every key")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if s.world == "" {
		return s, errors.New("give --world FILE")
	}
	if len(s.listen) == 0 {
		s.listen = []string{"127.0.0.1:8006"}
	}
	return s, nil
}

func serve(args []string) error {
	set, err := parse(args)
	if err != nil {
		return err
	}
	world, err := pvesim.ReadWorld(set.world)
	if err != nil {
		return err
	}
	options := pvesim.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), TimeScale: set.scale, PVE: set.pve}
	if set.callLog != "" {
		file, err := os.OpenFile(set.callLog, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
		if err != nil {
			return fmt.Errorf("open call log: %w", err)
		}
		defer file.Close()
		options.CallLog = file
	}
	sim, err := pvesim.New(world, options)
	if err != nil {
		return err
	}
	defer sim.Close()
	if set.state != "" {
		if err := sim.LoadState(set.state); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if set.state == "" {
		return listenAndServe(ctx, sim, world, set)
	}
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- sim.KeepState(ctx, set.state) }()
	err = listenAndServe(ctx, sim, world, set)
	cancel()
	return errors.Join(err, <-kept)
}

// listenAndServe opens the ports, says so on one line, and serves until ctx ends.
func listenAndServe(ctx context.Context, sim *pvesim.Simulator, world *pvesim.World, set settings) error {
	ended := make(chan error, len(set.listen)+1)
	serve := func(listener net.Listener, handler http.Handler) { ended <- newServer(handler).Serve(listener) }
	var line string
	for i, address := range set.listen {
		handler := sim.Handler()
		if len(set.listen) > 1 {
			if i >= len(world.Nodes) {
				return fmt.Errorf("listen: %s is one address more than the world has nodes", address)
			}
			var err error
			if handler, err = sim.NodeHandler(world.Nodes[i].Name); err != nil {
				return err
			}
		}
		port, fingerprint, err := openPort(ctx, address, set.tls)
		if err != nil {
			return err
		}
		if i == 0 {
			line = fmt.Sprintf("pvesim: listening on %s (world %s)%s", port.url, set.world, fingerprint)
		} else {
			line += fmt.Sprintf(", node %s on %s%s", world.Nodes[i].Name, port.url, fingerprint)
		}
		go serve(port.listener, handler)
	}
	if set.control != "" {
		listener, err := controlPort(ctx, set.control)
		if err != nil {
			return err
		}
		line += ", control http://" + listener.Addr().String()
		go serve(listener, sim.ControlHandler())
	}
	server, ssh, err := openSSH(sim, set)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(line + ssh)
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	}
}

// port is an open port of the API.
type port struct {
	listener net.Listener
	url      string
}

// openPort opens a port; fingerprint is empty without TLS.
func openPort(ctx context.Context, address string, tls bool) (p port, fingerprint string, err error) {
	p.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return p, "", fmt.Errorf("listen: %w", err)
	}
	p.url = "http://" + p.listener.Addr().String()
	if !tls {
		return p, "", nil
	}
	p.url = "https://" + p.listener.Addr().String()
	p.listener, fingerprint, err = secured(p.listener)
	return p, ", fingerprint " + fingerprint, err
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // handshakes that clients give up
	}
}

// openSSH opens the SSH server of all nodes, if there is to be one, and says where it is.
func openSSH(sim *pvesim.Simulator, set settings) (server io.Closer, where string, err error) {
	if set.ssh == "" {
		return io.NopCloser(nil), "", nil
	}
	var options sshd.Options
	if set.sshKey != "" {
		if options.HostKey, err = sshd.ReadHostKey(set.sshKey); err != nil {
			return nil, "", fmt.Errorf("read the host key: %w", err)
		}
	}
	if set.sshUsers != "" {
		if options.AuthorizedKeys, err = os.ReadFile(set.sshUsers); err != nil {
			return nil, "", fmt.Errorf("read the authorized keys: %w", err)
		}
	}
	opened, err := sshd.Listen(set.ssh, sim, options)
	if err != nil {
		return nil, "", err
	}
	return opened, ", ssh " + opened.Address() + " " + opened.HostKey(), nil
}

// controlPort refuses addresses that others could reach: the control endpoint asks nobody who they are.
func controlPort(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("control endpoint: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("control endpoint: %s is no loopback address", host)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control endpoint: %w", err)
	}
	return listener, nil
}
