package inventory

import (
	"context"
	"time"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// rereadsPerMinute is the budget for noticing edits that the resource list does not show.
const rereadsPerMinute = 30

type cachedView struct {
	node string
	view *proxmox.View
	// service is the one that the marker names, if there is one.
	service string
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

// reading are the reads of a container's configuration that are under way. They are stale once something changed it meanwhile: what they bring
// may be of before, and is not kept.
type reading struct {
	reads int
	stale bool
}

func (i *Inventory) read(ctx context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error) {
	i.mu.Lock()
	r := i.reading[vmid]
	if r == nil {
		r = &reading{}
		i.reading[vmid] = r
	}
	r.reads++
	i.mu.Unlock()
	view, err := i.api.View(ctx, node, vmid)
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.reads--; r.reads == 0 {
		delete(i.reading, vmid)
	}
	if err != nil {
		return nil, err
	}
	if !r.stale {
		found, _, _ := marker.Parse(view.Future.Description)
		i.configs[vmid] = cachedView{node, view, found.Service}
	}
	i.watched.done(vmid, time.Now())
	return view, nil
}

// drop forgets the configuration of a container, which changed. The lock is held.
func (i *Inventory) drop(vmid proxmox.VMID) {
	delete(i.configs, vmid)
	if r := i.reading[vmid]; r != nil {
		r.stale = true
	}
}

// Invalidate drops a cached configuration, after a change of ours.
func (i *Inventory) Invalidate(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.drop(vmid)
}

// Known is whether the configuration of a container was read since we began and nothing is known to have changed it.
func (i *Inventory) Known(vmid proxmox.VMID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, ok := i.configs[vmid]
	return ok
}

// Watch takes a container into the round of budgeted reads; Unwatch takes it out.
func (i *Inventory) Watch(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, read := i.configs[vmid]
	i.watched.add(vmid, read, time.Now())
}

// Unwatch takes a container out of the round.
func (i *Inventory) Unwatch(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watched.remove(vmid)
}

// earn adds the reads that may be made in one poll more.
func (i *Inventory) earn() {
	budget := rereadsPerMinute * i.opts.PollInterval.Minutes()
	i.credit = min(i.credit+budget, 2*max(budget, 1))
}

// reread reads the configurations that are due and wakes the services whose container was edited. A whole round takes two seconds for each
// container, whatever their number, and what was read for another reason is due a whole round later: a roll-out repeats no reads.
func (i *Inventory) reread(ctx context.Context) {
	began := time.Now()
	for ; i.credit >= 1; i.credit-- {
		i.mu.Lock()
		round := time.Duration(i.watched.len()) * time.Minute / rereadsPerMinute
		vmid, ok := i.watched.due(began.Add(i.opts.PollInterval/2-round), began)
		guest, present := i.guests[vmid]
		cached, had := i.configs[vmid]
		if ok {
			i.watched.done(vmid, time.Now()) // also where it cannot be read: it takes its turn
		}
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
		if !had || view.Live.Digest != cached.view.Live.Digest {
			i.opts.OnGuest(vmid)
		}
	}
}
