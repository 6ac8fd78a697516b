package pvesim

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// parseNet reads a stored netN.
func (s *Simulator) parseNet(text string) (map[string]string, error) {
	return schema.ParseString(s.netProps(), text, "")
}

// canonicalNet gives a network interface a MAC address if it has none, and the form in which Proxmox stores it
// (PVE/LXC/Config.pm, parse_lxc_network and print_lxc_network).
func (s *Simulator) canonicalNet(text string) (string, error) {
	values, err := s.parseNet(text)
	if err != nil {
		return "", err
	}
	values["type"] = "veth"
	if values["hwaddr"] == "" {
		values["hwaddr"] = s.newMAC()
	}
	return schema.PrintString(s.netProps(), values), nil
}

func (s *Simulator) newMAC() string {
	mac := strings.ToUpper(s.world.MACPrefix)
	for len(mac) < len("00:00:00:00:00:00") {
		mac += fmt.Sprintf(":%02X", s.random.IntN(256))
	}
	return mac
}

// settleNet makes a changed interface final. A running container needs its bridge at once; the two messages differ, and
// end in newlines (observed on 9.2).
func (s *Simulator) settleNet(g *guest, conf *config, key string) error {
	canonical, err := s.canonicalNet(conf.pending[key])
	if err != nil {
		return err
	}
	if bridge := s.missingBridge(canonical); g.running() && bridge != "" {
		if _, had := conf.values[key]; had {
			return perlText(fmt.Sprintf("interface %s does not exist\n\n", bridge))
		}
		return perlText(fmt.Sprintf("bridge '%s' does not exist\n", bridge))
	}
	conf.pending[key] = canonical
	return nil
}

// perlText is a message of Proxmox's with its newlines.
type perlText string

// Error returns the message.
func (p perlText) Error() string { return string(p) }

// missingBridge is the bridge of an interface, if it does not exist.
func (s *Simulator) missingBridge(text string) string {
	values, err := s.parseNet(text)
	if err != nil || values["bridge"] == "" {
		return ""
	}
	if _, exists := s.world.Bridges[values["bridge"]]; exists {
		return ""
	}
	return values["bridge"]
}

// checkMTU compares an interface's MTU with its bridge's, which must exist for that.
func (s *Simulator) checkMTU(key, text string) error {
	values, err := s.parseNet(text)
	if err != nil || values["mtu"] == "" {
		return nil
	}
	bridge, exists := s.world.Bridges[values["bridge"]]
	if !exists {
		return die("bridge '%s' does not exist", values["bridge"])
	}
	if bridge.MTU == 0 {
		bridge.MTU = 1500
	}
	if mtu, _ := wholeNumber(values["mtu"]); mtu > bridge.MTU {
		return die("%s: MTU size '%d' is bigger than bridge MTU '%d'", key, mtu, bridge.MTU)
	}
	return nil
}

// regenerate writes the container's LXC configuration anew, which needs all bridges and an architecture. It comes after
// the PUT has been stored, so its failure is a 500 for a change that took place (observed on 9.2).
func (s *Simulator) regenerate(g *guest) error {
	if g.value("arch") == "" {
		return die("missing 'arch' - internal error")
	}
	for index := range 32 {
		if bridge := s.missingBridge(g.value(fmt.Sprintf("net%d", index))); bridge != "" {
			return die("bridge '%s' does not exist", bridge)
		}
	}
	return nil
}

// link is an interface of a running container.
type link struct {
	name string
	mac  string
	v4   []netip.Prefix
	v6   []netip.Prefix
}

// links are the interfaces of a container as configured; DHCP gives an address of the bridge's network.
func (s *Simulator) links(g *guest) []link {
	var found []link
	for index := range 32 {
		text, set := g.conf.values[fmt.Sprintf("net%d", index)]
		if !set {
			continue
		}
		values, err := s.parseNet(text)
		if err != nil {
			continue
		}
		one := link{name: values["name"], mac: strings.ToLower(values["hwaddr"])}
		if prefix, ok := s.address4(g, values); ok {
			one.v4 = append(one.v4, prefix)
		}
		if prefix, err := netip.ParsePrefix(values["ip6"]); err == nil {
			one.v6 = append(one.v6, prefix)
		}
		if len(one.v4)+len(one.v6) > 0 {
			if local, ok := linkLocal(one.mac); ok {
				one.v6 = append(one.v6, local)
			}
		}
		found = append(found, one)
	}
	return found
}

func (s *Simulator) address4(g *guest, values map[string]string) (netip.Prefix, bool) {
	if values["ip"] != "dhcp" {
		prefix, err := netip.ParsePrefix(values["ip"])
		return prefix, err == nil
	}
	network, err := netip.ParsePrefix(s.world.Bridges[values["bridge"]].CIDR)
	if err != nil || !network.Addr().Is4() || network.Bits() > 24 {
		return netip.Prefix{}, false
	}
	bytes := network.Masked().Addr().As4()
	bytes[3] = byte(100 + g.vmid%150)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), network.Bits()), true
}

// linkLocal is the address that the kernel derives from a MAC address.
func linkLocal(mac string) (netip.Prefix, bool) {
	var b [6]byte
	if n, err := fmt.Sscanf(mac, "%02x:%02x:%02x:%02x:%02x:%02x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]); n != 6 || err != nil {
		return netip.Prefix{}, false
	}
	address := [16]byte{0: 0xfe, 1: 0x80, 8: b[0] ^ 2, 9: b[1], 10: b[2], 11: 0xff, 12: 0xfe, 13: b[3], 14: b[4], 15: b[5]}
	return netip.PrefixFrom(netip.AddrFrom16(address), 64), true
}
