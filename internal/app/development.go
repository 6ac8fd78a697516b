package app

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/go-logr/logr"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// Development connects the controller to a simulator on this machine. While it is set, hosts whose endpoints are not on the loopback
// interface are refused, and no address outside the map is ever contacted: it cannot be on in production by accident.
type Development struct {
	// AddressMap replaces container addresses by loopback addresses, such as 192.168.99.0/24=127.0.99.0/24.
	AddressMap string
}

// wire builds what production and development differ in: the way into containers, and the probes' dialling.
func (d *Development) wire(log logr.Logger) (controllers.GuestAccess, *health.Prober, error) {
	if d == nil {
		return &sshAccess{}, &health.Prober{}, nil
	}
	log.Info("DEVELOPMENT MODE: for a simulator on this machine only", "addressMap", d.AddressMap)
	rewrite, err := health.ParseDevelopmentAddressMap(d.AddressMap)
	if err != nil {
		return nil, nil, err
	}
	return &sshAccess{dial: dialLoopback, refuses: refuseReal}, &health.Prober{Rewrite: rewrite}, nil
}

// refuseReal refuses every host that is not on this machine.
func refuseReal(host *v1alpha1.NixMoxHost) *controllers.Outcome {
	for _, endpoint := range host.Spec.Endpoints {
		u, err := url.Parse(endpoint)
		if err == nil && isLoopback(u.Hostname()) {
			continue
		}
		return controllers.RefuseHost(fmt.Sprintf("This controller runs in development mode, which works with a simulator on a loopback address only, not with %s; "+
			"start it without the --development flags", endpoint))
	}
	return nil
}

// dialLoopback connects to literal loopback addresses: what a name resolves to is not ours to know.
func dialLoopback(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !isLoopback(host) {
		return nil, fmt.Errorf("%s is not a loopback address, and development mode contacts no other", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
