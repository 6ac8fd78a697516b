// Package address opens the port on which the API is served, and knows under
// which names clients may reach it.
package address

import (
	"fmt"
	"net"
	"os"
	"slices"
)

// Address is where clients reach the API server.
type Address struct {
	Listener net.Listener
	Host     string // for clients on this machine
	port     string
}

// Listen opens the port first of all, so that a port that is taken is told at
// once and port 0 is known before anything is named after it.
func Listen(hostPort string) (*Address, error) {
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
	return &Address{Listener: listener, Host: reachable(host), port: port}, nil
}

// URL is for a kubeconfig on this machine.
func (a *Address) URL() string { return "https://" + net.JoinHostPort(a.Host, a.port) }

// CertificateHosts are the names and addresses under which the serving
// certificate must be valid: always those of this machine's loopback, then what
// we listen on.
func (a *Address) CertificateHosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1", a.Host}
	if tcp, ok := a.Listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
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
