package proxmox

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The calls here change something and are sent once. When one fails, ask
// MayHaveHappened before repeating it: Proxmox has no idempotency key.

// Create starts the creation of a container. The VMID is taken as soon as the
// call returns; the container is there when the task ends. Creating a VMID
// that exists is IsAlreadyExists, which makes repeating this call safe.
func (c *Client) Create(ctx context.Context, node string, vmid VMID, params Params) (UPID, error) {
	sent := maps.Clone(params)
	if sent == nil {
		sent = Params{}
	}
	sent.SetInt("vmid", int64(vmid))
	return c.task(ctx, http.MethodPost, path("nodes", node, "lxc"), sent)
}

// SetConfig sets keys and removes others, if the config still has the digest;
// with an empty digest it is not compared. A value replaces the whole property
// string: merge before (Net.Merge). On a running container part of it may be
// left pending. It is done when the call returns, or has been begun: see
// MayHaveHappened for a 500.
func (c *Client) SetConfig(ctx context.Context, node string, vmid VMID, set Params, del []string, digest string) error {
	sent := maps.Clone(set)
	if sent == nil {
		sent = Params{}
	}
	if len(del) > 0 {
		sent["delete"] = strings.Join(slices.Sorted(slices.Values(del)), ",")
	}
	if digest != "" {
		sent["digest"] = digest
	}
	_, err := c.do(ctx, http.MethodPut, lxcPath(node, vmid, "config"), sent)
	return err
}

// Resize grows a volume ("rootfs", "mp0") to a size ("20G"), or by one
// ("+5G"). Proxmox does not shrink. A volume that has the size already is
// IsAlreadySized.
func (c *Client) Resize(ctx context.Context, node string, vmid VMID, disk, size string) (UPID, error) {
	return c.task(ctx, http.MethodPut, lxcPath(node, vmid, "resize"), Params{"disk": disk, "size": size})
}

// Start boots a container. The end of the task means that its init runs, not
// that its services do. IsAlreadyRunning is no failure.
func (c *Client) Start(ctx context.Context, node string, vmid VMID) (UPID, error) {
	return c.task(ctx, http.MethodPost, lxcPath(node, vmid, "status", "start"), nil)
}

// Shutdown asks the container to stop and waits, in the task, for at most the
// timeout (rounded up to seconds; 0 means Proxmox's 60 s). After that it is
// killed with forceStop, and the task fails without. IsNotRunning is no
// failure.
func (c *Client) Shutdown(ctx context.Context, node string, vmid VMID, timeout time.Duration, forceStop bool) (UPID, error) {
	params := Params{}
	if timeout > 0 {
		params.SetInt("timeout", int64(math.Ceil(timeout.Seconds())))
	}
	if forceStop {
		params.SetBool("forceStop", true)
	}
	return c.task(ctx, http.MethodPost, lxcPath(node, vmid, "status", "shutdown"), params)
}

// Stop kills a container at once. IsNotRunning is no failure.
func (c *Client) Stop(ctx context.Context, node string, vmid VMID) (UPID, error) {
	return c.task(ctx, http.MethodPost, lxcPath(node, vmid, "status", "stop"), nil)
}

// DestroyOptions widen what Destroy removes.
type DestroyOptions struct {
	// Force kills a running container first.
	Force bool
	// Purge removes the container from backup and replication jobs and HA.
	Purge bool
	// UnreferencedDisks also removes volumes of this VMID that the config does
	// not name, on all storages.
	UnreferencedDisks bool
}

// Destroy removes a container with its volumes and snapshots, for good. It
// takes no digest: the caller re-reads what it is about to destroy.
func (c *Client) Destroy(ctx context.Context, node string, vmid VMID, options DestroyOptions) (UPID, error) {
	params := Params{}
	if options.Force {
		params.SetBool("force", true)
	}
	if options.Purge {
		params.SetBool("purge", true)
	}
	// The server's default for this one changed between releases.
	params.SetBool("destroy-unreferenced-disks", options.UnreferencedDisks)
	return c.task(ctx, http.MethodDelete, lxcPath(node, vmid), params)
}
