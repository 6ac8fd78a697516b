package inventory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// ErrNotRead says that nothing was read from this Proxmox yet.
var ErrNotRead = errors.New("not read yet")

// lag is how far the resource list may stand behind: Proxmox broadcasts it every 10 s, and a poll may have begun before.
const lag = 15 * time.Second

// overlay is what we know about a guest from the end of a task of ours, until the resource list has caught up.
type overlay struct {
	node    string
	running bool
	gone    bool
	since   time.Time
	// caughtUp is set once the list said the same: from then on it is believed when it says otherwise.
	caughtUp bool
}

// Guest is a container as far as the resource list and the ends of our own tasks tell.
type Guest struct {
	proxmox.Guest
	// Present is false when the list does not have it, which is no proof that it does not exist.
	Present bool
	Running bool
	// Uncertain is true when the list says "unknown": the node does not report, or the guest is too new.
	Uncertain bool
	// Starts counts the starts that we saw and that were not ours: when it changes, the container was restarted by somebody.
	Starts int
}

// Guest looks one up. It asks nobody.
func (i *Inventory) Guest(vmid proxmox.VMID) Guest {
	i.mu.Lock()
	defer i.mu.Unlock()
	listed, present := i.guests[vmid]
	g := Guest{Guest: listed, Present: present, Running: listed.Running(), Uncertain: present && listed.Status == "unknown", Starts: i.starts[vmid]}
	if o, known := i.overlays[vmid]; known && !o.caughtUp {
		g.VMID, g.Running, g.Uncertain, g.Present = vmid, o.running, false, !o.gone
		if !present {
			g.Type = proxmox.TypeLXC
		}
		if !present || i.readAt.Before(o.since) {
			g.Node = o.node // where a guest is does not lag, once the list is read again
		}
	}
	return g
}

// Note remembers what the end of a task of ours says about a guest: the list follows up to 15 s later. The cached configuration
// is dropped, unless the guest was only started and nothing was pending: a start changes nothing else.
func (i *Inventory) Note(node string, vmid proxmox.VMID, running bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.overlays[vmid] = overlay{node: node, running: running, since: time.Now()}
	if cached, ok := i.configs[vmid]; !ok || !running || len(cached.view.Pending) > 0 {
		i.drop(vmid)
	}
}

// NoteGone remembers that our own task destroyed a guest.
func (i *Inventory) NoteGone(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.overlays[vmid] = overlay{gone: true, since: time.Now()}
	i.drop(vmid)
}

// settleOverlays lets the list speak where it has caught up, or had the time to. It names the guests that the list never had as we knew
// them: a container that fell right after we started it, for instance.
func (i *Inventory) settleOverlays() (surprising []proxmox.VMID) {
	for vmid, o := range i.overlays {
		if g, listed := i.guests[vmid]; i.readAt.After(o.since) && o.agrees(g, listed) {
			o.caughtUp = true
			i.overlays[vmid] = o
		}
		if i.readAt.After(o.since.Add(lag)) {
			delete(i.overlays, vmid)
			if !o.caughtUp {
				surprising = append(surprising, vmid)
			}
		}
	}
	return surprising
}

// agrees is whether the list shows what the overlay says. The first rows of a new guest say nothing yet.
func (o overlay) agrees(g proxmox.Guest, listed bool) bool {
	if o.gone || !listed {
		return o.gone && !listed
	}
	return g.Status != "unknown" && g.Node == o.node && g.Running() == o.running
}

// Listed is whether the resource list shows a guest with its memory: a new one first appears without.
func (i *Inventory) Listed(vmid proxmox.VMID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	g, ok := i.guests[vmid]
	return ok && g.MaxMemBytes > 0
}

// Tagged are the containers that carry our tag, for a search for the marker of a service. Those are left out whose configuration was read and
// is marked as another's: with thousands of containers nearly all.
func (i *Inventory) Tagged(service string) []proxmox.Guest {
	i.mu.Lock()
	defer i.mu.Unlock()
	var tagged []proxmox.Guest
	for vmid, g := range i.guests {
		if cached, read := i.configs[vmid]; read && cached.node == g.Node && cached.service != "" && cached.service != service {
			continue
		}
		o, noted := i.overlays[vmid]
		if gone := noted && !o.caughtUp && o.gone; !gone && g.Type == proxmox.TypeLXC && proxmox.HasTag(g.Tags, marker.Tag) {
			tagged = append(tagged, g)
		}
	}
	return tagged
}

// Stubs are the containers whose creation is under way, by whomever: until it ends they have neither name nor tags nor description.
func (i *Inventory) Stubs() []proxmox.VMID {
	var stubs []proxmox.VMID
	for _, g := range i.guestsCopy() {
		if g.Type == proxmox.TypeLXC && g.Lock == "create" {
			stubs = append(stubs, g.VMID)
		}
	}
	return stubs
}

// Nodes are the cluster's nodes by name.
func (i *Inventory) Nodes() map[string]proxmox.Node {
	i.mu.Lock()
	defer i.mu.Unlock()
	nodes := make(map[string]proxmox.Node, len(i.nodes))
	for name, n := range i.nodes {
		nodes[name] = n
	}
	return nodes
}

// Storage finds a storage on a node; ok is false when the token does not see it there.
func (i *Inventory) Storage(node, name string) (s proxmox.Storage, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.storages {
		if s.Node == node && s.Name == name {
			return s, true
		}
	}
	return proxmox.Storage{}, false
}

// StorageAnywhere is whether any node shows a storage of this name.
func (i *Inventory) StorageAnywhere(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.storages, func(s proxmox.Storage) bool { return s.Name == name })
}

// CommittedMiB is the memory that the guests of a node were given, running or not.
func (i *Inventory) CommittedMiB(node string) int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.committed[node]
}

// Gone proves that a container does not exist any more: the list does not have it, its node says that there is no such configuration
// (a refusal is no proof: an edit of the access list hides rows), and its VMID is free in the whole cluster.
func (i *Inventory) Gone(ctx context.Context, node string, vmid proxmox.VMID) (bool, error) {
	if i.Guest(vmid).Present {
		return false, nil
	}
	if _, err := i.api.View(ctx, node, vmid); !proxmox.IsNotExist(err) {
		return false, err
	}
	return i.api.VMIDFree(ctx, vmid)
}
