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

	mu      sync.Mutex
	reports map[types.NamespacedName]*manifest.Report
	version map[types.NamespacedName]int
}

func newTopologies(c client.Reader) *topologies {
	return &topologies{client: c, reports: map[types.NamespacedName]*manifest.Report{}, version: map[types.NamespacedName]int{}}
}

// invalidate drops the judgement of a host: a service of it came, went or changed.
func (t *topologies) invalidate(host types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.reports, host)
	t.version[host]++
}

// of is the judgement of the host's services as the cache has them.
func (t *topologies) of(ctx context.Context, host *v1alpha1.NixMoxHost) (*manifest.Report, error) {
	name := client.ObjectKeyFromObject(host)
	t.mu.Lock()
	report, version := t.reports[name], t.version[name]
	t.mu.Unlock()
	if report != nil {
		return report, nil
	}
	services, err := servicesOf(ctx, t.client, name)
	if err != nil {
		return nil, err
	}
	report = topology.Validate(host, services)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version[name] == version {
		t.reports[name] = report
	}
	return report, nil
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
