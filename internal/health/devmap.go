package health

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseDevelopmentAddressMap reads "192.168.99.0/24=127.0.99.0/24" (several joined by
// commas) and returns a Prober.Rewrite: the address with the same host part in
// the loopback prefix. For development only: with a simulator the containers answer on
// loopback addresses, and an address outside the map is an error, so that
// nothing is ever sent to a real one.
func ParseDevelopmentAddressMap(text string) (func(netip.Addr) (netip.Addr, error), error) {
	var pairs []addressPair
	for part := range strings.SplitSeq(text, ",") {
		pair, err := parseAddressPair(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("development address map: %w; write it as 192.168.99.0/24=127.0.99.0/24", err)
		}
		for _, other := range pairs {
			if other.from.Overlaps(pair.from) || other.to.Overlaps(pair.to) {
				return nil, fmt.Errorf("development address map: %s and %s overlap; give each address one place", other, pair)
			}
		}
		pairs = append(pairs, pair)
	}
	return func(addr netip.Addr) (netip.Addr, error) {
		for _, pair := range pairs {
			if pair.from.Contains(addr.Unmap()) {
				return pair.rewrite(addr.Unmap()), nil
			}
		}
		return netip.Addr{}, fmt.Errorf("%s is not in the development address map (%s), and nothing else is ever contacted while it is on", addr, text)
	}, nil
}

type addressPair struct{ from, to netip.Prefix }

func (p addressPair) String() string { return p.from.String() + "=" + p.to.String() }

func parseAddressPair(text string) (addressPair, error) {
	left, right, found := strings.Cut(text, "=")
	if !found {
		return addressPair{}, fmt.Errorf("%q has no =", text)
	}
	from, err := netip.ParsePrefix(left)
	if err != nil {
		return addressPair{}, err
	}
	to, err := netip.ParsePrefix(right)
	if err != nil {
		return addressPair{}, err
	}
	switch {
	case !from.Addr().Is4() || !to.Addr().Is4():
		return addressPair{}, fmt.Errorf("%q is not two IPv4 prefixes", text)
	case from != from.Masked() || to != to.Masked():
		return addressPair{}, fmt.Errorf("%q has bits set behind a prefix", text)
	case from.Bits() != to.Bits():
		return addressPair{}, fmt.Errorf("the prefixes of %q differ in length", text)
	case to.Bits() < 8 || !to.Addr().IsLoopback():
		return addressPair{}, fmt.Errorf("%s is not inside 127.0.0.0/8", to)
	}
	return addressPair{from: from, to: to}, nil
}

func (p addressPair) rewrite(addr netip.Addr) netip.Addr {
	in, out := addr.As4(), p.to.Addr().As4()
	for i := range out {
		hostBits := min(max(8*(i+1)-p.to.Bits(), 0), 8)
		out[i] |= in[i] & byte(1<<hostBits-1)
	}
	return netip.AddrFrom4(out)
}
