package proxmox

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// MigrateOptions say where a container is moved, and how.
type MigrateOptions struct {
	// Target is the name of the node.
	Target string
	// Restart stops a running container and starts it on the target: Proxmox
	// does not move containers while they run.
	Restart bool
	// Timeout of the stop (rounded up to seconds; 0 means Proxmox's 180 s), after
	// which the container is killed.
	Timeout time.Duration
}

// Migrate moves a container to another node, with its volumes where they are
// local. When the task ends it is there, and runs if it did before. Like the
// calls of change.go it is sent once.
func (c *Client) Migrate(ctx context.Context, node string, vmid VMID, options MigrateOptions) (UPID, error) {
	params := Params{"target": options.Target}
	if options.Restart {
		params.SetBool("restart", true)
		if options.Timeout > 0 {
			params.SetInt("timeout", int64(math.Ceil(options.Timeout.Seconds())))
		}
	}
	return c.task(ctx, http.MethodPost, lxcPath(node, vmid, "migrate"), params)
}

// MayMigrate asks whether Proxmox's own rules, such as those of its HA manager,
// keep a container from a node. It is empty where they do not, and where
// Proxmox is too old to be asked (before 9.0): then the migration will tell.
func (c *Client) MayMigrate(ctx context.Context, node string, vmid VMID, target string) (why string, err error) {
	var reply struct {
		Allowed []string                   `json:"allowed-nodes"`
		Not     map[string]json.RawMessage `json:"not-allowed-nodes"`
	}
	err = c.get(ctx, lxcPath(node, vmid, "migrate"), Params{"target": target}, &reply)
	var failed *Error
	switch {
	case errors.As(err, &failed) && failed.Status == http.StatusNotImplemented:
		return "", nil
	case err != nil:
		return "", err
	}
	if _, blocked := reply.Not[target]; blocked {
		return "the rules of Proxmox's HA manager keep it from there", nil
	}
	if len(reply.Allowed) > 0 && !slices.Contains(reply.Allowed, target) {
		return "Proxmox allows only " + strings.Join(reply.Allowed, ", "), nil
	}
	return "", nil
}
