package proxmox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// VMIDFree tells that no guest of the cluster has the VMID, those that the
// token may not see included. Nothing is reserved: it can be taken right after.
func (c *Client) VMIDFree(ctx context.Context, vmid VMID) (bool, error) {
	const where = "/cluster/nextid"
	var free integer
	err := c.get(ctx, where, Params{"vmid": strconv.Itoa(int(vmid))}, &free)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if VMID(free) != vmid {
		return false, c.checked(http.MethodGet, where, fmt.Errorf("%w: asked for %d, answered %d", ErrMalformed, vmid, free))
	}
	return true, nil
}
