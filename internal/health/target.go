package health

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// Target is what a check is run against: one service's container.
type Target struct {
	// Address is the container's own.
	Address netip.Addr
	// Hostname is the service's full name: the Host header, and the name that its
	// certificate must be valid for. Empty: the check's own host.
	Hostname string
	// Exec runs commands inside the container; nil when not configured. Give the
	// same value (a pointer) every time, since a different one is a change.
	Exec guest.Executor
	// Node and VMID say where the container is.
	Node string
	VMID int
	// AllowedHosts are what the host's policy.probeHosts lets checks reach besides
	// the container itself: names, addresses or prefixes.
	AllowedHosts []string
}

func (t Target) container() guest.Container { return guest.Container{Node: t.Node, VMID: t.VMID} }

// isOwn says whether a check's host means the container itself.
func (t Target) isOwn(host string) bool {
	if host == "" || isLocalhost(host) || t.Hostname != "" && strings.EqualFold(host, strings.TrimSuffix(t.Hostname, ".")) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && t.Address.IsValid() && addr.Unmap() == t.Address.Unmap()
}

func (t Target) allows(host string) bool {
	addr, err := netip.ParseAddr(host)
	isAddr := err == nil
	return slices.ContainsFunc(t.AllowedHosts, func(entry string) bool {
		if strings.EqualFold(host, strings.TrimSuffix(entry, ".")) {
			return true
		}
		if !isAddr {
			return false
		}
		if prefix, err := netip.ParsePrefix(entry); err == nil {
			return prefix.Contains(addr.Unmap())
		}
		allowed, err := netip.ParseAddr(entry)
		return err == nil && allowed.Unmap() == addr.Unmap()
	})
}

// destination is where a probe from outside connects to.
type destination struct {
	dial string // what is dialled, HOST:PORT with a literal address
	name string // the same for people: never a rewritten address
}

// destinationOf resolves a check's host under the policy; the Result says why
// there is none. The container's own address comes from a manifest, so addresses that
// would lead back to the controller's own machine are refused like foreign ones.
func (p *Prober) destinationOf(ctx context.Context, c Check, t Target) (destination, *Result) {
	var addr netip.Addr
	name := c.Host
	switch {
	case t.isOwn(c.Host):
		addr, name = t.Address.Unmap(), t.Address.Unmap().String()
		if !addr.IsValid() {
			return destination{}, resultp(notRun("the container's address is not known yet"))
		}
		if !probeable(addr) {
			return destination{}, resultp(cannotRun(fmt.Sprintf("%s is not an address that a container can be asked at: give the service an address of its network", addr)))
		}
	case t.allows(c.Host):
		resolved, err := p.resolve(ctx, c.Host)
		if err != nil {
			return destination{}, resultp(notRun(fmt.Sprintf("the name %s does not resolve: check the controller's DNS", c.Host)))
		}
		addr = resolved
	default:
		return destination{}, resultp(cannotRun(fmt.Sprintf("not asked: %s is neither this container nor in the host's spec.policy.probeHosts; add it there, or check the container itself", c.Host)))
	}
	dial := addr
	if p.Rewrite != nil {
		var err error
		if dial, err = p.Rewrite(addr); err != nil {
			return destination{}, resultp(cannotRun(fmt.Sprintf("not asked: %v", err)))
		}
	}
	port := fmt.Sprint(c.Port)
	return destination{dial: net.JoinHostPort(dial.String(), port), name: net.JoinHostPort(name, port)}, nil
}

func (p *Prober) resolve(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}

// probeable rules out addresses that no container of a network can have.
func probeable(a netip.Addr) bool {
	return !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

func resultp(r Result) *Result { return &r }
