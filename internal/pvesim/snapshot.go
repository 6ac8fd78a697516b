package pvesim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Source of this file: PVE/API2/LXC/Snapshot.pm and PVE/AbstractConfig.pm.

// notInSnapshot are keys that a snapshot does not copy.
func notInSnapshot(key string) bool {
	switch key {
	case "lock", "description", "snaptime", "snapstate":
		return true
	}
	return unusedKey.MatchString(key)
}

func listSnapshots(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	rows := []map[string]any{}
	for name, snapshot := range g.conf.snapshots {
		row := map[string]any{
			"name": name, "description": snapshot.values["description"], "snaptime": c.typed("snaptime", snapshot.values["snaptime"]),
		}
		for _, key := range []string{"parent", "snapstate"} {
			if value := snapshot.values[key]; value != "" {
				row[key] = value
			}
		}
		rows = append(rows, row)
	}
	current := map[string]any{
		"name": "current", "description": "You are here!", "digest": digest(g.text), "running": asNumber(g.running()),
	}
	if parent := g.value("parent"); parent != "" {
		current["parent"] = parent
	}
	return append(rows, current), nil
}

func snapshotConfig(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	snapshot := g.conf.snapshots[c.text("snapname")]
	if snapshot == nil {
		return nil, die("snapshot '%s' does not exist", c.text("snapname"))
	}
	return c.sectionAnswer(snapshot), nil
}

// describeSnapshot changes a snapshot's description, the only thing of it that can change.
func describeSnapshot(c *call) (any, error) {
	unlock, err := c.lockConfig(c.vmid, configLockWait)
	if err != nil {
		return nil, die("%s", err)
	}
	defer unlock()
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	if err := checkLock(g); err != nil {
		return nil, err
	}
	conf := g.conf.clone()
	snapshot := conf.snapshots[c.text("snapname")]
	if snapshot == nil {
		return nil, die("snapshot '%s' does not exist", c.text("snapname"))
	}
	if c.has("description") {
		snapshot.values["description"] = c.text("description")
	}
	c.store(g, conf)
	return nil, nil
}

// createSnapshot answers with a task for a container that does not exist, too: all checks but that of the name are made by
// the worker.
func createSnapshot(c *call) (any, error) {
	name, description := c.text("snapname"), c.text("description")
	if name == "current" || name == "vzdump" {
		return nil, die("unable to use snapshot name '%s' (reserved name)", name)
	}
	return c.endWorker("vzsnapshot", func(t *task, g *guest) error {
		switch {
		case truthy(g.value("template")):
			return errors.New("you can't take a snapshot if it's a template")
		case g.value("lock") != "":
			return checkLock(g)
		case g.conf.snapshots[name] != nil:
			return fmt.Errorf("snapshot name '%s' already used", name)
		case !c.hasFeature(g, "snapshot", ""):
			return errors.New("snapshot feature is not available")
		}
		err := c.whileLocked(t, g, "snapshot")
		if err != nil {
			return err
		}
		conf := g.conf.clone()
		made := conf.section.clone()
		maps.DeleteFunc(made.values, func(key, _ string) bool { return notInSnapshot(key) })
		made.values["snaptime"] = strconv.FormatInt(time.Now().Unix(), 10)
		if description != "" {
			made.values["description"] = description
		}
		conf.snapshots[name] = made
		conf.values["parent"] = name
		for _, known := range c.disksOf(g.node, conf.values) {
			known.snapshots = append(known.snapshots, name)
		}
		c.store(g, conf)
		return nil
	})
}

// whileLocked lets the task's time pass with a lock in the configuration, and takes the lock away again.
func (s *Simulator) whileLocked(t *task, g *guest, lock string) error {
	s.setLock(g, lock)
	err := s.work(t, 1)
	s.setLock(g, "")
	return err
}

func (s *Simulator) setLock(g *guest, lock string) {
	conf := g.conf.clone()
	conf.values["lock"] = lock
	if lock == "" {
		delete(conf.values, "lock")
	}
	s.store(g, conf)
}

// disksOf are the volumes that a configuration uses as root or mount points.
func (s *Simulator) disksOf(node string, values map[string]string) []*volume {
	var found []*volume
	for _, key := range diskOrder(values) {
		disk, err := s.parseDisk(key, values[key])
		if err != nil {
			continue
		}
		if known := s.findVolume(node, disk.volume()); known != nil {
			found = append(found, known)
		}
	}
	return found
}

