package pvesim

// feature says whether a container can be snapshotted, cloned without a copy, or copied.
func feature(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	if snapshot := c.text("snapname"); snapshot != "" && g.conf.snapshots[snapshot] == nil {
		return nil, die("snapshot '%s' does not exist", snapshot)
	}
	return map[string]any{"hasFeature": asNumber(c.hasFeature(g, c.text("feature"), c.text("snapname")))}, nil
}

// hasFeature asks each disk's storage; a host path has none of the features (PVE/LXC/Config.pm, has_feature).
func (s *Simulator) hasFeature(g *guest, name, snapshot string) bool {
	values := g.conf.values
	if snapshot != "" {
		values = g.conf.snapshots[snapshot].values
	}
	for _, key := range diskOrder(values) {
		disk, err := s.parseDisk(key, values[key])
		if err != nil || disk.kind() != diskVolume {
			return false
		}
		known := s.findVolume(g.node, disk.volume())
		if known == nil || !s.storageCan(known, name, snapshot, truthy(g.value("template"))) {
			return false
		}
	}
	return true
}

// storageCan is the table of PVE/Storage/*Plugin.pm, volume_has_feature, for disks of containers.
func (s *Simulator) storageCan(disk *volume, name, snapshot string, template bool) bool {
	storage := s.world.Storages[disk.storage]
	switch name {
	case "snapshot":
		return storage.Snapshots
	case "copy":
		return snapshot == "" || storage.Snapshots
	}
	switch storage.Type { // clone: a linked one
	case "btrfs":
		return storage.Snapshots
	case "zfspool":
		return template && snapshot == ""
	case "lvmthin", "rbd":
		return template || snapshot != ""
	}
	return false
}
