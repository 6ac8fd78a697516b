package inventory

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Numbers are the VMIDs that were given out for one Proxmox and do not show there yet. Inventories that watch the same Proxmox, as different
// users, share them.
type Numbers struct {
	mu       sync.Mutex
	reserved map[proxmox.VMID]reservation
}

// NewNumbers has none.
func NewNumbers() *Numbers { return &Numbers{reserved: map[proxmox.VMID]reservation{}} }

// Absorb takes over what others gave out.
func (n *Numbers) Absorb(others *Numbers) {
	others.mu.Lock()
	given := maps.Clone(others.reserved)
	others.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	for vmid, r := range given {
		if _, known := n.reserved[vmid]; !known {
			n.reserved[vmid] = r
		}
	}
}

// reservation keeps a VMID for whoever asked first, until it shows in an object's status.
type reservation struct {
	owner string // empty: somebody whom the list does not show
	until time.Time
}

// reservationTime is longer than any write to the API server takes to come back to us.
const reservationTime = 10 * time.Minute

// ExhaustedError says that a range has no free VMID left.
type ExhaustedError struct{ From, To proxmox.VMID }

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("no free VMID from %d to %d: widen spec.vmidRange of the host, or remove containers", e.From, e.To)
}

// Allocate picks the smallest VMID of a range that nobody has: no guest of Proxmox, no service (claimed), nobody who asked a moment ago.
// Freed VMIDs rest: they are used last, the longest-freed first. The same owner gets the same answer again. Proxmox itself has the last
// word: creating a VMID that exists fails and harms nothing.
func (i *Inventory) Allocate(owner string, from, to proxmox.VMID, claimed func(proxmox.VMID) bool, freed []proxmox.VMID) (proxmox.VMID, error) {
	if err := i.Reachable(); err != nil {
		return 0, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	n, now := i.numbers, time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for vmid, r := range n.reserved {
		if now.After(r.until) {
			delete(n.reserved, vmid)
		} else if r.owner == owner && vmid >= from && vmid <= to && i.free(vmid) {
			return vmid, nil
		}
	}
	usable := func(vmid proxmox.VMID) bool {
		_, reserved := n.reserved[vmid]
		return !reserved && i.free(vmid) && !claimed(vmid)
	}
	for vmid := from; vmid <= to; vmid++ {
		if usable(vmid) && !slices.Contains(freed, vmid) {
			n.reserved[vmid] = reservation{owner, now.Add(reservationTime)}
			return vmid, nil
		}
	}
	for _, vmid := range freed {
		if vmid >= from && vmid <= to && usable(vmid) {
			n.reserved[vmid] = reservation{owner, now.Add(reservationTime)}
			return vmid, nil
		}
	}
	return 0, &ExhaustedError{from, to}
}

func (i *Inventory) free(vmid proxmox.VMID) bool {
	_, listed := i.guests[vmid]
	o, noted := i.overlays[vmid]
	return !listed && (!noted || o.gone || o.caughtUp)
}

// ShareNumbers goes on with numbers that others give out too; what was given out so far is among them.
func (i *Inventory) ShareNumbers(n *Numbers) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n != i.numbers {
		n.Absorb(i.numbers)
		i.numbers = n
	}
}

// Release ends the reservation of a VMID whose service is gone.
func (i *Inventory) Release(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.numbers.mu.Lock()
	defer i.numbers.mu.Unlock()
	delete(i.numbers.reserved, vmid)
}

// Block keeps a VMID from being allocated for a while: Proxmox says that it exists although the list does not show it to us.
func (i *Inventory) Block(vmid proxmox.VMID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.numbers.mu.Lock()
	defer i.numbers.mu.Unlock()
	i.numbers.reserved[vmid] = reservation{until: time.Now().Add(reservationTime)}
}

// GivenTo is whom a VMID was given to a moment ago; empty when nobody is known.
func (i *Inventory) GivenTo(vmid proxmox.VMID) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.numbers.mu.Lock()
	defer i.numbers.mu.Unlock()
	given := i.numbers.reserved[vmid]
	if time.Now().After(given.until) {
		return ""
	}
	return given.owner
}
