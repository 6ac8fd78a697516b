package proxmox

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Net is the value of a netN key: one network interface of a container.
type Net struct {
	// Name is the interface's name inside the container, "eth0".
	Name   string
	Bridge string
	// HWAddr is the MAC. A change without it makes Proxmox invent a new one
	// and plug the interface anew: read it and send it back.
	HWAddr string
	// IP is "A.B.C.D/N", "dhcp" or "manual"; Gateway an IPv4 address.
	IP, Gateway string
	// IP6 is a CIDR, "auto", "dhcp" or "manual"; Gateway6 an IPv6 address.
	IP6, Gateway6 string
	// Tag is the VLAN, 0 for none.
	Tag int
	// Trunks are the VLANs passed through.
	Trunks   []string
	Firewall bool
	// MTU in bytes, 0 for the bridge's.
	MTU int
	// RateMBps limits the throughput in megabytes a second, 0 for none.
	RateMBps float64
	LinkDown bool
	// HostManaged lets the node run DHCP for the container (9.1).
	HostManaged bool
	// Type is "veth", the only one; "" means the same.
	Type string
	// Other holds keys that this version does not know, as they are.
	Other map[string]string
}

// ParseNet reads a netN value.
func ParseNet(s string) (Net, error) {
	props, err := parseProps(s, "")
	if err != nil {
		return Net{}, fmt.Errorf("network interface %q: %w", s, err)
	}
	var n Net
	for _, p := range props {
		if !n.set(p) {
			n.Other = keep(n.Other, p)
		}
	}
	return n, nil
}

// set takes one part, unless its key is unknown or its value has no place in
// the field; such a part is kept as it is.
func (n *Net) set(p prop) bool {
	switch p.key {
	case "name":
		n.Name = p.value
	case "bridge":
		n.Bridge = p.value
	case "hwaddr":
		n.HWAddr = p.value
	case "ip":
		n.IP = p.value
	case "gw":
		n.Gateway = p.value
	case "ip6":
		n.IP6 = p.value
	case "gw6":
		n.Gateway6 = p.value
	case "trunks":
		n.Trunks = splitSemicolons(p.value)
		return len(n.Trunks) > 0
	case "type":
		n.Type = p.value
	case "firewall":
		n.Firewall = parseBool(p.value)
	case "link_down":
		n.LinkDown = parseBool(p.value)
	case "host-managed":
		n.HostManaged = parseBool(p.value)
	case "tag":
		return setInt(&n.Tag, p.value)
	case "mtu":
		return setInt(&n.MTU, p.value)
	case "rate":
		return setFloat(&n.RateMBps, p.value)
	default:
		return false
	}
	return true
}

// String writes the value for a netN key.
func (n Net) String() string {
	var w propWriter
	w.add("name", n.Name)
	w.add("bridge", n.Bridge)
	w.flag("firewall", n.Firewall)
	w.add("gw", n.Gateway)
	w.add("gw6", n.Gateway6)
	w.flag("host-managed", n.HostManaged)
	w.add("hwaddr", n.HWAddr)
	w.add("ip", n.IP)
	w.add("ip6", n.IP6)
	w.flag("link_down", n.LinkDown)
	w.add("mtu", formatInt(n.MTU))
	w.add("rate", formatFloat(n.RateMBps))
	w.add("tag", formatInt(n.Tag))
	w.add("trunks", strings.Join(n.Trunks, ";"))
	w.add("type", n.Type)
	w.rest(n.Other)
	return w.String()
}

// Equal compares by meaning: MAC without case, addresses as addresses, "veth"
// and no type alike.
func (n Net) Equal(o Net) bool { return n.canonical() == o.canonical() }

func (n Net) canonical() string {
	n.HWAddr = strings.ToUpper(n.HWAddr)
	n.IP, n.IP6 = canonicalAddress(n.IP), canonicalAddress(n.IP6)
	n.Gateway, n.Gateway6 = canonicalAddress(n.Gateway), canonicalAddress(n.Gateway6)
	n.Trunks = slices.Compact(slices.Sorted(slices.Values(n.Trunks)))
	if n.Type == "veth" {
		n.Type = ""
	}
	return n.String()
}

// Merge gives what to send when wish is to hold for the managed sub-keys
// ("bridge", "ip", "tag", ... as Proxmox spells them) and everything else is
// to stay as n has it. A managed key that wish does not have is removed.
func (n Net) Merge(wish Net, managed ...string) Net {
	var merged Net
	take := func(from Net, wanted bool) {
		// What String wrote always parses.
		props, _ := parseProps(from.String(), "")
		for _, p := range props {
			if slices.Contains(managed, p.key) == wanted && !merged.set(p) {
				merged.Other = keep(merged.Other, p)
			}
		}
	}
	take(n, false)
	take(wish, true)
	return merged
}

// canonicalAddress brings an address or prefix into one form and leaves words
// such as "dhcp" alone.
func canonicalAddress(s string) string {
	if prefix, err := netip.ParsePrefix(s); err == nil {
		return prefix.String()
	}
	if address, err := netip.ParseAddr(s); err == nil {
		return address.String()
	}
	return s
}

// setInt takes a positive number whose text is what formatInt writes.
func setInt(field *int, s string) bool {
	value, err := strconv.Atoi(s)
	if err != nil || value <= 0 || strconv.Itoa(value) != s {
		return false
	}
	*field = value
	return true
}

func setFloat(field *float64, s string) bool {
	value, err := strconv.ParseFloat(s, 64)
	if err != nil || !(value > 0) || value > 1e9 {
		return false
	}
	*field = value
	return true
}

func formatInt(value int) string {
	if value == 0 {
		return ""
	}
	return strconv.Itoa(value)
}

func formatFloat(value float64) string {
	if value == 0 {
		return ""
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
