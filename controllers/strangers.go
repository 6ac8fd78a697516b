package controllers

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// foreign are the running containers of somebody else on a host's Proxmox, as far as they were read, and those of the services that the host
// does not allow any more: no service is given their addresses.
func (s *Sessions) foreign(host types.NamespacedName, others []v1alpha1.NixMoxService) []manifest.Foreign {
	session := s.of(host)
	if session == nil {
		return nil
	}
	var all []manifest.Foreign
	for _, stranger := range session.inventory.Strangers() {
		namespace, name, _ := strings.Cut(stranger.Service, "/")
		for _, ip := range stranger.Addresses {
			all = append(all, manifest.Foreign{IP: ip, VMID: int32(stranger.VMID), What: stranger.String(), Service: manifest.Key{Namespace: namespace, Name: name}})
		}
	}
	for i := range others {
		svc := &others[i]
		// Its container is read as a stranger's soon; until then what was observed last counts.
		guest := session.inventory.Guest(proxmox.VMID(svc.Status.VMID))
		if ip := topology.Address(svc); ip.IsValid() && svc.Status.VMID != 0 && guest.Running {
			all = append(all, manifest.Foreign{
				IP: ip.Unmap(), VMID: svc.Status.VMID, Service: keyOf(svc), What: fmt.Sprintf("container %d of service %s", svc.Status.VMID, keyOf(svc)),
			})
		}
	}
	return all
}
