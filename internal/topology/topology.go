// Package topology turns the objects of the API into what internal/manifest judges: the services of one host as a set, and the host's
// phases. It is pure. Controllers call it with objects from the cluster, the kubectl plugin with objects from files, so that both
// come to the same answer.
package topology

import (
	"net/netip"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// Validate judges the services of a host as a set: those that the host allows, and no others.
func Validate(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) *manifest.Report {
	return ValidateAmong(host, services, nil)
}

// ValidateAmong is Validate where guests of somebody else have addresses too.
func ValidateAmong(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService, foreign []manifest.Foreign) *manifest.Report {
	return manifest.ValidateAmong(Services(host, services), Phases(host), foreign)
}

// Services are the host's services as far as the judgement of a set needs them.
func Services(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) []manifest.Service {
	set := make([]manifest.Service, 0, len(services))
	for i := range services {
		set = append(set, Service(host, &services[i]))
	}
	return set
}

// Service is one service of the set.
func Service(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) manifest.Service {
	m := manifest.Service{
		Key: KeyOf(svc), Hostname: desired.Hostname(host, svc), DependsOn: svc.Spec.DependsOn,
		// What is being deleted holds nothing and cannot be built on.
		Enabled: desired.Enabled(svc) && svc.DeletionTimestamp == nil,
		Created: svc.CreationTimestamp.Time,
	}
	if svc.Spec.VMID != nil {
		m.VMID = *svc.Spec.VMID
	}
	ip, err := desired.Address(host, svc)
	if err == nil {
		m.IP = ip.Addr()
	} else if own, e := netip.ParseAddr(svc.Spec.IP); e == nil {
		m.IP = own // files without their host: no prefix is known, and two with one address are two all the same
	}
	if o := svc.Status.Observed; o != nil {
		has := Address(svc)
		// A step under way may be giving it to the container at this moment.
		m.HoldsIP = err == nil && (has == ip.Addr() || svc.Status.Operation != nil)
		m.HoldsHostname = o.Hostname == m.Hostname
		m.Pinned = svc.Spec.Suspend
		if o.Running {
			m.At = has.Unmap()
		}
	}
	return m
}

// Address is the address that the service's container is configured with, as far as it was observed.
func Address(svc *v1alpha1.NixMoxService) netip.Addr {
	if o := svc.Status.Observed; o != nil {
		if has, err := netip.ParsePrefix(o.IP); err == nil {
			return has.Addr()
		}
	}
	return netip.Addr{}
}

// Phases are the host's named phases.
func Phases(host *v1alpha1.NixMoxHost) []manifest.Phase {
	var phases []manifest.Phase
	for _, p := range host.Spec.Phases {
		phases = append(phases, manifest.Phase{Name: p.Name, Services: p.Services})
	}
	return phases
}

// KeyOf names a service.
func KeyOf(svc *v1alpha1.NixMoxService) manifest.Key {
	return manifest.Key{Namespace: svc.Namespace, Name: svc.Name}
}

// HostOf is the host that a service refers to.
func HostOf(svc *v1alpha1.NixMoxService) types.NamespacedName {
	name := svc.Spec.HostRef.Name
	if name == "" {
		name = "default"
	}
	namespace := svc.Spec.HostRef.Namespace
	if namespace == "" {
		namespace = svc.Namespace
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}
