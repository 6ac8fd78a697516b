package inventory

import (
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Uptime is how long a container has been running at least: since the end of a start of ours, else as the resource list says. Zero when
// it does not run, or nobody knows yet.
func (i *Inventory) Uptime(vmid proxmox.VMID) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	if o, known := i.overlays[vmid]; known {
		if !o.running {
			return 0
		}
		return time.Since(o.since)
	}
	g := i.guests[vmid]
	if !g.Running() {
		return 0
	}
	return time.Duration(g.UptimeSeconds)*time.Second + time.Since(i.readAt)
}
