package controllers

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestABridgeMayBeANetworkOfAnyZone(t *testing.T) {
	use := func(propagates bool) map[string]bool { return map[string]bool{"SDN.Use": propagates} }
	for what, c := range map[string]struct {
		permissions proxmox.Permissions
		want        bool
	}{
		"nothing":                      {proxmox.Permissions{}, false},
		"the bridge of the node":       {proxmox.Permissions{"/sdn/zones/localnetwork/vnet1": use(false)}, true},
		"another bridge of the node":   {proxmox.Permissions{"/sdn/zones/localnetwork/vmbr1": use(true)}, false},
		"the network in its zone":      {proxmox.Permissions{"/sdn/zones/lab/vnet1": use(false)}, true},
		"all networks of a zone":       {proxmox.Permissions{"/sdn/zones/lab": use(true)}, true},
		"a zone without its networks":  {proxmox.Permissions{"/sdn/zones/lab": use(false)}, false},
		"another network of that zone": {proxmox.Permissions{"/sdn/zones/lab/vnet2": use(true)}, false},
	} {
		if got := mayUseBridge(c.permissions, "vnet1"); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}
