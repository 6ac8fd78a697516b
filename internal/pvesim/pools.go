package pvesim

import (
	"maps"
	"slices"
	"strconv"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// Source of this file: PVE/API2/Pool.pm.

func listPools(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.access.pools)) {
		if wanted := c.text("poolid"); wanted != "" && wanted != name || !c.maySeePool(name) {
			continue
		}
		row := map[string]any{"poolid": name}
		if c.has("poolid") {
			row["members"] = c.poolMembers(name)
		}
		rows = append(rows, row)
	}
	if wanted := c.text("poolid"); wanted != "" && c.access.pools[wanted] == nil {
		return nil, die("pool '%s' does not exist", wanted)
	}
	return rows, nil
}

func (c *call) maySeePool(name string) bool {
	return c.may("/pool/"+name, "Pool.Audit") || c.may("/pool/"+name, "Pool.Allocate")
}

func (c *call) poolMembers(name string) []map[string]any {
	members := []map[string]any{}
	for _, member := range c.access.pools[name] {
		vmid, err := strconv.Atoi(member)
		if err != nil {
			members = append(members, map[string]any{"id": "storage/" + member, "storage": member, "type": "storage"})
			continue
		}
		if g := c.guests[vmid]; g != nil && c.may(vmPath(vmid), "VM.Audit") {
			row := c.statusRow(g)
			row["id"], row["node"] = "lxc/"+member, g.node
			members = append(members, row)
		}
	}
	return members
}

func readPool(c *call) (any, error) {
	name := c.text("poolid")
	if c.access.pools[name] == nil {
		return nil, die("pool '%s' does not exist", name)
	}
	return map[string]any{"members": c.poolMembers(name)}, nil
}

func createPool(c *call) (any, error) {
	name := c.text("poolid")
	if c.access.pools[name] != nil {
		return nil, die("create pool failed: pool '%s' already exists", name)
	}
	c.access.pools[name] = []string{}
	return nil, nil
}

// updatePool adds members, or with delete=1 takes them out.
func updatePool(c *call) (any, error) {
	name := c.text("poolid")
	members := c.access.pools[name]
	if members == nil {
		return nil, die("update pools failed: pool '%s' does not exist", name)
	}
	for _, member := range append(schema.SplitList(c.text("vms")), schema.SplitList(c.text("storage"))...) {
		switch is := slices.Contains(members, member); {
		case c.isSet("delete") && !is:
			return nil, die("update pools failed: '%s' is not a pool member", member)
		case c.isSet("delete"):
			c.access.leave(member)
		case is:
			return nil, die("update pools failed: '%s' is already a pool member", member)
		default:
			c.access.join(name, member)
		}
	}
	return nil, nil
}

func deletePool(c *call) (any, error) {
	name := c.text("poolid")
	members := c.access.pools[name]
	switch {
	case members == nil:
		return nil, die("delete pool failed: pool '%s' does not exist", name)
	case len(members) > 0:
		return nil, die("delete pool failed: pool '%s' is not empty", name)
	}
	delete(c.access.pools, name)
	return nil, nil
}
