package pvesim

// destroyContainer answers DELETE (PVE/API2/LXC.pm, destroy_vm). While the worker runs the container is still listed, with
// the lock "destroyed"; its configuration goes last.
func destroyContainer(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	force := c.isSet("force")
	mayDestroy := func(g *guest) error {
		switch {
		case truthy(g.value("protection")):
			return die("can't remove CT %d - protection mode enabled", g.vmid)
		case g.value("lock") != "":
			return checkLock(g)
		case g.running() && !force:
			return die("unable to destroy CT %d - container is running", g.vmid)
		}
		return nil
	}
	if err := mayDestroy(g); err != nil {
		return nil, err
	}
	return c.endWorker("vzdestroy", func(t *task, g *guest) error {
		if err := mayDestroy(g); err != nil {
			return err
		}
		c.powerOff(g)
		conf := g.conf.clone()
		conf.values["lock"] = "destroyed"
		c.store(g, conf)
		if err := c.work(t, 1); err != nil {
			return err
		}
		c.forget(g)
		return nil
	})
}
