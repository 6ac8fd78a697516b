// Package desired is the container that a service asks for, with its host's defaults filled in: a pure function from the two objects
// to plan.Desired. Controllers and the kubectl plugin call it; whoever wants to know where a default comes from looks here.
package desired

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// Container is what the service asks for. bootOrder is its topological level among the services of the host. The error names the field
// and what to write there; it can only be mended by editing the service or the host.
func Container(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, bootOrder int) (plan.Desired, error) {
	ip, err := Address(host, svc)
	if err != nil {
		return plan.Desired{}, err
	}
	if Template(host, svc) == "" && !svc.Spec.Adopt {
		return plan.Desired{}, fmt.Errorf("no template: set spec.template, or spec.defaults.template of host %s", host.Name)
	}
	net, err := network(host, svc, ip)
	if err != nil {
		return plan.Desired{}, err
	}
	d := plan.Desired{
		Hostname:     Hostname(host, svc),
		SearchDomain: host.Spec.Network.Domain,
		Nameservers:  nameservers(host),
		Net:          net,

		Template:     Template(host, svc),
		Storage:      rootStorage(host),
		SSHKeys:      host.Spec.Network.SSHPublicKeys,
		Unprivileged: unprivileged(host, svc),
		Nesting:      nesting(host, svc),
		Options:      options(host, svc),

		Volumes:   volumes(host, svc),
		Tags:      tags(svc),
		OnBoot:    Enabled(svc) && svc.Spec.RestartPolicy != v1alpha1.RestartNever,
		BootOrder: bootOrder,
		Run:       Enabled(svc),

		ShutdownTimeout: ShutdownTimeout(svc),
		ForceStop:       svc.Spec.ForceStop,
	}
	setResources(&d, host, svc)
	return d, nil
}

// Enabled is whether the service is to be deployed at all.
func Enabled(svc *v1alpha1.NixMoxService) bool { return svc.Spec.Enable == nil || *svc.Spec.Enable }

// Hostname is the service's hostname, completed by the host's domain when it has no dot.
func Hostname(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) string {
	name := svc.Spec.Hostname
	if !strings.Contains(name, ".") && host.Spec.Network.Domain != "" {
		name += "." + host.Spec.Network.Domain
	}
	return name
}

// Address is the service's address with its prefix length, its own or that of the host's network.
func Address(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(svc.Spec.IP); err == nil {
		return p, nil
	}
	a, err := netip.ParseAddr(svc.Spec.IP)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("spec.ip: %q is not an address: %w", svc.Spec.IP, err)
	}
	network, err := netip.ParsePrefix(host.Spec.Network.CIDR)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("spec.network.cidr of host %s: %w", host.Name, err)
	}
	if network.Addr().Is4() != a.Is4() {
		return netip.Prefix{}, fmt.Errorf("spec.ip: %s has no prefix length, and the host's network %s is of the other IP version: write it with a prefix, such as %s/64", a, network, a)
	}
	return netip.PrefixFrom(a, network.Bits()), nil
}

// Template that the container is created from; empty when neither the service nor the host names one.
func Template(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) string {
	return first(svc.Spec.Template, host.Spec.Defaults.Template)
}

// ShutdownTimeout is how long a shutdown may take.
func ShutdownTimeout(svc *v1alpha1.NixMoxService) time.Duration {
	if t := svc.Spec.ShutdownTimeout; t != nil {
		return t.Duration.Duration
	}
	return time.Minute
}

func rootStorage(host *v1alpha1.NixMoxHost) string { return first(host.Spec.Defaults.Storage, "local") }

func network(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, ip netip.Prefix) (plan.Net, error) {
	own := v1alpha1.ServiceNetwork{}
	if svc.Spec.Network != nil {
		own = *svc.Spec.Network
	}
	net := plan.Net{
		Bridge:   first(own.Bridge, host.Spec.Network.Bridge, "vmbr0"),
		IP:       ip,
		MAC:      own.MACAddress,
		Firewall: firstBool(false, own.Firewall),
	}
	for _, tag := range []*int32{own.VLANTag, host.Spec.Network.VLANTag} {
		if tag != nil {
			net.VLANTag = int(*tag)
			break
		}
	}
	gateway, err := gateway(host.Spec.Network.Gateway, own.Gateway, ip)
	if err != nil {
		return plan.Net{}, err
	}
	net.Gateway = gateway
	return net, nil
}

// gateway is the service's own, else the host's where it is of the address's IP version.
func gateway(hosts, own string, ip netip.Prefix) (netip.Addr, error) {
	if own != "" {
		g, err := netip.ParseAddr(own)
		if err == nil && g.Is4() != ip.Addr().Is4() {
			err = fmt.Errorf("it is not of the same IP version as %s", ip.Addr())
		}
		if err != nil {
			return netip.Addr{}, fmt.Errorf("spec.network.gateway: %w", err)
		}
		return g, nil
	}
	g, err := netip.ParseAddr(hosts)
	if err != nil || g.Is4() != ip.Addr().Is4() {
		return netip.Addr{}, nil //nolint:nilerr // no gateway for this IP version is a legal wish
	}
	return g, nil
}

func nameservers(host *v1alpha1.NixMoxHost) []netip.Addr {
	var addrs []netip.Addr
	for _, s := range host.Spec.Network.DNSServers {
		if a, err := netip.ParseAddr(s); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

func volumes(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) []plan.Volume {
	var vs []plan.Volume
	for _, v := range svc.Spec.Volumes {
		if v.HostPath != "" {
			vs = append(vs, plan.Volume{Name: v.Name, MountPath: v.MountPath, HostPath: v.HostPath, ReadOnly: v.ReadOnly})
			continue
		}
		vs = append(vs, plan.Volume{
			Name: v.Name, MountPath: v.MountPath, Storage: first(v.Storage, rootStorage(host)),
			Bytes: v.Size.Value(), Backup: firstBool(true, v.Backup), ReadOnly: v.ReadOnly,
		})
	}
	return vs
}

func tags(svc *v1alpha1.NixMoxService) []string {
	all := append([]string{marker.Tag}, svc.Spec.Tags...)
	slices.Sort(all)
	return slices.Compact(all)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func firstBool(otherwise bool, values ...*bool) bool {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return otherwise
}
