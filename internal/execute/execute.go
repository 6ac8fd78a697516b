// Package execute turns one step of a plan into one call to Proxmox. It carries no decision: what to do and whether comes from the plan
// and the controllers. What it knows is how Proxmox spells things.
package execute

import (
	"context"
	"fmt"
	"time"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// API is what execute asks of Proxmox. No method is repeated by the transport.
type API interface {
	// Create of a VMID that exists fails and changes nothing.
	Create(ctx context.Context, node string, vmid proxmox.VMID, params proxmox.Params) (proxmox.UPID, error)
	// SetConfig fails when the configuration is not the one with the digest any more.
	SetConfig(ctx context.Context, node string, vmid proxmox.VMID, set proxmox.Params, del []string, digest string) error
	// Resize, Start and Shutdown of what is already so fail with an error that says so.
	Resize(ctx context.Context, node string, vmid proxmox.VMID, disk, size string) (proxmox.UPID, error)
	Start(ctx context.Context, node string, vmid proxmox.VMID) (proxmox.UPID, error)
	Shutdown(ctx context.Context, node string, vmid proxmox.VMID, timeout time.Duration, forceStop bool) (proxmox.UPID, error)
	// Migrate moves the container to another node; one that runs only with restart.
	Migrate(ctx context.Context, node string, vmid proxmox.VMID, options proxmox.MigrateOptions) (proxmox.UPID, error)
	// Destroy removes the container with its volumes, for good.
	Destroy(ctx context.Context, node string, vmid proxmox.VMID, options proxmox.DestroyOptions) (proxmox.UPID, error)
}

// Destroy is the one step that no plan holds: the controllers take it when a service is deleted with deletionPolicy Delete, after they
// have read the container's marker again.
const Destroy plan.Kind = "Destroy"

// Target is the container that a step is about.
type Target struct {
	Node string
	VMID proxmox.VMID
	// Marker that the description is to hold after a Create or Configure; its Volumes are completed with the mount points of new volumes.
	Marker marker.Marker
	// View is the configuration under which the step was decided; nil before a Create.
	View *proxmox.View
}

// Step makes the step's one call. The task is zero when the call was complete with its answer.
func Step(ctx context.Context, api API, s plan.Step, d plan.Desired, t Target) (upid proxmox.UPID, err error) {
	switch s.Kind {
	case plan.Create:
		upid, err = api.Create(ctx, t.Node, t.VMID, CreateParams(d, t.Marker))
	case plan.Configure:
		set, del := ConfigureParams(s, d, t)
		err = api.SetConfig(ctx, t.Node, t.VMID, set, del, t.View.Live.Digest)
	case plan.Grow:
		upid, err = api.Resize(ctx, t.Node, t.VMID, s.Disk, proxmox.FormatSize(s.Bytes))
	case plan.Start:
		upid, err = api.Start(ctx, t.Node, t.VMID)
	case plan.Shutdown:
		upid, err = api.Shutdown(ctx, t.Node, t.VMID, d.ShutdownTimeout, d.ForceStop)
	case plan.Migrate:
		upid, err = api.Migrate(ctx, t.Node, t.VMID, proxmox.MigrateOptions{Target: s.Node, Restart: s.Disrupts, Timeout: d.ShutdownTimeout})
	case Destroy:
		upid, err = api.Destroy(ctx, t.Node, t.VMID, proxmox.DestroyOptions{Purge: true})
	default:
		return upid, fmt.Errorf("no such step: %s", s.Kind)
	}
	if done := proxmox.IsAlreadyRunning(err) || proxmox.IsNotRunning(err) || proxmox.IsAlreadySized(err); done {
		return proxmox.UPID{}, nil
	}
	if err != nil {
		return proxmox.UPID{}, fmt.Errorf("%s container %d on %s: %w", s.Kind, t.VMID, t.Node, err)
	}
	return upid, nil
}
