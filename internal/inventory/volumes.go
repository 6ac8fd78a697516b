package inventory

import (
	"context"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// leftovers are the VMIDs that have volumes on a storage of a node, whether or not they have a guest.
type leftovers struct {
	mu    sync.Mutex
	lists map[[2]string]leftoverList
}

type leftoverList struct {
	at    time.Time
	vmids map[proxmox.VMID]bool
}

// HasVolumes is whether volumes of a VMID are on any of the storages: such a VMID is not for a new container, since its volumes would be
// taken for those of the old one, or the other way round. Each list is as old at most as age says, so that a roll-out reads it about once.
// A storage that may not be listed counts as empty: creating beside a volume that is there harms neither.
func (i *Inventory) HasVolumes(ctx context.Context, node string, storages []string, age time.Duration) (func(proxmox.VMID) bool, error) {
	i.leftovers.mu.Lock()
	defer i.leftovers.mu.Unlock()
	var lists []leftoverList
	for _, storage := range storages {
		list, err := i.leftoversOn(ctx, node, storage, age)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return func(vmid proxmox.VMID) bool {
		for _, list := range lists {
			if list.vmids[vmid] {
				return true
			}
		}
		return false
	}, nil
}

// leftoversOn is called by whoever holds the lock.
func (i *Inventory) leftoversOn(ctx context.Context, node, storage string, age time.Duration) (leftoverList, error) {
	key := [2]string{node, storage}
	if list, known := i.leftovers.lists[key]; known && time.Since(list.at) <= age {
		return list, nil
	}
	list := leftoverList{at: time.Now(), vmids: map[proxmox.VMID]bool{}}
	volumes, err := i.api.StorageContent(ctx, node, storage, "")
	if err != nil && !proxmox.IsForbidden(err) && !proxmox.IsNotExist(err) {
		return list, err
	}
	for _, v := range volumes {
		// Without a guest Proxmox calls a container's volume an image. A backup may outlive its guest as it likes.
		if v.VMID != 0 && v.Content != proxmox.ContentBackups {
			list.vmids[v.VMID] = true
		}
	}
	i.leftovers.lists[key] = list
	return list, nil
}

// VolumeExists asks whether a storage has a volume, whatever configuration names it: one that only a snapshot uses is in none.
func (i *Inventory) VolumeExists(ctx context.Context, node, storage, id string) (bool, error) {
	volumes, err := i.api.StorageContent(ctx, node, storage, "")
	if err != nil {
		return false, err
	}
	for _, v := range volumes {
		if v.VolID == id {
			return true, nil
		}
	}
	return false, nil
}
