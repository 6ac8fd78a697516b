package proxmox

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
)

// The kinds of guest.
const (
	TypeLXC  = "lxc"
	TypeQEMU = "qemu"
)

// Resources are all guests, nodes and storages that the token may see, from
// one call. Proxmox filters rows without a privilege instead of refusing, and
// its own statistics are up to 10 s old: a new container first appears with
// status "unknown" and no name.
type Resources struct {
	// Guests are in order of VMID.
	Guests   []Guest
	Nodes    []Node
	Storages []Storage
}

// Guest is a container or virtual machine as the cluster lists it.
type Guest struct {
	VMID VMID
	Node string
	// Type is TypeLXC or TypeQEMU.
	Type string
	// Name may lag behind the configured hostname.
	Name string
	// Status is "running", "stopped" or "unknown".
	Status string
	// Lock is the config lock, "" for none.
	Lock          string
	Tags          []string
	Template      bool
	MaxMemBytes   int64
	MaxDiskBytes  int64
	MaxCPU        float64
	UptimeSeconds int64
	Pool          string
	// HAState is set when the HA manager looks after the guest.
	HAState string
}

// Running tells that the guest runs, as far as the last statistics know.
func (g Guest) Running() bool { return g.Status == "running" }

// Node is a node of the cluster. Its figures are 0 without Sys.Audit on it.
type Node struct {
	Name          string
	Online        bool
	MaxCPU        float64
	MaxMemBytes   int64
	MemBytes      int64
	UptimeSeconds int64
	// Fingerprint is of the node's certificate; only Nodes knows it.
	Fingerprint string
}

// Storage is a storage as one node sees it; a shared one appears once a node.
type Storage struct {
	Name, Node string
	// Type is the plugin: dir, zfspool, lvmthin, ...
	Type    string
	Shared  bool
	Content []string
	// Status is "available" or "unknown".
	Status        string
	MaxDiskBytes  int64
	UsedDiskBytes int64
}

// resourceRow is the union of what rows of all types hold.
type resourceRow struct {
	ID         text
	Type       text
	VMID       integer
	Node       text
	Name       text
	Status     text
	Lock       text
	Tags       text
	Template   boolean
	MaxMem     integer
	Mem        integer
	MaxDisk    integer
	Disk       integer
	MaxCPU     number
	Uptime     integer
	Pool       text
	HAState    text
	Storage    text
	PluginType text
	Shared     boolean
	Content    text
	SSL        text `json:"ssl_fingerprint"`
}

// Resources lists the whole cluster with one call.
func (c *Client) Resources(ctx context.Context) (Resources, error) {
	const where = "/cluster/resources"
	var rows []resourceRow
	if err := c.get(ctx, where, nil, &rows); err != nil {
		return Resources{}, err
	}
	var all Resources
	for _, row := range rows {
		if err := all.add(row); err != nil {
			return Resources{}, c.checked(http.MethodGet, where, err)
		}
	}
	slices.SortFunc(all.Guests, func(a, b Guest) int { return cmp.Compare(a.VMID, b.VMID) })
	slices.SortFunc(all.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(all.Storages, func(a, b Storage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	return all, nil
}

// add sorts a row in. A guest without identity is an error, not a gap: a VMID
// that we overlook is one that we might hand out.
func (r *Resources) add(row resourceRow) error {
	switch row.Type {
	case TypeLXC, TypeQEMU:
		if row.VMID <= 0 || row.Node == "" {
			return fmt.Errorf("%w: guest %q has no VMID or node", ErrMalformed, row.ID)
		}
		r.Guests = append(r.Guests, row.guest())
	case "node":
		r.Nodes = append(r.Nodes, row.node())
	case "storage":
		r.Storages = append(r.Storages, row.storage())
	}
	return nil
}

func (row resourceRow) guest() Guest {
	return Guest{
		VMID: VMID(row.VMID), Node: string(row.Node), Type: string(row.Type), Name: string(row.Name),
		Status: string(row.Status), Lock: string(row.Lock), Tags: ParseTags(string(row.Tags)),
		Template: bool(row.Template), MaxMemBytes: int64(row.MaxMem), MaxDiskBytes: int64(row.MaxDisk),
		MaxCPU: float64(row.MaxCPU), UptimeSeconds: int64(row.Uptime), Pool: string(row.Pool),
		HAState: string(row.HAState),
	}
}

func (row resourceRow) node() Node {
	return Node{
		Name: string(row.Node), Online: row.Status == "online", MaxCPU: float64(row.MaxCPU),
		MaxMemBytes: int64(row.MaxMem), MemBytes: int64(row.Mem), UptimeSeconds: int64(row.Uptime),
		Fingerprint: string(row.SSL),
	}
}

func (row resourceRow) storage() Storage {
	return Storage{
		Name: string(row.Storage), Node: string(row.Node), Type: string(row.PluginType),
		Shared: bool(row.Shared), Content: splitList(string(row.Content)), Status: string(row.Status),
		MaxDiskBytes: int64(row.MaxDisk), UsedDiskBytes: int64(row.Disk),
	}
}

// Nodes lists the nodes in order of name. Figures need Sys.Audit on a node.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var rows []resourceRow
	if err := c.get(ctx, "/nodes", nil, &rows); err != nil {
		return nil, err
	}
	nodes := make([]Node, 0, len(rows))
	for _, row := range rows {
		nodes = append(nodes, row.node())
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes, nil
}
