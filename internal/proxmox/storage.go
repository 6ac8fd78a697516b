package proxmox

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Kinds of storage content.
const (
	ContentTemplates = "vztmpl"
	ContentVolumes   = "rootdir"
	ContentBackups   = "backup"
)

// NodeStorage is a storage as one node has it, up to date.
type NodeStorage struct {
	Name, Type                       string
	Content                          []string
	Active, Enabled, Shared          bool
	TotalBytes, UsedBytes, FreeBytes int64
}

// Storages lists the storages of a node that the token may use, in order of
// name; others are left out, not refused.
func (c *Client) Storages(ctx context.Context, node string) ([]NodeStorage, error) {
	var rows []struct {
		Storage, Type, Content  text
		Active, Enabled, Shared boolean
		Total, Used, Avail      integer
	}
	if err := c.get(ctx, path("nodes", node, "storage"), nil, &rows); err != nil {
		return nil, err
	}
	storages := make([]NodeStorage, 0, len(rows))
	for _, row := range rows {
		storages = append(storages, NodeStorage{
			Name: string(row.Storage), Type: string(row.Type), Content: splitList(string(row.Content)),
			Active: bool(row.Active), Enabled: bool(row.Enabled), Shared: bool(row.Shared),
			TotalBytes: int64(row.Total), UsedBytes: int64(row.Used), FreeBytes: int64(row.Avail),
		})
	}
	slices.SortFunc(storages, func(a, b NodeStorage) int { return cmp.Compare(a.Name, b.Name) })
	return storages, nil
}

// Volume is something that a storage holds: a template, a backup, a volume of
// a guest.
type Volume struct {
	// VolID is the name in the API: "local:vztmpl/nixos.tar.xz".
	VolID, Format, Content string
	SizeBytes, UsedBytes   int64
	Created                time.Time
	// VMID is the guest that the volume belongs to, 0 for none.
	VMID VMID
}

// StorageContent lists what a storage holds, in order of volume id; content is
// ContentTemplates, ContentVolumes, ContentBackups or "" for all. Volumes that
// the token may not see are left out.
func (c *Client) StorageContent(ctx context.Context, node, storage, content string) ([]Volume, error) {
	params := Params{}
	if content != "" {
		params["content"] = content
	}
	var rows []struct {
		VolID, Format, Content  text
		Size, Used, CTime, VMID integer
	}
	if err := c.get(ctx, path("nodes", node, "storage", storage, "content"), params, &rows); err != nil {
		return nil, err
	}
	volumes := make([]Volume, 0, len(rows))
	for _, row := range rows {
		volume := Volume{
			VolID: string(row.VolID), Format: string(row.Format), Content: string(row.Content),
			SizeBytes: int64(row.Size), UsedBytes: int64(row.Used), VMID: VMID(row.VMID),
		}
		if row.CTime > 0 {
			volume.Created = time.Unix(int64(row.CTime), 0).UTC()
		}
		volumes = append(volumes, volume)
	}
	slices.SortFunc(volumes, func(a, b Volume) int { return cmp.Compare(a.VolID, b.VolID) })
	return volumes, nil
}
