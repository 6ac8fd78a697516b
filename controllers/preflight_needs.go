package controllers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// needs are what a host, its policy and its services name on Proxmox, each once.
type needs struct {
	storages, templates []string
	// bridges are with their VLAN, as the access list has them: vmbr0/100.
	bridges []string
	// by is who needs what the host does not name itself: the first service of those that do.
	by map[string]string
}

// String is by what a change of the needs is noticed: a service more that needs the same is none.
func (n needs) String() string { return fmt.Sprint(n.storages, n.templates, n.bridges) }

// whose says who needs something, in words that follow "which".
func (n needs) whose(name string) string {
	if service := n.by[name]; service != "" {
		return "service " + service + " needs"
	}
	return "the host's spec names"
}

func needsOf(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) needs {
	n := needs{by: map[string]string{}}
	storages, templates, bridges := map[string]bool{}, map[string]bool{}, map[string]bool{}
	need := func(all map[string]bool, name, service string) {
		if name == "" || all[name] {
			return
		}
		all[name] = true
		n.by[name] = service
	}
	storage, bridge := cmp.Or(host.Spec.Defaults.Storage, "local"), topology.Bridge(host)
	need(storages, storage, "")
	need(templates, host.Spec.Defaults.Template, "")
	need(bridges, onVLAN(bridge, host.Spec.Network.VLANTag), "")
	for _, name := range host.Spec.Policy.Bridges {
		need(bridges, name, "")
	}
	for _, name := range host.Spec.Policy.Templates {
		if !strings.Contains(name, "*") {
			need(templates, name, "")
		}
	}
	for i := range services {
		svc := &services[i]
		if !desired.Enabled(svc) || svc.DeletionTimestamp != nil || policyRefuses(host, svc) != "" {
			continue
		}
		need(templates, svc.Spec.Template, svc.Name)
		for _, v := range svc.Spec.Volumes {
			need(storages, v.Storage, svc.Name)
		}
		if own := svc.Spec.Network; own != nil {
			need(bridges, onVLAN(cmp.Or(own.Bridge, bridge), cmp.Or(own.VLANTag, host.Spec.Network.VLANTag)), svc.Name)
		}
	}
	n.storages, n.templates, n.bridges = slices.Sorted(maps.Keys(storages)), slices.Sorted(maps.Keys(templates)), slices.Sorted(maps.Keys(bridges))
	return n
}

// onVLAN is the path of a bridge below its zone: a tag has a privilege of its own.
func onVLAN(bridge string, tag *int32) string {
	if tag == nil || *tag == 0 {
		return bridge
	}
	return fmt.Sprintf("%s/%d", bridge, *tag)
}
