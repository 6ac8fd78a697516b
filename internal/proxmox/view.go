package proxmox

import (
	"context"
	"net/http"
	"slices"
)

// View is a container's configuration in both tenses, from one call.
type View struct {
	// Live is what the running container has; Future is what it will have after its next stop. Without pending changes both are equal.
	Live, Future *Config
	// Pending names the keys that differ between the two, in order.
	Pending []string
}

// View reads the configuration with what is pending (GET .../pending). The raw lxc lines are not in it. A container that is not on the
// node is IsNotExist.
func (c *Client) View(ctx context.Context, node string, vmid VMID) (*View, error) {
	items, err := c.Pending(ctx, node, vmid)
	if err != nil {
		return nil, err
	}
	view, err := viewOf(items)
	return view, c.checked(http.MethodGet, lxcPath(node, vmid, "pending"), err)
}

func viewOf(items []PendingItem) (*View, error) {
	live, future := map[string]string{}, map[string]string{}
	view := &View{}
	for _, item := range items {
		if item.Value != nil {
			live[item.Key] = *item.Value
		}
		switch {
		case item.Delete:
		case item.Pending != nil:
			future[item.Key] = *item.Pending
		case item.Value != nil:
			future[item.Key] = *item.Value
		}
		if item.Changes() {
			view.Pending = append(view.Pending, item.Key)
		}
	}
	slices.Sort(view.Pending)
	var err error
	if view.Live, err = (&Config{Raw: live}).read(); err != nil {
		return nil, err
	}
	if len(view.Pending) == 0 {
		view.Future = view.Live // one copy of what thousands of containers have
		return view, nil
	}
	if view.Future, err = (&Config{Raw: future}).read(); err != nil {
		return nil, err
	}
	return view, nil
}
