package inventory

import (
	"context"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// StoppedBy is the user or token whose task stopped a container, empty when it stopped by itself, when its node took it down together
// with all others, or when we may not know: without Sys.Audit on its node a token sees its own tasks alone. It looks at the last task
// that started or stopped the container.
func (i *Inventory) StoppedBy(ctx context.Context, node string, vmid proxmox.VMID) (string, error) {
	tasks, err := i.api.Tasks(ctx, node, proxmox.TaskFilter{VMID: vmid, Limit: 50})
	if err != nil {
		return "", err
	}
	for _, task := range tasks {
		switch {
		case task.UPID.VMID() != vmid:
		case task.UPID.Type == "vzstart", task.UPID.Type == "vzreboot":
			return "", nil
		case task.UPID.Type == "vzstop" || task.UPID.Type == "vzshutdown":
			if !task.OK() {
				continue
			}
			bulk, err := i.inBulk(ctx, node, task)
			if err != nil || bulk {
				return "", err
			}
			return task.UPID.User, nil
		}
	}
	return "", nil
}

// inBulk is whether a stop was part of the shutdown of its whole node.
func (i *Inventory) inBulk(ctx context.Context, node string, stop proxmox.TaskStatus) (bool, error) {
	all, err := i.api.Tasks(ctx, node, proxmox.TaskFilter{Type: "stopall", Limit: 20})
	if err != nil {
		return false, err
	}
	for _, bulk := range all {
		if !stop.StartTime.Before(bulk.StartTime) && (bulk.Running || bulk.EndTime.IsZero() || !stop.StartTime.After(bulk.EndTime)) {
			return true, nil
		}
	}
	return false, nil
}
