package pvesim

import (
	"fmt"
	"strings"
)

// reassign hands a volume to another container of the same node; it is renamed for it (PVE/API2/LXC.pm, move_volume).
func reassign(c *call) (any, error) {
	targetID, key := c.number("target-vmid", 0), c.text("volume")
	targetKey := c.text("target-volume")
	if targetKey == "" {
		targetKey = key
	}
	if err := c.need(vmPath(targetID), "VM.Config.Disk"); err != nil {
		return nil, err
	}
	if _, err := c.checkReassign(key, targetID, targetKey); err != nil {
		return nil, err
	}
	id := fmt.Sprintf("%d-%s>%d-%s", c.vmid, key, targetID, targetKey)
	return c.forkID(c.who, c.node, "move_volume", id, c.vmid, func(t *task) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		known, err := c.checkReassign(key, targetID, targetKey)
		if err != nil {
			return err
		}
		c.handOver(known, c.guests[c.vmid], key, c.guests[targetID], targetKey)
		return nil
	}), nil
}

// checkReassign makes all checks, before the task and again in it.
func (c *call) checkReassign(key string, targetID int, targetKey string) (*volume, error) {
	switch {
	case key == "rootfs" || targetKey == "rootfs":
		return nil, die("Cannot move to/from 'rootfs'")
	case unusedKey.MatchString(key) && !unusedKey.MatchString(targetKey):
		return nil, die("Moving an unused volume to a used one is not possible")
	}
	source, target := c.guests[c.vmid], c.guests[targetID]
	switch {
	case source == nil || source.qemu:
		return nil, die("could not find CT %d", c.vmid)
	case target == nil || target.qemu:
		return nil, die("could not find CT %d", targetID)
	case source.node != target.node:
		return nil, die("Both containers need to be on the same node (%s) but target container is on '%s'.", source.node, target.node)
	}
	for _, g := range []*guest{source, target} {
		if err := checkLock(g); err != nil {
			return nil, err
		}
		if truthy(g.value("template")) {
			return nil, die("Can't move volumes from or to template CT")
		}
	}
	if err := c.checkDigest(source); err != nil {
		return nil, die("Container %d: %s", c.vmid, err)
	}
	return c.checkReassignVolume(source, key, target, targetKey)
}

func (c *call) checkReassignVolume(source *guest, key string, target *guest, targetKey string) (*volume, error) {
	if source.value(key) == "" {
		return nil, die("volume '%s' for container '%d' does not exist", key, source.vmid)
	}
	if target.value(targetKey) != "" {
		return nil, die("Target volume key '%s' is already in use for container '%d'", targetKey, target.vmid)
	}
	disk, err := c.parseDiskAny(key, source.value(key))
	if err != nil {
		return nil, err
	}
	known := c.findVolume(source.node, disk.volume())
	switch {
	case disk.kind() != diskVolume:
		return nil, die("Cannot move a bindmount or device mount to another container")
	case known == nil:
		return nil, die("volume '%s' does not exist", disk.volume())
	case len(known.snapshots) > 0:
		return nil, die("Cannot move volume used by a snapshot to another container")
	case source.running() && !unusedKey.MatchString(key):
		return nil, die("Cannot move in-use volume while the source CT is running - detach or shutdown first")
	}
	return known, nil
}

// handOver renames the volume and moves its line from one configuration to the other.
func (s *Simulator) handOver(known *volume, source *guest, key string, target *guest, targetKey string) {
	storage := s.world.Storages[known.storage]
	delete(s.volumes, s.volumeKey(source.node, known.volid))
	old := known.volid
	known.owner = target.vmid
	for number := 0; ; number++ {
		volid, _ := volumeName(storage, known.storage, target.vmid, number, known.size)
		if s.findVolume(target.node, volid) == nil {
			known.volid = volid
			break
		}
	}
	s.volumes[s.volumeKey(target.node, known.volid)] = known

	conf := source.conf.clone()
	line := strings.Replace(conf.values[key], old, known.volid, 1)
	if unusedKey.MatchString(targetKey) {
		line = known.volid
	}
	delete(conf.values, key)
	s.store(source, conf)
	conf = target.conf.clone()
	conf.values[targetKey] = line
	s.store(target, conf)
}
