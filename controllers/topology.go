package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// topologies judges the services of each host as a set, once a change: a pass over one service must not look at all of them.
type topologies struct {
	client     client.Reader
	namespaces namespaces
	// foreign are the guests on a host's Proxmox that belong to nobody or to one of the others: services that the host does not allow.
	foreign func(host types.NamespacedName, others []v1alpha1.NixMoxService) []manifest.Foreign

	mu    sync.Mutex
	hosts map[types.NamespacedName]*topologyOf
}

// topologyOf is what is known of one host's services as a set.
type topologyOf struct {
	report  *manifest.Report // nil when something changed since
	about   editions
	last    *manifest.Report // the one before
	version int
	cost    time.Duration // of the judgement, and when it was made
	at      time.Time
	size    int
	// phases are the holds by each phase, until the readiness of any service changes.
	phases    map[int]*Outcome
	readiness int
}

// editions are the specs that a judgement is about.
type editions struct {
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

func (e editions) include(host *v1alpha1.NixMoxHost, services []*v1alpha1.NixMoxService) bool {
	for _, svc := range services {
		if e.services[keyOf(svc)] != editionOf(svc) {
			return false
		}
	}
	return e.host == host.Generation
}

func newTopologies(c client.Reader, ns namespaces, foreign func(host types.NamespacedName, others []v1alpha1.NixMoxService) []manifest.Foreign) *topologies {
	return &topologies{client: c, namespaces: ns, foreign: foreign, hosts: map[types.NamespacedName]*topologyOf{}}
}

// host is the entry of a host. The lock is held.
func (t *topologies) host(name types.NamespacedName) *topologyOf {
	h := t.hosts[name]
	if h == nil {
		h = &topologyOf{phases: map[int]*Outcome{}}
		t.hosts[name] = h
	}
	return h
}

// invalidate drops the judgement of a host: a service of it came, went or changed.
func (t *topologies) invalidate(host types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.host(host)
	h.report = nil
	h.version++
	h.turned()
}

// turned drops what depends on who is ready.
func (h *topologyOf) turned() {
	h.readiness++
	clear(h.phases)
}

// readinessChanged is a service of the host that became ready, or ill.
func (t *topologies) readinessChanged(host types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.host(host).turned()
}

// size is how many services the host had when they were judged last.
func (t *topologies) size(host types.NamespacedName) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.host(host).size
}

// clean is whether in the last judgement nobody had what another wants: then it does not matter that a container got what it is to have.
func (t *topologies) clean(host types.NamespacedName) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.host(host)
	return h.report != nil && !h.report.Contested()
}

// holds remembers what hold each phase is, for all services of later phases.
func (t *topologies) holds(host types.NamespacedName) func(phase int, compute func() *Outcome) *Outcome {
	return func(phase int, compute func() *Outcome) *Outcome {
		t.mu.Lock()
		h := t.host(host)
		o, known := h.phases[phase]
		readiness := h.readiness
		t.mu.Unlock()
		if known {
			return o
		}
		o = compute()
		t.mu.Lock()
		defer t.mu.Unlock()
		if h.readiness == readiness && (o == nil || o.Again == 0) {
			h.phases[phase] = o
		}
		return o
	}
}

// busy is how long a judgement is put off so that judging takes at most a tenth of the time: while thousands of services are
// applied one by one, each would be judged together with all that came before it.
const busy = 10

// of is the judgement of the host's services as the cache has them. It is about these very specs: the cache may hold a change, and wake the
// service, before invalidate is told of it. It is nil, with a time to come again, while many changes come in.
func (t *topologies) of(ctx context.Context, host *v1alpha1.NixMoxHost, about ...*v1alpha1.NixMoxService) (report *manifest.Report, again time.Duration, err error) {
	name := client.ObjectKeyFromObject(host)
	t.mu.Lock()
	h := t.host(name)
	report, version := h.report, h.version
	if report != nil && !h.about.include(host, about) {
		report = nil
	}
	again = h.cost*busy - time.Since(h.at)
	t.mu.Unlock()
	if report != nil {
		return report, 0, nil
	}
	if again > 0 {
		return nil, again, nil
	}
	began := time.Now()
	services, others, err := t.part(ctx, host)
	if err != nil {
		return nil, 0, err
	}
	report = topology.ValidateAmong(host, services, t.foreign(name, others))
	made := editions{host: host.Generation, services: make(map[manifest.Key]edition, len(services))}
	for i := range services {
		made.services[keyOf(&services[i])] = editionOf(&services[i])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h.at, h.size = time.Now(), len(services)
	h.cost = h.at.Sub(began)
	if h.version == version {
		h.report, h.about = report, made
	}
	return report, 0, nil
}

// moved are the services that a new judgement means something new for, compared with what was told last; all is set when it may be any.
func (t *topologies) moved(host types.NamespacedName, report *manifest.Report) (keys []manifest.Key, all bool) {
	t.mu.Lock()
	h := t.host(host)
	last := h.last
	h.last = report
	t.mu.Unlock()
	switch {
	case last == nil || last == report:
		return nil, false // at first each is looked at anyway
	case last.HoldAfter() != report.HoldAfter():
		return nil, true
	}
	for _, key := range append(report.Order(), report.Unordered()...) {
		was, blockedBefore := last.Block(key)
		is, blocked := report.Block(key)
		gave, _ := last.Handover(key)
		gives, _ := report.Handover(key)
		if gave != gives || blocked != blockedBefore || blocked && was.Message() != is.Message() || last.Phase(key) != report.Phase(key) ||
			last.Level(key) != report.Level(key) || !slices.Equal(last.Dependencies(key), report.Dependencies(key)) {
			keys = append(keys, key)
		}
	}
	return keys, false
}

// part lists the services that refer to a host: those that it allows, and the others.
func (t *topologies) part(ctx context.Context, host *v1alpha1.NixMoxHost) (allowed, others []v1alpha1.NixMoxService, err error) {
	services, err := servicesOf(ctx, t.client, client.ObjectKeyFromObject(host))
	if err != nil {
		return nil, nil, err
	}
	return t.namespaces.part(ctx, host, services)
}

// servicesOf lists the services that refer to a host. They are the cache's own: nobody may change them.
func servicesOf(ctx context.Context, c client.Reader, host types.NamespacedName) ([]v1alpha1.NixMoxService, error) {
	var all v1alpha1.NixMoxServiceList
	if err := c.List(ctx, &all, client.MatchingFields{indexHost: host.String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the services of host %s: %w", host, err)
	}
	return all.Items, nil
}

func keyOf(svc *v1alpha1.NixMoxService) manifest.Key { return topology.KeyOf(svc) }

// hostOf is the host that a service refers to.
func hostOf(svc *v1alpha1.NixMoxService) types.NamespacedName { return topology.HostOf(svc) }
