package health

import (
	"context"
	"crypto/x509"
	"net/netip"
	"time"
)

// Limits bound one probe.
type Limits struct {
	// Timeout is for the whole probe.
	Timeout time.Duration
	// Connect is for reaching the other side from outside; zero means Timeout.
	Connect time.Duration
}

// Prober runs checks once. The zero Prober is ready; one serves everything.
type Prober struct {
	// Rewrite replaces the address that is dialled; an error means that it is not.
	// Nil in production: it is for ParseDevelopmentAddressMap alone.
	Rewrite func(netip.Addr) (netip.Addr, error)
	// RootCAs are trusted for https checks from outside; nil means the system's.
	RootCAs *x509.CertPool
}

// Probe runs check once against target. It always returns within the limits (as
// long as the target's Executor honours its context), and says in its Message
// what was found.
func (p *Prober) Probe(ctx context.Context, check Check, target Target, limits Limits) Result {
	if limits.Connect == 0 || limits.Connect > limits.Timeout {
		limits.Connect = limits.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	switch {
	case check.Kind == KindRunning:
		return passed("running; no check is known for it")
	case check.NeedsExec():
		return probeCommand(ctx, check, target, limits)
	case check.PrefersExec():
		r, why := probeInside(ctx, check, target, limits)
		if why == "" {
			return r
		}
		r = p.probeOutside(ctx, check, target, limits)
		r.Message += " (asked from outside: " + why + ")"
		return r
	default:
		return p.probeOutside(ctx, check, target, limits)
	}
}

func (p *Prober) probeOutside(ctx context.Context, check Check, target Target, limits Limits) Result {
	to, refusal := p.destinationOf(ctx, check, target)
	if refusal != nil {
		return *refusal
	}
	if check.Kind == KindTCP {
		return probeTCP(ctx, to, limits)
	}
	return p.probeHTTP(ctx, check, target, to, limits)
}
