// Package inventory is what we know of one Proxmox, kept by one poller whatever the number of services: the last answer of
// /cluster/resources, the configurations of our containers (read when something changed, and round robin on a budget), our own open
// tasks, and the VMID allocator. It reads and never changes anything; the controllers ask it, and it wakes them by callbacks.
package inventory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// API is what the inventory asks of Proxmox. Everything in it is a read and safe to repeat.
type API interface {
	Resources(ctx context.Context) (proxmox.Resources, error)
	View(ctx context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error)
	VMIDFree(ctx context.Context, vmid proxmox.VMID) (bool, error)
	Task(ctx context.Context, upid proxmox.UPID) (proxmox.TaskStatus, error)
	Tasks(ctx context.Context, node string, filter proxmox.TaskFilter) ([]proxmox.TaskStatus, error)
	// StorageContent leaves out what the token may not see.
	StorageContent(ctx context.Context, node, storage, content string) ([]proxmox.Volume, error)
}

// Options of an Inventory.
type Options struct {
	// PollInterval between two reads of the resource list.
	PollInterval time.Duration
	// OnGuest is called when something about a guest changed that we did not do ourselves, and when a task of ours on it ended.
	OnGuest func(proxmox.VMID)
	// OnReach is called when Proxmox becomes reachable or unreachable.
	OnReach func()
	// OnStrangers is called when the addresses of containers that are none of ours changed.
	OnStrangers func()
	// Numbers are those that were given out for this Proxmox; nil begins with none.
	Numbers *Numbers
	Log     logr.Logger
}

// Inventory is what we know of one Proxmox. It is safe for use by many goroutines.
type Inventory struct {
	api  API
	opts Options

	mu       sync.Mutex
	guests   map[proxmox.VMID]proxmox.Guest
	nodes    map[string]proxmox.Node
	storages []proxmox.Storage
	// committed is the memory of each node's guests, in MiB.
	committed map[string]int64
	readAt    time.Time // start of the poll that the snapshot is from
	err       error     // why the last poll failed; nil after a good one
	overlays  map[proxmox.VMID]overlay
	configs   map[proxmox.VMID]cachedView
	reading   map[proxmox.VMID]*reading
	watched   rotation
	credit    float64 // budgeted reads that may be made now; only Run touches it
	numbers   *Numbers
	starts    map[proxmox.VMID]int

	leftovers leftovers

	strangers     map[proxmox.VMID]Stranger
	toldStrangers string // only Run touches it
	polls         int

	tasks   tasks
	pollNow chan struct{}
	// refreshing is held by whoever reads the list out of turn.
	refreshing sync.Mutex
}

// New makes an Inventory that knows nothing until Run polls.
func New(api API, opts Options) *Inventory {
	if opts.PollInterval <= 0 {
		opts.PollInterval = 10 * time.Second
	}
	if opts.OnStrangers == nil {
		opts.OnStrangers = func() {}
	}
	if opts.Numbers == nil {
		opts.Numbers = NewNumbers()
	}
	return &Inventory{
		strangers: map[proxmox.VMID]Stranger{}, toldStrangers: fmt.Sprint([]Stranger(nil)),
		api: api, opts: opts,
		guests: map[proxmox.VMID]proxmox.Guest{}, nodes: map[string]proxmox.Node{}, overlays: map[proxmox.VMID]overlay{},
		configs: map[proxmox.VMID]cachedView{}, reading: map[proxmox.VMID]*reading{}, numbers: opts.Numbers, starts: map[proxmox.VMID]int{}, watched: newRotation(),
		leftovers: leftovers{lists: map[[2]string]leftoverList{}},
		tasks:     newTasks(), pollNow: make(chan struct{}, 1),
	}
}

// Run polls until the context ends.
func (i *Inventory) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { i.followTasks(ctx) })
	defer wg.Wait()
	for {
		began := time.Now()
		i.poll(ctx)
		if i.Reachable() == nil {
			i.earn()
			i.meetStrangers(ctx)
			i.reread(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-i.pollNow:
		case <-time.After(max(i.opts.PollInterval-time.Since(began), i.opts.PollInterval/4)): // the reads are part of the interval
		}
	}
}

// PollSoon asks for a poll now, for instance after the credentials changed.
func (i *Inventory) PollSoon() {
	select {
	case i.pollNow <- struct{}{}:
	default:
	}
}

// Reachable is nil when the last poll succeeded, else why it failed. ErrNotRead before the first.
func (i *Inventory) Reachable() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.readAt.IsZero() && i.err == nil {
		return ErrNotRead
	}
	return i.err
}

// Refresh reads the resource list now, for a decision that an older one is too old for.
func (i *Inventory) Refresh(ctx context.Context) error { return i.RefreshSince(ctx, time.Now()) }

// gather is how long a read of the list waits for others who want one: services that are applied together are looked at within it.
const gather = 15 * time.Millisecond

