package pvesim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// runningService is a service of the world in one life of a container. At rest it is a timer at most; only listeners on
// loopback addresses have a goroutine each.
type runningService struct {
	def   *Service
	ready bool
	// stopped is set by systemctl stop and by the hands of a test; broken by the latter alone.
	stopped   bool
	broken    bool
	timer     *time.Timer
	listeners []net.Listener
	addresses []netip.Addr
}

// startServices begins the start-up of what runs in a container.
func (s *Simulator) startServices(g *guest, life *run) {
	for i := range s.world.Services {
		def := &s.world.Services[i]
		if def.VMID != g.vmid && (def.Hostname == "" || def.Hostname != life.hostname) {
			continue
		}
		one := &runningService{def: def}
		life.services = append(life.services, one)
		s.bringUp(g, life, one)
	}
}

// bringUp makes a service ready once its start-up time has passed.
func (s *Simulator) bringUp(g *guest, life *run, one *runningService) {
	one.close()
	one.stopped = false
	var timer *time.Timer
	timer = time.AfterFunc(s.real(time.Duration(one.def.ReadyAfter*float64(time.Second))), func() {
		s.lock()
		defer s.mu.Unlock()
		if g.run != life || one.timer != timer || s.closed() {
			return
		}
		s.becomeReady(g, one)
	})
	one.timer = timer
}

func (s *Simulator) becomeReady(g *guest, one *runningService) {
	one.ready = true
	if !one.broken && s.nodes[g.node].online {
		s.openListeners(g, one)
	}
	entry := calllog.Entry{
		Time: time.Now(), Kind: calllog.KindServiceReady, VMID: g.vmid, Node: g.node, Hostname: g.run.hostname, Units: one.def.Units,
	}
	for _, port := range one.def.HTTP {
		entry.Answers = append(entry.Answers, fmt.Sprintf("http:%d%s", port.Port, port.Path))
	}
	for _, port := range one.def.TCP {
		entry.Answers = append(entry.Answers, fmt.Sprintf("tcp:%d", port.Port))
	}
	s.calls.Write(entry)
}

// close ends a service's answers. The lock is held.
func (r *runningService) close() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.ready = false
	r.closeListeners()
}

func (r *runningService) closeListeners() {
	for _, listener := range r.listeners {
		_ = listener.Close() // nothing is left to do with one that does not close
	}
	r.listeners, r.addresses = nil, nil
}

func (g *guest) closeServices() {
	if g.run == nil {
		return
	}
	for _, one := range g.run.services {
		one.close()
	}
}

// answers reports whether the service answers now.
func (r *runningService) answers() bool { return r.ready && !r.stopped && !r.broken }

// mappedAddresses are the loopback addresses that stand for a container's own. Nothing is mapped unless the world says so.
func (s *Simulator) mappedAddresses(g *guest) []netip.Addr {
	var mapped []netip.Addr
	for _, one := range s.links(g) {
		for _, prefix := range one.v4 {
			for from, to := range s.world.Loopback {
				if address, ok := mapAddress(prefix.Addr(), from, to); ok {
					mapped = append(mapped, address)
				}
			}
		}
	}
	return mapped
}

// mapAddress moves an address from one network to another of the same size.
func mapAddress(address netip.Addr, from, to string) (netip.Addr, bool) {
	source, err := netip.ParsePrefix(from)
	if err != nil || !source.Contains(address) {
		return netip.Addr{}, false
	}
	target, err := netip.ParsePrefix(to)
	if err != nil {
		return netip.Addr{}, false
	}
	host, network := address.As4(), target.Addr().As4()
	for bit := source.Bits(); bit < 32; bit++ {
		mask := byte(0x80) >> (bit % 8)
		network[bit/8] |= host[bit/8] & mask
	}
	return netip.AddrFrom4(network), true
}

// openListeners opens the ports that a service has at the container's address.
func (s *Simulator) openListeners(g *guest, one *runningService) {
	if s.closed() {
		return // nobody would close them
	}
	one.addresses = s.mappedAddresses(g)
	web := make(map[int]bool)
	for _, port := range one.def.HTTP {
		web[port.Port] = web[port.Port] || port.Scope == ScopeAddress
	}
	plain := make(map[int]bool)
	for _, port := range one.def.TCP {
		plain[port.Port] = port.Scope == ScopeAddress && !web[port.Port]
	}
	for _, address := range one.addresses {
		for port, open := range web {
			if listener := s.listen(g, address, port, open); listener != nil {
				one.listeners = append(one.listeners, listener)
				s.serveHTTP(one, port, listener)
			}
		}
		for port, open := range plain {
			if listener := s.listen(g, address, port, open); listener != nil {
				one.listeners = append(one.listeners, listener)
				s.serveTCP(listener)
			}
		}
	}
}

func (s *Simulator) listen(g *guest, address netip.Addr, port int, open bool) net.Listener {
	if !open {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp4", net.JoinHostPort(address.String(), strconv.Itoa(port)))
	if err != nil {
		s.log.Error("a simulated service cannot listen; ports below 1024 need root", "vmid", g.vmid, "error", err)
		return nil
	}
	return listener
}

func (s *Simulator) serveTCP(listener net.Listener) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_ = connection.Close() // accepting was the whole answer
		}
	}()
}

func (s *Simulator) serveHTTP(one *runningService, port int, listener net.Listener) {
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.lock()
			answer, found := one.request(port, r.URL.Path)
			s.mu.Unlock()
			if !found {
				panic(http.ErrAbortHandler) // as a dead service: no answer at all
			}
			w.WriteHeader(answer.Status)
			_, _ = w.Write([]byte(answer.Body))
		}),
	}
	server.SetKeepAlivesEnabled(false)
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		if err := server.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("a simulated service ended", "error", err)
		}
	}()
}

// request is what a service answers on a port: false if it does not answer there; 404 for a path that it does not have.
func (r *runningService) request(port int, path string) (HTTPService, bool) {
	listens := false
	for _, answer := range r.def.HTTP {
		if answer.Port != port {
			continue
		}
		listens = true
		if answer.Path == path && r.answers() {
			return answer, true
		}
	}
	return HTTPService{Status: http.StatusNotFound}, listens && r.answers()
}

// setBroken makes a service answer no more, or again.
func (s *Simulator) setBroken(g *guest, one *runningService, broken bool) {
	if one.broken == broken {
		return
	}
	one.broken = broken
	switch {
	case broken:
		one.closeListeners()
	case one.ready:
		s.openListeners(g, one)
	}
}

// reconnect opens or closes the ports of a container whose node came back or went away.
func (s *Simulator) reconnect(g *guest, online bool) {
	for _, one := range g.run.services {
		one.closeListeners()
		if online && one.answers() {
			s.openListeners(g, one)
		}
	}
}

// refreshLinks moves listeners after a live change of a container's addresses.
func (s *Simulator) refreshLinks(g *guest) {
	for _, one := range g.run.services {
		if !one.answers() || !one.listensOutside() {
			continue
		}
		if now := s.mappedAddresses(g); fmt.Sprint(now) != fmt.Sprint(one.addresses) {
			one.closeListeners()
			s.openListeners(g, one)
		}
	}
}

func (r *runningService) listensOutside() bool {
	for _, port := range r.def.HTTP {
		if port.Scope == ScopeAddress {
			return true
		}
	}
	for _, port := range r.def.TCP {
		if port.Scope == ScopeAddress {
			return true
		}
	}
	return false
}
