package controllers

import (
	"fmt"
	"slices"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// placement is a container that was put on a node and that the resource list may not show yet.
type placement struct {
	node      string
	memoryMiB int64
	at        time.Time
}

// placementMemory is how long a placement counts beside the resource list, which follows within seconds of the creation.
const placementMemory = time.Minute

// place chooses the node of a new container: the one that the service names, else the allowed one with the least memory committed,
// creations under way included. The reason is for people.
func (s *session) place(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, d plan.Desired, now time.Time) (node, reason string, hold *Outcome) {
	nodes := s.inventory.Nodes()
	if wanted := svc.Spec.Node; wanted != "" {
		if len(host.Spec.Nodes) > 0 && !slices.Contains(host.Spec.Nodes, wanted) {
			o := stalled(v1alpha1.ReasonInvalid, "spec.node: host %s does not allow node %s, only %s", host.Name, wanted, list(host.Spec.Nodes))
			return "", "", &o
		}
		if n, known := nodes[wanted]; !known || !n.Online {
			o := waiting(v1alpha1.ReasonNodeUnavailable, "Waiting for node %s: %s", wanted, whyNot(n, known, nodes)).again(later)
			return "", "", &o
		}
		return wanted, "asked for in spec.node", nil
	}
	best, least, candidates := "", int64(0), 0
	for name, n := range nodes {
		if !n.Online || len(host.Spec.Nodes) > 0 && !slices.Contains(host.Spec.Nodes, name) {
			continue
		}
		candidates++
		committed := s.inventory.CommittedMiB(name) + s.inFlightMiB(name, now)
		if best == "" || committed < least || committed == least && name < best {
			best, least = name, committed
		}
	}
	if best == "" {
		o := waiting(v1alpha1.ReasonNodeUnavailable, "Waiting for a node: none of those that the host allows is online").again(later)
		return "", "", &o
	}
	if candidates == 1 {
		return best, "the only node available", nil
	}
	return best, fmt.Sprintf("least memory committed of %d nodes", candidates), nil
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

// placeInFlight counts a creation until the resource list shows it.
func (s *session) placeInFlight(vmid proxmox.VMID, node string, memoryMiB int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placed[vmid] = placement{node, memoryMiB, now}
}

func (s *session) inFlightMiB(node string, now time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum int64
	for vmid, p := range s.placed {
		if now.Sub(p.at) > placementMemory || s.inventory.Listed(vmid) {
			delete(s.placed, vmid)
		} else if p.node == node {
			sum += p.memoryMiB
		}
	}
	return sum
}
