package controlplane

import (
	"fmt"
	"net"
	"os"
	"slices"
)

// address is where clients reach the API server.
type address struct {
	listener net.Listener
	host     string // for clients on this machine
	port     string
}

// listen opens the port first of all, so that a port that is taken is told at
// once and port 0 is known before anything is named after it.
func listen(hostPort string) (*address, error) {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; give HOST:PORT, for example 127.0.0.1:6443", hostPort, err)
	}
	listener, err := net.Listen("tcp", hostPort)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w; choose another port, or port 0 for a free one", hostPort, err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("--listen %s: %w", hostPort, err)
	}
	return &address{listener: listener, host: reachable(host), port: port}, nil
}

func (a *address) url() string { return "https://" + net.JoinHostPort(a.host, a.port) }

// certificateHosts are the names and addresses under which the serving
// certificate must be valid: always those of this machine's loopback, then what
// we listen on.
func (a *address) certificateHosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1", a.host}
	if tcp, ok := a.listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		hosts = append(hosts, everywhere()...)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// reachable turns "all addresses" into one that a client can dial.
func reachable(host string) string {
	if host == "" {
		return "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if ip.To4() == nil {
			return "::1"
		}
		return "127.0.0.1"
	}
	return host
}

// everywhere is under which names and addresses other machines may know this
// one. What cannot be found out is left out: the certificate is only short of a
// name then.
func everywhere() []string {
	var hosts []string
	if name, err := os.Hostname(); err == nil && name != "" {
		hosts = append(hosts, name)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return hosts
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLinkLocalUnicast() {
			hosts = append(hosts, network.IP.String())
		}
	}
	return hosts
}
