package pvesim

import "fmt"

// moveVolume moves a disk to another storage; the old volume becomes unused, or goes (PVE/API2/LXC.pm, move_volume).
// To another container it goes by reassign.
func moveVolume(c *call) (any, error) {
	target := c.text("storage")
	switch {
	case target == "" && !c.has("target-vmid"):
		message := "both storage and target-vmid missing, either needs to be set"
		return nil, badParameters(map[string]string{"storage": message, "target-vmid": message})
	case target != "" && c.has("target-vmid"): // a 500, although one expects a 400 (observed on 9.2)
		return nil, die("either set storage or target-vmid, but not both")
	case target == "":
		return reassign(c)
	}
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
	if err := c.checkDigest(g); err != nil {
		return nil, err
	}
	key, remove := c.text("volume"), c.isSet("delete")
	if g.running() {
		return nil, die("cannot move volumes of a running container")
	}
	if _, err := c.parseDiskAny(key, g.value(key)); err != nil {
		return nil, err
	}
	if err := c.need("/storage/"+target, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	c.setLock(g, "disk")
	return c.endWorker("move_volume", func(t *task, g *guest) error {
		err := c.whileLocked(t, g, "disk")
		if err != nil {
			return err
		}
		return c.move(g, key, target, remove)
	})
}

func (s *Simulator) move(g *guest, key, target string, remove bool) error {
	conf := g.conf.clone()
	disk, err := s.parseDiskAny(key, conf.values[key])
	if err != nil {
		return err
	}
	old := disk.volume()
	known := s.findVolume(g.node, old)
	if known == nil {
		return fmt.Errorf("volume '%s' does not exist", old)
	}
	if remove && len(known.snapshots) > 0 {
		return fmt.Errorf("cannot remove volume '%s', snapshots use it", old)
	}
	volid, err := s.allocate(g.node, g.vmid, target, known.size)
	if err != nil {
		return err
	}
	if unusedKey.MatchString(key) {
		conf.values[key] = volid
	} else {
		disk.values["volume"], disk.values["size"] = volid, formatSize(known.size)
		conf.values[key] = s.printDisk(key, disk)
	}
	if remove {
		s.freeVolume(g.node, g.vmid, old)
	} else {
		conf.addUnused(old)
	}
	s.store(g, conf)
	return nil
}