func deleteSnapshot(c *call) (any, error) {
	name := c.text("snapname")
	return c.endWorker("vzdelsnapshot", func(t *task, g *guest) error {
		if g.conf.snapshots[name] == nil {
			return fmt.Errorf("snapshot '%s' does not exist", name)
		}
		if err := checkLock(g); err != nil {
			return err
		}
		if err := c.whileLocked(t, g, "snapshot-delete"); err != nil {
			return err
		}
		conf := g.conf.clone()
		parent := conf.snapshots[name].values["parent"]
		for _, known := range c.disksOf(g.node, conf.snapshots[name].values) {
			known.snapshots = slices.DeleteFunc(known.snapshots, func(other string) bool { return other == name })
		}
		delete(conf.snapshots, name)
		conf.section.reparent(name, parent)
		for _, other := range conf.snapshots {
			other.reparent(name, parent)
		}
		c.store(g, conf)
		return nil
	})
}

func (s *section) reparent(from, to string) {
	if s.values["parent"] != from {
		return
	}
	s.values["parent"] = to
	if to == "" {
		delete(s.values, "parent")
	}
}

// rollback brings back the configuration and the disks of a snapshot. The container is killed and stays stopped unless
// start=1, which makes a task of its own that nobody waits for. Description and unused disks stay; disks added since
// become unused; pending changes are lost.
func rollback(c *call) (any, error) {
	name, start := c.text("snapname"), c.isSet("start")
	return c.endWorker("vzrollback", func(t *task, g *guest) error {
		snapshot := g.conf.snapshots[name]
		if snapshot == nil {
			return fmt.Errorf("snapshot '%s' does not exist", name)
		}
		if err := checkLock(g); err != nil {
			return err
		}
		disks := c.disksOf(g.node, snapshot.values)
		for _, known := range disks {
			newest := len(known.snapshots) > 0 && known.snapshots[len(known.snapshots)-1] == name
			if c.world.Storages[known.storage].Type == "zfspool" && !newest {
				return fmt.Errorf("can't rollback, '%s' is not most recent snapshot on '%s'", name, known.volid)
			}
		}
		if g.running() {
			g.closeServices()
			c.setRunning(g, nil)
		}
		if err := c.whileLocked(t, g, "rollback"); err != nil {
			return err
		}
		c.rewindSizes(g.node, snapshot.values)
		c.store(g, c.rolledBack(g.conf, name))
		if start {
			node, vmid := g.node, g.vmid
			c.fork(t.who, node, "vzstart", vmid, func(t *task) error { return c.startWorker(t, node, vmid) })
		}
		return nil
	})
}

// rewindSizes gives disks that have grown since the size they had.
func (s *Simulator) rewindSizes(node string, values map[string]string) {
	for _, key := range diskOrder(values) {
		disk, err := s.parseDisk(key, values[key])
		if err != nil {
			continue
		}
		known := s.findVolume(node, disk.volume())
		if size, ok := parseSize(disk.values["size"]); known != nil && ok {
			known.size = size
		}
	}
}

func (s *Simulator) rolledBack(old *config, name string) *config {
	conf := old.clone()
	conf.section = *old.snapshots[name].clone()
	delete(conf.values, "snaptime")
	delete(conf.values, "description")
	conf.values["parent"] = name
	clear(conf.pending)
	conf.deleted = nil
	for key, value := range old.values {
		if key == "description" || unusedKey.MatchString(key) {
			conf.values[key] = value
		}
	}
	for _, key := range diskOrder(old.values) {
		s.keepUnused(conf, key, old.values[key])
	}
	return conf
}

// keepUnused gives a volume that the configuration lost an unusedN.
func (s *Simulator) keepUnused(conf *config, key, value string) {
	disk, err := s.parseDisk(key, value)
	if err != nil || disk.kind() != diskVolume || conf.usesVolume(s, disk.volume()) {
		return
	}
	conf.addUnused(disk.volume())
}

// addUnused notes a volume under the lowest free unusedN.
func (c *config) addUnused(volid string) {
	for index := range 256 {
		key := fmt.Sprintf("unused%d", index)
		if _, taken := c.values[key]; !taken {
			c.values[key] = volid
			return
		}
	}
}
