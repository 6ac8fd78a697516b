package pvesim

// makeTemplate turns a container into a template. It answers null although a worker does it: poll for template: 1
// (PVE/API2/LXC.pm, template).
func makeTemplate(c *call) (any, error) {
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
	switch {
	case len(g.conf.snapshots) > 0:
		return nil, die("unable to create template, because CT contains snapshots")
	case truthy(g.value("template")):
		return nil, die("you can't convert a template to a template")
	case g.running():
		return nil, die("you can't convert a CT to template if the CT is running")
	}
	_, err = c.endWorker("vztemplate", func(t *task, g *guest) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		conf := g.conf.clone()
		for _, key := range diskOrder(conf.values) {
			disk, err := c.parseDisk(key, conf.values[key])
			if err != nil {
				return err
			}
			known := c.findVolume(g.node, disk.volume())
			if known == nil {
				continue
			}
			delete(c.volumes, c.volumeKey(g.node, known.volid))
			known.volid = baseName(known.volid)
			c.volumes[c.volumeKey(g.node, known.volid)] = known
			disk.values["volume"] = known.volid
			conf.values[key] = c.printDisk(key, disk)
		}
		conf.values["template"] = "1"
		c.store(g, conf)
		return nil
	})
	return nil, err
}
