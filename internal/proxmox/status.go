package proxmox

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// Status is the running state of one container, up to date.
type Status struct {
	VMID   VMID
	Name   string
	Status string // "running" or "stopped"
	Lock   string
	Tags   []string

	Template  bool
	HAManaged bool

	CPUs          float64
	MemBytes      int64
	MaxMemBytes   int64
	MaxDiskBytes  int64
	UptimeSeconds int64
	// PID is of the container's init on the node, 0 when stopped.
	PID int
}

// Running tells that the container runs. Its system may still be booting.
func (s Status) Running() bool { return s.Status == "running" }

// Status reads status/current of a container. A container that is not on the
// node is IsNotExist.
func (c *Client) Status(ctx context.Context, node string, vmid VMID) (Status, error) {
	where := lxcPath(node, vmid, "status", "current")
	var row struct {
		VMID     integer
		Name     text
		Status   text
		Lock     text
		Tags     text
		Template boolean
		HA       struct{ Managed boolean }
		CPUs     number
		Mem      integer
		MaxMem   integer
		MaxDisk  integer
		Uptime   integer
		PID      integer
	}
	if err := c.get(ctx, where, nil, &row); err != nil {
		return Status{}, err
	}
	if row.Status == "" {
		return Status{}, c.checked(http.MethodGet, where, fmt.Errorf("%w: no status", ErrMalformed))
	}
	return Status{
		VMID: vmid, Name: string(row.Name), Status: string(row.Status), Lock: string(row.Lock),
		Tags: ParseTags(string(row.Tags)), Template: bool(row.Template), HAManaged: bool(row.HA.Managed),
		CPUs: float64(row.CPUs), MemBytes: int64(row.Mem), MaxMemBytes: int64(row.MaxMem),
		MaxDiskBytes: int64(row.MaxDisk), UptimeSeconds: int64(row.Uptime), PID: int(row.PID),
	}, nil
}

// lxcPath is the path of a container, or of something below it.
func lxcPath(node string, vmid VMID, below ...string) string {
	return path(append([]string{"nodes", node, "lxc", strconv.Itoa(int(vmid))}, below...)...)
}
