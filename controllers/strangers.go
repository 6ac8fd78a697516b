package controllers

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// foreign are the running containers of somebody else on a host's Proxmox, as far as they were read: no service is given their addresses.
func (s *Sessions) foreign(host types.NamespacedName) []manifest.Foreign {
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
	return all
}
