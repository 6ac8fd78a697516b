package proxmox

import (
	"context"
	pathpkg "path"
)

// Permissions are the token's privileges by ACL path. The inner value tells
// that the privilege also holds below the path; its presence, that it holds at
// the path.
type Permissions map[string]map[string]bool

// Has tells that the privilege holds at the path, by an entry for it or by one
// above it that reaches down.
func (p Permissions) Has(path, privilege string) bool {
	for at := pathpkg.Clean(path); ; at = pathpkg.Dir(at) {
		if privileges, listed := p[at]; listed {
			propagates, found := privileges[privilege]
			return found && (propagates || at == pathpkg.Clean(path))
		}
		if at == "/" || at == "." {
			return false
		}
	}
}

// Permissions lists the token's own privileges, at every path that the
// server's access list names. Any token may ask for its own.
func (c *Client) Permissions(ctx context.Context) (Permissions, error) {
	return c.permissions(ctx, nil)
}

// PermissionsAt lists the token's privileges at one path, as they result from
// all that is above it.
func (c *Client) PermissionsAt(ctx context.Context, path string) (Permissions, error) {
	return c.permissions(ctx, Params{"path": path})
}

func (c *Client) permissions(ctx context.Context, params Params) (Permissions, error) {
	var reply map[string]map[string]boolean
	if err := c.get(ctx, "/access/permissions", params, &reply); err != nil {
		return nil, err
	}
	permissions := make(Permissions, len(reply))
	for path, privileges := range reply {
		permissions[path] = make(map[string]bool, len(privileges))
		for privilege, propagates := range privileges {
			permissions[path][privilege] = bool(propagates)
		}
	}
	return permissions, nil
}
