package pvesim

import "strings"

// resizeDisk grows a disk; a task although the verb is PUT (PVE/API2/LXC.pm, resize_vm).
func resizeDisk(c *call) (any, error) {
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
	key := c.text("disk")
	disk, err := c.parseDisk(key, g.value(key))
	if err != nil {
		return nil, err
	}
	if disk.kind() != diskVolume {
		return nil, die("can't resize mount point type %s", disk.kind())
	}
	known := c.findVolume(g.node, disk.volume())
	if known == nil {
		return nil, die("volume '%s' does not exist", disk.volume())
	}
	if known.owner != g.vmid {
		return nil, die("can't resize mount point owned by another container (%d)", known.owner)
	}
	if err := c.need("/storage/"+known.storage, "Datastore.AllocateSpace"); err != nil {
		return nil, err
	}
	grow, relative := strings.CutPrefix(c.text("size"), "+")
	size, _ := parseSize(grow) // the schema has checked it
	if relative {
		size += known.size
	}
	switch {
	case size < known.size:
		return nil, die("unable to shrink disk size")
	case size == known.size:
		return nil, die("disk is already at specified size")
	}
	return c.endWorker("resize", func(t *task, g *guest) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		known.size = size
		conf := g.conf.clone()
		disk, err := c.parseDisk(key, conf.values[key])
		if err != nil {
			return err
		}
		disk.values["size"] = formatSize(size)
		conf.values[key] = c.printDisk(key, disk)
		c.store(g, conf)
		return nil
	})
}
