package pvesim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// Source of this file: PVE/API2/Storage/Status.pm and Content.pm.

func (s *Simulator) storageNames(node string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.world.Storages)), func(name string) bool {
		nodes := s.world.Storages[name].Nodes
		return len(nodes) > 0 && !slices.Contains(nodes, node)
	})
}

func (s *Simulator) storageUsage(node, name string) (total, used int64) {
	storage := s.world.Storages[name]
	total = int64(storage.SizeGiB) * gib
	if total == 0 {
		total = 1000 * gib
	}
	for key, found := range s.volumes {
		if found.storage == name && (key.node == node || key.node == "") {
			used += found.size
		}
	}
	return total, min(used, total)
}

func (s *Simulator) storageRow(node, name string) map[string]any {
	storage := s.world.Storages[name]
	total, used := s.storageUsage(node, name)
	row := map[string]any{
		"type": storage.Type, "content": strings.Join(slices.Sorted(slices.Values(storage.Content)), ","),
		"enabled": asNumber(!storage.Disabled), "active": asNumber(!storage.Disabled), "shared": asNumber(storage.Shared),
		"total": total, "used": used, "avail": total - used,
	}
	return row
}

func asNumber(truth bool) int {
	if truth {
		return 1
	}
	return 0
}

func (c *call) maySeeStorage(name string) bool {
	return c.may("/storage/"+name, "Datastore.Audit") || c.may("/storage/"+name, "Datastore.AllocateSpace")
}

func listStorages(c *call) (any, error) {
	if name := c.text("storage"); name != "" {
		if _, known := c.world.Storages[name]; !known {
			return nil, badParameter("storage", "No such storage.")
		}
	}
	contents := schema.SplitList(c.text("content"))
	rows := []map[string]any{}
	for _, name := range c.storageNames(c.node) {
		storage := c.world.Storages[name]
		holds := len(contents) == 0
		for _, content := range contents {
			holds = holds || slices.Contains(storage.Content, content)
		}
		if !holds || !c.maySeeStorage(name) || c.has("storage") && c.text("storage") != name || c.isSet("enabled") && storage.Disabled {
			continue
		}
		row := c.storageRow(c.node, name)
		row["storage"] = name
		row["used_fraction"] = float64(row["used"].(int64)) / float64(row["total"].(int64))
		rows = append(rows, row)
	}
	return rows, nil
}

func storageStatus(c *call) (any, error) {
	name := c.text("storage")
	if !slices.Contains(c.storageNames(c.node), name) {
		return nil, badParameter("storage", "No such storage.")
	}
	return c.storageRow(c.node, name), nil
}

// storageContent leaves out rows that the caller may not access.
func storageContent(c *call) (any, error) {
	name, content := c.text("storage"), c.text("content")
	if _, err := c.storageOn(c.node, name); err != nil {
		return nil, err
	}
	rows := []map[string]any{}
	for _, template := range c.world.Templates {
		if !strings.HasPrefix(template.VolID, name+":") || content != "" && content != "vztmpl" || c.has("vmid") {
			continue
		}
		rows = append(rows, map[string]any{
			"volid": template.VolID, "content": "vztmpl", "format": templateFormat(template.VolID), "size": 1 << 20, "ctime": 1767225600,
		})
	}
	if content != "" && content != "rootdir" && content != "images" {
		return rows, nil
	}
	for key, found := range c.volumes {
		if found.storage != name || key.node != "" && key.node != c.node || c.has("vmid") && found.owner != c.vmid {
			continue
		}
		if !c.may("/storage/"+name, "Datastore.Allocate") && !c.may(vmPath(found.owner), "VM.Config.Disk") {
			continue
		}
		rows = append(rows, map[string]any{
			"volid": found.volid, "content": "rootdir", "format": found.format, "size": found.size, "used": found.size / 20,
			"vmid": found.owner, "ctime": found.made, "parent": nil,
		})
	}
	return rows, nil
}

func templateFormat(volid string) string {
	for suffix, format := range map[string]string{".tar.gz": "tgz", ".tar.xz": "txz", ".tar.zst": "tzst", ".tar.bz2": "tbz2", ".tar": "tar"} {
		if strings.HasSuffix(volid, suffix) {
			return format
		}
	}
	return "raw"
}

