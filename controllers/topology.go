package controllers

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// topologies judges the services of each host as a set, once a change: a pass over one service must not look at all of them.
type topologies struct {
	client client.Reader
	// foreign are the guests of somebody else on a host's Proxmox.
	foreign func(host types.NamespacedName) []manifest.Foreign

	mu      sync.Mutex
	judged  map[types.NamespacedName]*judgement
	version map[types.NamespacedName]int
}

// judgement is a report with the specs that it is about.
type judgement struct {
	report   *manifest.Report
	host     int64
	services map[manifest.Key]edition
}

// edition tells one spec of a service from another.
type edition struct {
	uid        types.UID
	generation int64
	deleted    bool
}

func editionOf(svc *v1alpha1.NixMoxService) edition {
	return edition{svc.UID, svc.Generation, svc.DeletionTimestamp != nil}
}

func newTopologies(c client.Reader, foreign func(host types.NamespacedName) []manifest.Foreign) *topologies {
	return &topologies{client: c, foreign: foreign, judged: map[types.NamespacedName]*judgement{}, version: map[types.NamespacedName]int{}}
}

// invalidate drops the judgement of a host: a service of it came, went or changed.
func (t *topologies) invalidate(host types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.judged, host)
	t.version[host]++
}

// of is the judgement of the host's services as the cache has them. It is about these very specs: the cache may hold a change, and wake the
// service, before invalidate is told of it.
func (t *topologies) of(ctx context.Context, host *v1alpha1.NixMoxHost, about ...*v1alpha1.NixMoxService) (*manifest.Report, error) {
	name := client.ObjectKeyFromObject(host)
	t.mu.Lock()
	known, version := t.judged[name], t.version[name]
	t.mu.Unlock()
	if known != nil && known.isAbout(host, about) {
		return known.report, nil
	}
	services, err := servicesOf(ctx, t.client, name)
	if err != nil {
		return nil, err
	}
	made := &judgement{report: topology.ValidateAmong(host, services, t.foreign(name)), host: host.Generation, services: make(map[manifest.Key]edition, len(services))}
	for i := range services {
		made.services[keyOf(&services[i])] = editionOf(&services[i])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version[name] == version {
		t.judged[name] = made
	}
	return made.report, nil
}

func (j *judgement) isAbout(host *v1alpha1.NixMoxHost, services []*v1alpha1.NixMoxService) bool {
	for _, svc := range services {
		if j.services[keyOf(svc)] != editionOf(svc) {
			return false
		}
	}
	return j.host == host.Generation
}

// servicesOf lists the services that refer to a host.
func servicesOf(ctx context.Context, c client.Reader, host types.NamespacedName) ([]v1alpha1.NixMoxService, error) {
	var all v1alpha1.NixMoxServiceList
	if err := c.List(ctx, &all, client.InNamespace(host.Namespace), client.MatchingFields{indexHost: host.String()}); err != nil {
		return nil, fmt.Errorf("list the services of host %s: %w", host, err)
	}
	return all.Items, nil
}

func keyOf(svc *v1alpha1.NixMoxService) manifest.Key { return topology.KeyOf(svc) }

// hostOf is the host that a service refers to.
func hostOf(svc *v1alpha1.NixMoxService) types.NamespacedName { return topology.HostOf(svc) }
