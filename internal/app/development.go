package app

import (
	"fmt"
	"net"
	"net/url"

	"github.com/go-logr/logr"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/guest"
	"github.com/nixmox/nixmox-controller/internal/guest/devexec"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// Development connects the controller to a simulator on this machine. While it is set, hosts whose endpoints are not on the loopback
// interface are refused, and no address outside the map is ever contacted: it cannot be on in production by accident.
type Development struct {
	// AddressMap replaces container addresses by loopback addresses, such as 192.168.99.0/24=127.0.99.0/24.
	AddressMap string
	// ExecURL is the simulator's control endpoint, which runs commands in simulated containers.
	ExecURL string
}

// wire builds what production and development differ in: the way into containers, and the probes' dialling.
func (d *Development) wire(log logr.Logger) (controllers.GuestAccess, *health.Prober, error) {
	if d == nil {
		return controllers.NoGuestAccess{}, &health.Prober{}, nil
	}
	log.Info("DEVELOPMENT MODE: for a simulator on this machine only", "addressMap", d.AddressMap, "exec", d.ExecURL)
	rewrite, err := health.ParseDevelopmentAddressMap(d.AddressMap)
	if err != nil {
		return nil, nil, err
	}
	access := &developmentAccess{}
	if d.ExecURL != "" {
		if access.executor, err = devexec.New(d.ExecURL); err != nil {
			return nil, nil, err
		}
	}
	return access, &health.Prober{Rewrite: rewrite}, nil
}

type developmentAccess struct{ executor guest.Executor }

// Executor is the simulator's.
func (a *developmentAccess) Executor(*v1alpha1.NixMoxHost) guest.Executor { return a.executor }

// Refuses every host that is not on this machine.
func (a *developmentAccess) Refuses(host *v1alpha1.NixMoxHost) *controllers.Outcome {
	for _, endpoint := range host.Spec.Endpoints {
		u, err := url.Parse(endpoint)
		if err == nil {
			if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
				continue
			}
		}
		return controllers.RefuseHost(fmt.Sprintf("This controller runs in development mode, which works with a simulator on a loopback address only, not with %s; "+
			"start it without the --development flags", endpoint))
	}
	return nil
}