// storageRows are the storages in cluster/resources; here Datastore.AllocateSpace does not count.
func (c *call) storageRows() []map[string]any {
	var rows []map[string]any
	for _, node := range slices.Sorted(maps.Keys(c.nodes)) {
		for _, name := range c.storageNames(node) {
			if !c.may("/storage/"+name, "Datastore.Audit") {
				continue
			}
			storage := c.world.Storages[name]
			total, used := c.storageUsage(node, name)
			rows = append(rows, map[string]any{
				"id": "storage/" + node + "/" + name, "storage": name, "node": node, "type": "storage", "status": "available",
				"content": strings.Join(slices.Sorted(slices.Values(storage.Content)), ","), "plugintype": storage.Type,
				"shared": asNumber(storage.Shared), "disk": used, "maxdisk": total,
			})
		}
	}
	return rows
}

// deleteVolume destroys a volume, whoever uses it, and whether or not it is there (observed on 9.2: both end OK). With
// delay it waits so long for the end, and answers null if that came.
func deleteVolume(c *call) (any, error) {
	volid := c.text("volume")
	if !strings.Contains(volid, ":") {
		volid = c.text("storage") + ":" + volid
	}
	storage, name, _ := strings.Cut(volid, ":")
	if _, err := c.storageOn(c.node, storage); err != nil {
		return nil, err
	}
	if err := c.need("/storage/"+storage, "Datastore.Allocate"); err != nil {
		return nil, err
	}
	_, owner, ok := volumeType(name)
	if !ok {
		return nil, die("unable to parse directory volume name '%s'", name)
	}
	id := storage
	if owner != 0 {
		id = fmt.Sprintf("%d@%s", owner, storage)
	}
	node := c.node
	upid := c.forkID(c.who, node, "imgdel", id, owner, func(t *task) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		delete(c.volumes, c.volumeKey(node, volid))
		t.say("Removed volume '%s'", volid)
		return nil
	})
	deadline := c.elapsed() + c.seconds("delay", 0)
	for t := c.tasks.byName[upid]; c.elapsed() < deadline && !c.closed(); c.pause(time.Second, nil) {
		if t.ended && t.exitStatus == "OK" {
			return nil, nil
		}
	}
	return upid, nil
}

// volumeAttributes are those of one volume.
func volumeAttributes(c *call) (any, error) {
	volid := c.text("volume")
	if !strings.Contains(volid, ":") {
		volid = c.text("storage") + ":" + volid
	}
	if err := c.mayAccessVolume(volid, "rootdir"); err != nil {
		return nil, err
	}
	known := c.findVolume(c.node, volid)
	if known == nil {
		return nil, die("volume_size_info on '%s' failed", volid)
	}
	_, name, _ := strings.Cut(volid, ":")
	path := c.world.Storages[known.storage].Path
	return map[string]any{"path": path + "/images/" + name, "size": known.size, "used": known.size / 20, "format": known.format}, nil
}

// storageConfig is storage.cfg: GET /storage.
func storageConfig(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.world.Storages)) {
		storage := c.world.Storages[name]
		if !c.maySeeStorage(name) || c.has("type") && c.text("type") != storage.Type {
			continue
		}
		row := map[string]any{
			"storage": name, "type": storage.Type, "content": strings.Join(storage.Content, ","), "digest": digest(name + storage.Type),
		}
		if storage.Path != "" {
			row["path"] = storage.Path
		}
		if storage.Shared {
			row["shared"] = 1
		}
		if len(storage.Nodes) > 0 {
			row["nodes"] = strings.Join(storage.Nodes, ",")
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// networks are the bridges of a node.
func networks(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.world.Bridges)) {
		kind := c.text("type")
		if kind != "" && kind != "bridge" && kind != "any_bridge" && kind != "any_local_bridge" {
			continue
		}
		row := map[string]any{
			"iface": name, "type": "bridge", "method": "static", "method6": "manual", "families": []string{"inet"}, "active": 1,
			"autostart": 1, "bridge_ports": "", "bridge_fd": "0", "bridge_stp": "off", "priority": len(rows) + 3,
		}
		if prefix, err := netip.ParsePrefix(c.world.Bridges[name].CIDR); err == nil {
			row["cidr"], row["address"], row["netmask"] = prefix.String(), prefix.Addr().String(), fmt.Sprint(prefix.Bits())
		}
		rows = append(rows, row)
	}
	return rows, nil
}
