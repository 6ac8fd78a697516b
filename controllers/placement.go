package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// placement is a container that was put on a node and that the resource list may not show yet.
type placement struct {
	node      string
	memoryMiB int64
	at        time.Time
	vmid      proxmox.VMID // once there is one
}

// placementMemory is how long a placement counts beside the resource list, which follows within seconds of the creation.
const placementMemory = time.Minute

// place chooses the nodes that a new container may go to, the best first: the one that the service names, else those that are allowed,
// online, and have its storages and template, by the memory committed there, creations under way included. Nodes that differ by less than
// twice what is made on one at once count as equal, so that whichever has a free slot is taken: once is what they differ by while one is at work
// and another is not. The reason is for people.
func (s *session) place(ctx context.Context, host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, d plan.Desired, now time.Time) (nodes []string, reason string, hold *Outcome) {
	all := s.inventory.Nodes()
	if wanted := svc.Spec.Node; wanted != "" {
		if len(host.Spec.Nodes) > 0 && !slices.Contains(host.Spec.Nodes, wanted) {
			o := stalled(v1alpha1.ReasonInvalid, "spec.node: host %s does not allow node %s, only %s", host.Name, wanted, list(host.Spec.Nodes))
			return nil, "", &o
		}
		if n, known := all[wanted]; !known || !n.Online {
			o := waiting(v1alpha1.ReasonNodeUnavailable, "Waiting for node %s: %s", wanted, whyNot(n, known, all)).again(later)
			return nil, "", &o
		}
		return []string{wanted}, "asked for in spec.node", nil
	}
	inFlight := s.inFlightMiB(now)
	var candidates []candidate
	var lacking []string
	for name, n := range all {
		if !n.Online || len(host.Spec.Nodes) > 0 && !slices.Contains(host.Spec.Nodes, name) {
			continue
		}
		if why := s.lacks(ctx, name, d, len(all)); why != "" {
			lacking = append(lacking, fmt.Sprintf("%s has no %s", name, why))
			continue
		}
		candidates = append(candidates, candidate{name, s.inventory.CommittedMiB(name) + inFlight[name]})
	}
	slices.Sort(lacking)
	if len(candidates) == 0 {
		o := waiting(v1alpha1.ReasonNodeUnavailable, "Waiting for a node: none of those that the host allows is online").again(later)
		if len(lacking) > 0 {
			o.Message = "Waiting for a node that has what the service needs: " + list(lacking)
		}
		return nil, "", &o
	}
	return rank(candidates, 2*d.MemoryMiB*int64(max(host.Spec.Rollout.MaxConcurrent, 1))), because(len(candidates), lacking), nil
}

// candidate is a node with the memory committed on it.
type candidate struct {
	node      string
	committed int64
}

// rank are the candidates that are as good as the best one, within some memory, the best first.
func rank(candidates []candidate, memoryMiB int64) []string {
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.committed, b.committed), strings.Compare(a.node, b.node))
	})
	var nodes []string
	for _, c := range candidates {
		if c.committed < candidates[0].committed+max(memoryMiB, 1) {
			nodes = append(nodes, c.node)
		}
	}
	return nodes
}

func because(candidates int, lacking []string) string {
	reason := fmt.Sprintf("least memory committed of %d nodes", candidates)
	if candidates == 1 {
		reason = "the only node available"
	}
	if len(lacking) > 0 {
		reason += "; " + list(lacking)
	}
	return reason
}

// lacks names what a container needs and a node does not have; empty when it has all. A storage that no node shows is not held against
// one of them: the creation says what is wrong with it.
func (s *session) lacks(ctx context.Context, node string, d plan.Desired, nodes int) string {
	if nodes == 1 {
		return ""
	}
	templateStorage, _, _ := strings.Cut(d.Template, ":")
	wanted := []string{templateStorage, d.Storage}
	for _, v := range d.Volumes {
		wanted = append(wanted, v.Storage)
	}
	for _, name := range wanted {
		if _, here := s.inventory.Storage(node, name); name != "" && !here && s.inventory.StorageAnywhere(name) {
			return "storage " + name
		}
	}
	if found, here := s.inventory.Storage(node, templateStorage); here && !found.Shared && !s.hasTemplate(ctx, node, templateStorage, d.Template) {
		return "template " + d.Template
	}
	return ""
}

// shelf is what templates a storage of a node had when we looked.
type shelf struct {
	templates []string
	at        time.Time
}

// How long a look at the templates of a node holds: shorter when the one in question was not there, since somebody may be about to copy it.
const (
	shelfTime   = 10 * time.Minute
	missingTime = 30 * time.Second
)

// hasTemplate looks whether a storage that is not shared has a template on this node. Where that cannot be seen, the creation will tell.
func (s *session) hasTemplate(ctx context.Context, node, storage, volid string) bool {
	key := node + " " + storage
	s.mu.Lock()
	known, ok := s.shelves[key]
	s.mu.Unlock()
	has := slices.Contains(known.templates, volid)
	if ok && (has && time.Since(known.at) < shelfTime || time.Since(known.at) < missingTime) {
		return has
	}
	content, err := s.client.StorageContent(ctx, node, storage, proxmox.ContentTemplates)
	if err != nil {
		return true
	}
	known = shelf{at: time.Now()}
	for _, v := range content {
		known.templates = append(known.templates, v.VolID)
	}
	s.mu.Lock()
	s.shelves[key] = known
	s.mu.Unlock()
	return slices.Contains(known.templates, volid)
}

func whyNot(n proxmox.Node, known bool, nodes map[string]proxmox.Node) string {
	if known {
		return "it is offline"
	}
	names := make([]string, 0, len(nodes))
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("Proxmox has no such node, only %s", list(names))
}

// placeInFlight counts a creation until the resource list shows it, from the moment that its node is chosen.
func (c *cluster) placeInFlight(who types.NamespacedName, p placement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.placed[who] = p
}

// inFlightMiB is, by node, the memory of the creations that a session's resource list does not show yet.
func (s *session) inFlightMiB(now time.Time) map[string]int64 {
	c := s.cluster.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	byNode := map[string]int64{}
	for who, p := range c.placed {
		switch {
		case now.Sub(p.at) > placementMemory:
			delete(c.placed, who)
		case p.vmid == 0 || !s.inventory.Listed(p.vmid): // another session's list may be older
			byNode[p.node] += p.memoryMiB
		}
	}
	return byNode
}
