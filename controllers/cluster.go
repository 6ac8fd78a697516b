package controllers

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// cluster is what all conversations with one Proxmox share, whoever they are there: its limits, and what was given out and does not show
// yet. Rights, and what one sees by them, are each session's own.
type cluster struct {
	slots   *slots
	numbers *inventory.Numbers
	// placing is held while a node is chosen and its slot taken: the next choice counts this one.
	placing sync.Mutex

	mu     sync.Mutex
	placed map[types.NamespacedName]placement
}

func newCluster(wake func(types.NamespacedName)) *cluster {
	return &cluster{slots: newSlots(wake), numbers: inventory.NewNumbers(), placed: map[types.NamespacedName]placement{}}
}

// absorb takes over what another one held: both turned out to be the same Proxmox.
func (c *cluster) absorb(other *cluster) {
	other.slots.moveTo(c.slots)
	c.numbers.Absorb(other.numbers)
	other.mu.Lock()
	placed := other.placed
	other.placed = map[types.NamespacedName]placement{}
	other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for who, p := range placed {
		c.placed[who] = p
	}
}

// identity is by what a session's Proxmox is recognised as another's: one endpoint, or one node, in common. A node is its name with the
// fingerprint of its certificate, which every user may see; the name of a cluster would take a privilege on /.
type identity map[string]bool

// endpointsOf are the endpoints of a host, however they are written.
func endpointsOf(endpoints []string) identity {
	known := identity{}
	for _, endpoint := range endpoints {
		if u, err := url.Parse(endpoint); err == nil {
			known[strings.ToLower(u.Scheme+"://"+u.Host)] = true
		}
	}
	return known
}

func (i identity) overlaps(other identity) bool {
	for known := range i {
		if other[known] {
			return true
		}
	}
	return false
}

// clusterAt is the cluster that somebody already works on by one of these endpoints, or a new one. The lock is held.
func (s *Sessions) clusterAt(endpoints identity) *cluster {
	for _, other := range s.all {
		if endpoints.overlaps(other.known) {
			return other.cluster.Load()
		}
	}
	return newCluster(s.wakeService)
}

// identityTime is how long it holds which nodes a Proxmox has, and with which certificates.
const identityTime = time.Hour

// unmet are the sessions whose Proxmox is to be asked for its nodes before this one gives out anything. One that does not answer is asked when
// it does: it gives out nothing either, and nobody waits for it.
func (s *Sessions) unmet(one *session) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*session
	for _, other := range s.all {
		due := other.metAt.IsZero() && other.inventory.Reachable() == nil || other == one && time.Since(other.metAt) > identityTime
		if due && !slices.Contains(all, other) {
			all = append(all, other)
		}
	}
	return all
}

// met takes in which nodes a session's Proxmox has. When another session works on one of them, both share the cluster from now on, and
// whoever waited for a slot asks again.
func (s *Sessions) met(one *session, nodes []proxmox.Node) {
	s.mu.Lock()
	moved := s.recognise(one, nodes)
	s.mu.Unlock()
	one.mu.Lock()
	one.recognised = true
	one.mu.Unlock()
	for _, host := range moved {
		s.wakeServices(host)
	}
}

// recognise names the hosts whose cluster turned out to be another. The lock is held.
func (s *Sessions) recognise(one *session, nodes []proxmox.Node) (moved []types.NamespacedName) {
	one.metAt = time.Now()
	for _, n := range nodes {
		if n.Fingerprint != "" {
			one.known[n.Name+" "+n.Fingerprint] = true
		}
	}
	for _, other := range s.all {
		was, is := one.cluster.Load(), other.cluster.Load()
		if was == is || !one.known.overlaps(other.known) {
			continue
		}
		one.log.Info("Another host works on the same Proxmox: limits and numbers are shared", "other", slices.Collect(maps.Keys(other.hosts)))
		is.absorb(was)
		for host, session := range s.all {
			if session.cluster.Load() == was {
				session.join(is)
				moved = append(moved, host)
			}
		}
	}
	return moved
}

// join makes a session part of a cluster.
func (s *session) join(c *cluster) {
	s.cluster.Store(c)
	s.inventory.ShareNumbers(c.numbers)
}

// kinship is what is known of whether two hosts are on one Proxmox.
type kinship int

const (
	unknownKin kinship = iota
	sameProxmox
	otherProxmox
)

// kin is whether the Proxmox of a host is that of a session. Of a host that is not connected it is unknown.
func (s *Sessions) kin(one *session, host types.NamespacedName) kinship {
	other := s.of(host)
	switch {
	case other == nil:
		return unknownKin
	case other == one || other.cluster.Load() == one.cluster.Load():
		return sameProxmox
	}
	return otherProxmox
}

// neighbours are the hosts of a session's cluster, its own among them.
func (s *Sessions) neighbours(one *session) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []types.NamespacedName
	for host, other := range s.all {
		if other.cluster.Load() == one.cluster.Load() {
			all = append(all, host)
		}
	}
	return all
}
