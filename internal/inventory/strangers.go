package inventory

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Stranger is a running container that is none of ours, with the addresses that it is configured with.
type Stranger struct {
	VMID       proxmox.VMID
	Node, Name string
	Addresses  []netip.Addr
	// Service is the namespace/name that its marker names, if it has one.
	Service string
}

// String names it for people.
func (s Stranger) String() string {
	return fmt.Sprintf("container %d (%s) on %s", s.VMID, s.Name, s.Node)
}

// ownKnownAfter is the number of polls after which tagged containers that nobody watches count as strangers: until then they may be our own
// that were not looked at yet.
const ownKnownAfter = 3

// Strangers are those that were read so far, by VMID. It is best effort: an edit that the resource list does not show goes unseen.
func (i *Inventory) Strangers() []Stranger {
	i.mu.Lock()
	defer i.mu.Unlock()
	var found []Stranger
	for vmid, s := range i.strangers {
		if g := i.guests[vmid]; g.Running() && !i.watched.has(vmid) && len(s.Addresses) > 0 {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b Stranger) int { return int(a.VMID) - int(b.VMID) })
	return found
}

// meetStrangers reads the configurations of containers that nobody watches, each once and again when its row changed, within the budget of
// all reads.
func (i *Inventory) meetStrangers(ctx context.Context) {
	for _, g := range i.unmet() {
		if i.credit < 1 || ctx.Err() != nil {
			break
		}
		i.credit--
		stranger := Stranger{VMID: g.VMID, Node: g.Node, Name: g.Name}
		view, err := i.api.View(ctx, g.Node, g.VMID)
		if err != nil {
			i.opts.Log.V(1).Info("Configuration could not be read", "vmid", g.VMID, "node", g.Node, "error", err.Error())
		} else {
			m, _, _ := marker.Parse(view.Live.Description)
			stranger.Service, stranger.Addresses = m.Service, addressesOf(view.Live)
		}
		i.mu.Lock()
		i.strangers[g.VMID] = stranger // also where it cannot be read: it is not asked for again and again
		i.mu.Unlock()
	}
	if told := fmt.Sprint(i.Strangers()); told != i.toldStrangers {
		i.toldStrangers = told
		i.opts.OnStrangers()
	}
}

// unmet are the running containers that are to be read.
func (i *Inventory) unmet() []proxmox.Guest {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.polls++
	var found []proxmox.Guest
	for vmid, g := range i.guests {
		if i.watched.has(vmid) || g.Type != proxmox.TypeLXC || !g.Running() || g.Lock != "" {
			continue
		}
		if _, met := i.strangers[vmid]; met || i.polls <= ownKnownAfter && proxmox.HasTag(g.Tags, marker.Tag) {
			continue
		}
		found = append(found, g)
	}
	slices.SortFunc(found, func(a, b proxmox.Guest) int { return int(a.VMID) - int(b.VMID) })
	return found
}

func addressesOf(c *proxmox.Config) []netip.Addr {
	var found []netip.Addr
	for _, net := range c.Nets {
		for _, text := range []string{net.IP, net.IP6} {
			if p, err := netip.ParsePrefix(text); err == nil {
				found = append(found, p.Addr().Unmap())
			}
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return found
}
