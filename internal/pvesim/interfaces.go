package pvesim

import (
	"net/netip"
	"strconv"
)

type interfaceAddress struct {
	Address string `json:"ip-address"`
	Family  string `json:"ip-address-type"`
	Prefix  string `json:"prefix"`
}

type interfaceRow struct {
	Name      string             `json:"name"`
	MAC       string             `json:"hwaddr"`
	Hardware  string             `json:"hardware-address"`
	Inet      string             `json:"inet,omitempty"`
	Inet6     string             `json:"inet6,omitempty"`
	Addresses []interfaceAddress `json:"ip-addresses"`
}

// interfaces lists the addresses inside a running container; null for one that is stopped, and for one that does not
// exist (observed on 9.2). inet and inet6 hold the last address of each family.
func interfaces(c *call) (any, error) {
	g := c.guests[c.vmid]
	if g == nil || g.node != c.node || !g.running() {
		return nil, nil
	}
	loopback := link{
		name: "lo", mac: "00:00:00:00:00:00",
		v4: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}, v6: []netip.Prefix{netip.MustParsePrefix("::1/128")},
	}
	rows := []interfaceRow{}
	for _, one := range append([]link{loopback}, c.links(g)...) {
		row := interfaceRow{Name: one.name, MAC: one.mac, Hardware: one.mac, Addresses: []interfaceAddress{}}
		for _, prefix := range one.v4 {
			row.Inet = prefix.String()
			row.add("inet", prefix)
		}
		for _, prefix := range one.v6 {
			row.Inet6 = prefix.String()
			row.add("inet6", prefix)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *interfaceRow) add(family string, prefix netip.Prefix) {
	r.Addresses = append(r.Addresses, interfaceAddress{
		Address: prefix.Addr().String(), Family: family, Prefix: strconv.Itoa(prefix.Bits()),
	})
}
