package inventory

import (
	"context"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// rereadsPerMinute is the budget for noticing edits that the resource list does not show.
const rereadsPerMinute = 30

type cachedView struct {
	node string
	view *proxmox.View
}

// View is the configuration of a container, from the cache when nothing changed since it was read.
func (i *Inventory) View(ctx context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error) {
	i.mu.Lock()
	cached, ok := i.configs[vmid]
	i.mu.Unlock()
	if ok && cached.node == node {
		return cached.view, nil
	}
	return i.read(ctx, node, vmid)
}

// Fresh reads the configuration whatever the cache holds: before a call that destroys something.
func (i *Inventory) Fresh(ctx context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error) {
	return i.read(ctx, node, vmid)
}

func (i *Inventory) read(ctx context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error) {
	view, err := i.api.View(ctx, node, vmid)
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.configs[vmid] = cachedView{node, view}
	return view, nil
}

// Invalidate drops a cached configuration, after a change of ours.
func (i *Inventory) Invalidate(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.configs, vmid)
}

// Watch takes a container into the round of budgeted reads; Unwatch takes it out.
func (i *Inventory) Watch(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watched.add(vmid)
}

// Unwatch takes a container out of the round.
func (i *Inventory) Unwatch(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watched.remove(vmid)
}

// reread reads the next few configurations of the round and wakes the services whose container was edited.
func (i *Inventory) reread(ctx context.Context) {
	i.credit += rereadsPerMinute * i.opts.PollInterval.Minutes()
	for ; i.credit >= 1; i.credit-- {
		i.mu.Lock()
		vmid, ok := i.watched.next()
		guest, present := i.guests[vmid]
		cached, had := i.configs[vmid]
		i.mu.Unlock()
		if !ok || ctx.Err() != nil {
			return
		}
		if !present || guest.Lock != "" {
			continue
		}
		view, err := i.read(ctx, guest.Node, vmid)
		if err != nil {
			i.opts.Log.V(1).Info("Configuration could not be read", "vmid", vmid, "node", guest.Node, "error", err.Error())
			continue
		}
		if had && view.Live.Digest != cached.view.Live.Digest {
			i.opts.OnGuest(vmid)
		}
	}
}

// rotation is a round robin over a set.
type rotation struct {
	ring []proxmox.VMID
	at   map[proxmox.VMID]int
	pos  int
}

func newRotation() rotation { return rotation{at: map[proxmox.VMID]int{}} }

func (r *rotation) add(vmid proxmox.VMID) {
	if _, known := r.at[vmid]; known {
		return
	}
	r.at[vmid] = len(r.ring)
	r.ring = append(r.ring, vmid)
}

func (r *rotation) remove(vmid proxmox.VMID) {
	index, known := r.at[vmid]
	if !known {
		return
	}
	last := len(r.ring) - 1
	r.ring[index] = r.ring[last]
	r.at[r.ring[index]] = index
	r.ring = r.ring[:last]
	delete(r.at, vmid)
}

func (r *rotation) next() (proxmox.VMID, bool) {
	if len(r.ring) == 0 {
		return 0, false
	}
	r.pos = (r.pos + 1) % len(r.ring)
	return r.ring[r.pos], true
}