// RefreshSince makes sure that the list was read at or after a time. Several who ask at once share one read.
func (i *Inventory) RefreshSince(ctx context.Context, since time.Time) error {
	i.refreshing.Lock()
	defer i.refreshing.Unlock()
	i.mu.Lock()
	fresh := !i.readAt.Before(since)
	i.mu.Unlock()
	if !fresh {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(gather):
		}
		i.poll(ctx)
	}
	return i.Reachable()
}

func (i *Inventory) poll(ctx context.Context) {
	started := time.Now()
	resources, err := i.api.Resources(ctx)
	if ctx.Err() != nil {
		return
	}
	i.mu.Lock()
	if started.Before(i.readAt) {
		i.mu.Unlock() // a poll that began later was quicker
		return
	}
	first, before := i.readAt.IsZero() && i.err == nil, i.err
	i.err = err
	var changed []proxmox.VMID
	if err == nil {
		changed = i.take(resources, started)
	}
	i.mu.Unlock()
	if first || (before == nil) != (err == nil) || (err != nil && err.Error() != before.Error()) {
		i.logReach(err)
		i.opts.OnReach()
	}
	for _, vmid := range changed {
		i.opts.OnGuest(vmid)
	}
}

func (i *Inventory) logReach(err error) {
	if err != nil {
		i.opts.Log.Info("Proxmox cannot be read", "error", err.Error())
		return
	}
	i.opts.Log.Info("Proxmox is read", "guests", len(i.guestsCopy()), "pollInterval", i.opts.PollInterval)
}

// take replaces the snapshot and names the guests that changed.
func (i *Inventory) take(resources proxmox.Resources, at time.Time) []proxmox.VMID {
	old := i.guests
	i.guests = make(map[proxmox.VMID]proxmox.Guest, len(resources.Guests))
	i.committed = make(map[string]int64, len(resources.Nodes))
	var changed []proxmox.VMID
	for _, g := range resources.Guests {
		i.guests[g.VMID] = g
		i.committed[g.Node] += g.MaxMemBytes >> 20
		before, known := old[g.VMID]
		if !known || notable(before, g) {
			changed = append(changed, g.VMID)
		}
		if known && edited(before, g) && !i.explained(g) {
			i.drop(g.VMID)
			delete(i.strangers, g.VMID)
		}
		if known && started(before, g) && !i.overlays[g.VMID].running {
			i.starts[g.VMID]++
			if cached, ok := i.configs[g.VMID]; ok && len(cached.view.Pending) > 0 {
				i.drop(g.VMID) // what was pending has taken effect
			}
		}
	}
	for vmid := range old {
		if _, still := i.guests[vmid]; !still {
			changed = append(changed, vmid)
			i.drop(vmid)
			delete(i.strangers, vmid)
		}
	}
	i.nodes = make(map[string]proxmox.Node, len(resources.Nodes))
	for _, n := range resources.Nodes {
		i.nodes[n.Name] = n
	}
	i.storages = resources.Storages
	i.readAt = at
	return append(changed, i.settleOverlays()...)
}

// notable is whether something differs that a controller would act on. Uptime counts when it went back: the guest was restarted.
func notable(a, b proxmox.Guest) bool {
	return a.Status != b.Status || a.Template != b.Template || b.UptimeSeconds < a.UptimeSeconds || edited(a, b)
}

// edited is whether the row tells that the configuration is not the one that was read. The first rows of a new guest have no statistics
// yet: what they lack is no edit.
func edited(a, b proxmox.Guest) bool {
	if a.Node != b.Node || a.Type != b.Type || a.Lock != b.Lock || !proxmox.TagsEqual(a.Tags, b.Tags) {
		return true
	}
	return a.MaxMemBytes != 0 && (a.Name != b.Name || a.MaxMemBytes != b.MaxMemBytes || a.MaxCPU != b.MaxCPU || a.MaxDiskBytes != b.MaxDiskBytes && !b.Running())
}

// explained is whether the configuration as we read it says what the row says now: the row, which lags, has only caught up with it.
func (i *Inventory) explained(g proxmox.Guest) bool {
	cached, ok := i.configs[g.VMID]
	if !ok || cached.node != g.Node {
		return false
	}
	c := cached.view.Live
	size, _ := c.RootFS.SizeBytes()
	return c.Lock == g.Lock && proxmox.TagsEqual(c.Tags, g.Tags) &&
		(g.MaxMemBytes == 0 || c.Hostname == g.Name && c.MemoryMiB<<20 == g.MaxMemBytes && (c.Cores == 0 || float64(c.Cores) == g.MaxCPU) &&
			(g.Running() || size == g.MaxDiskBytes))
}

// started is whether a guest was started between two looks at it.
func started(before, now proxmox.Guest) bool {
	return now.Running() && (before.Status == "stopped" || before.Running() && now.UptimeSeconds < before.UptimeSeconds)
}

func (i *Inventory) guestsCopy() []proxmox.Guest {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := make([]proxmox.Guest, 0, len(i.guests))
	for _, g := range i.guests {
		all = append(all, g)
	}
	return all
}
