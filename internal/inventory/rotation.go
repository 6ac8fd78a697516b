package inventory

import (
	"container/list"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// rotation is a round over a set, the one that was read longest ago first.
type rotation struct {
	order *list.List // of turn
	at    map[proxmox.VMID]*list.Element
}

// turn is one member and when it was read; zero is never.
type turn struct {
	vmid proxmox.VMID
	read time.Time
}

func newRotation() rotation { return rotation{order: list.New(), at: map[proxmox.VMID]*list.Element{}} }

func (r *rotation) len() int { return r.order.Len() }

// add takes in a member, behind all that were read if it was read just now, else before them.
func (r *rotation) add(vmid proxmox.VMID, read bool, now time.Time) {
	if _, known := r.at[vmid]; known {
		return
	}
	if read {
		r.at[vmid] = r.order.PushBack(turn{vmid, now})
		return
	}
	r.at[vmid] = r.order.PushFront(turn{vmid: vmid})
}

func (r *rotation) has(vmid proxmox.VMID) bool {
	_, known := r.at[vmid]
	return known
}

func (r *rotation) remove(vmid proxmox.VMID) {
	if e, known := r.at[vmid]; known {
		r.order.Remove(e)
		delete(r.at, vmid)
	}
}

// done moves a member to the end: it was read now.
func (r *rotation) done(vmid proxmox.VMID, now time.Time) {
	if e, known := r.at[vmid]; known {
		e.Value = turn{vmid, now}
		r.order.MoveToBack(e)
	}
}

// due is the member that comes next, if it was not read since a time, nor since now.
func (r *rotation) due(since, now time.Time) (proxmox.VMID, bool) {
	first := r.order.Front()
	if first == nil {
		return 0, false
	}
	t := first.Value.(turn)
	return t.vmid, t.read.Before(since) && t.read.Before(now)
}
