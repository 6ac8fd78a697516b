package execute

import (
	"net/netip"

	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func wishedNet(d plan.Desired) proxmox.Net {
	net := proxmox.Net{Name: "eth0", HWAddr: d.Net.MAC, Type: "veth"}
	setNet(&net, d)
	return net
}

// mergedNet keeps the MAC, for Proxmox would invent a new one, and everything that we do not manage.
func mergedNet(now *proxmox.Config, d plan.Desired) proxmox.Net {
	net, present := now.Nets[0]
	if !present {
		return wishedNet(d)
	}
	if d.Net.MAC != "" {
		net.HWAddr = d.Net.MAC
	}
	setNet(&net, d)
	return net
}

func setNet(net *proxmox.Net, d plan.Desired) {
	net.Bridge, net.Tag, net.Firewall = d.Net.Bridge, d.Net.VLANTag, d.Net.Firewall
	if mtu := d.Options.MTU; mtu != nil {
		net.MTU = *mtu
	}
	if rate := d.Options.RateMBps; rate != nil {
		net.RateMBps = *rate
	}
	setAddress(net, d.Net)
}

// setAddress puts the address in the place of the one that was compared with it: the first that the interface has. A second one, of the
// other IP version, is somebody else's and stays.
func setAddress(net *proxmox.Net, n plan.Net) {
	gateway := ""
	if n.Gateway.IsValid() {
		gateway = n.Gateway.String()
	}
	if n.IP.Addr().Is4() {
		if !static(net.IP) && static(net.IP6) {
			net.IP6, net.Gateway6 = "", ""
		}
		net.IP, net.Gateway = n.IP.String(), gateway
		return
	}
	net.IP6, net.Gateway6 = n.IP.String(), gateway
	if net.IP != "" && net.IP != "manual" {
		// The first address found is the one compared: an IPv4 one left behind would hide ours.
		net.IP, net.Gateway = "", ""
	}
}

// static is whether a value is an address: dhcp, auto and manual are none.
func static(text string) bool {
	_, err := netip.ParsePrefix(text)
	return err == nil
}
