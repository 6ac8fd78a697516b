package pvesim

import (
	"errors"
	"fmt"
	"time"
)

// Source of this file: PVE/API2/LXC/Status.pm. The state is checked before the file lock is taken, so two starts can both
// get a task, of which the second fails.

func startContainer(c *call) (any, error) {
	if err := c.maySkipLock(); err != nil {
		return nil, err
	}
	if g := c.guests[c.vmid]; g != nil && g.running() {
		return nil, die("CT %d already running", c.vmid)
	}
	node, vmid := c.node, c.vmid
	return c.fork(c.who, node, "vzstart", vmid, func(t *task) error { return c.startWorker(t, node, vmid) }), nil
}

// startWorker is the vzstart task: also of a create with start=1, and of rollback.
func (s *Simulator) startWorker(t *task, node string, vmid int) error {
	unlock, err := s.lockConfig(vmid, configLockWait)
	if err != nil {
		return err
	}
	defer unlock()
	g, err := s.containerOn(node, vmid)
	if err != nil {
		return err
	}
	return s.startLocked(t, g, 1)
}

func (s *Simulator) startLocked(t *task, g *guest, share float64) error {
	switch {
	case g.running():
		return fmt.Errorf("CT %d already running", g.vmid)
	case truthy(g.value("template")):
		return errors.New("you can't start a CT if it's a template")
	case g.value("lock") != "" && g.value("lock") != "mounted":
		return checkLock(g)
	}
	s.applyAll(g)
	if err := s.regenerate(g); err != nil {
		return err
	}
	if err := s.work(t, share); err != nil {
		return err
	}
	if template := s.systemdOf(g); template {
		g.conf.warnNesting(t)
	}
	s.powerOn(g)
	return nil
}

// applyAll settles everything that is pending of a stopped container.
func (s *Simulator) applyAll(g *guest) {
	conf := g.conf.clone()
	if faults := s.settle(g, conf, nil); len(faults) == 0 {
		s.store(g, conf)
	}
}

// systemdOf reports whether a template of the container's distribution runs systemd.
func (s *Simulator) systemdOf(g *guest) bool {
	for _, template := range s.world.Templates {
		if template.OSType == g.value("ostype") {
			return template.Systemd
		}
	}
	return false
}

// powerOn makes a container run, without a task.
func (s *Simulator) powerOn(g *guest) {
	life := &run{pid: s.nextPID(), started: s.elapsed(), hostname: g.hostname()}
	s.setRunning(g, life)
	s.startServices(g, life)
}

// powerOff ends a container's life. Pending changes are applied by the hook behind the stop (observed on 9.2).
func (s *Simulator) powerOff(g *guest) {
	if !g.running() {
		return
	}
	g.closeServices()
	s.setRunning(g, nil)
	s.applyAll(g)
}

// runningContainer is the check of stop, shutdown and the like, which does not care whether the container exists.
func (c *call) runningContainer(kind string) error {
	if g := c.guests[c.vmid]; g == nil || g.node != c.node || !g.running() {
		return die("%s %d not running", kind, c.vmid)
	}
	return nil
}

// endWorker runs a task that needs the container running and under its file lock.
func (c *call) endWorker(kind string, work func(t *task, g *guest) error) (any, error) {
	node, vmid := c.node, c.vmid
	return c.fork(c.who, node, kind, vmid, func(t *task) error {
		unlock, err := c.lockConfig(vmid, configLockWait)
		if err != nil {
			return err
		}
		defer unlock()
		g, err := c.containerOn(node, vmid)
		if err != nil {
			return err
		}
		return work(t, g)
	}), nil
}

// maySkipLock: skiplock is for root@pam in person.
func (c *call) maySkipLock() error {
	if c.isSet("skiplock") && !c.who.isRoot() {
		return badParameter("skiplock", "Only root may use this option.")
	}
	return nil
}

func stopContainer(c *call) (any, error) {
	if err := c.maySkipLock(); err != nil {
		return nil, err
	}
	if err := c.runningContainer("CT"); err != nil {
		return nil, err
	}
	if c.isSet("overrule-shutdown") {
		c.killTasks("vzshutdown", c.vmid)
	}
	return c.endWorker("vzstop", func(t *task, g *guest) error {
		if err := checkLock(g); err != nil {
			return err
		}
		if err := c.work(t, 1); err != nil {
			return err
		}
		c.powerOff(g)
		return nil
	})
}

// killTasks ends active tasks of a kind on a container, as stop does with shutdowns when it overrules them.
func (s *Simulator) killTasks(kind string, vmid int) {
	for _, t := range s.tasks.active {
		if t.kind == kind && t.vmid == vmid {
			select {
			case <-t.killed:
			default:
				close(t.killed)
			}
		}
	}
}

func shutdownContainer(c *call) (any, error) {
	if err := c.runningContainer("CT"); err != nil {
		return nil, err
	}
	timeout, force := c.seconds("timeout", 60), c.isSet("forceStop")
	return c.endWorker("vzshutdown", func(t *task, g *guest) error {
		if err := checkLock(g); err != nil {
			return err
		}
		return c.shutDown(t, g, timeout, force, 1)
	})
}

func (c *call) seconds(name string, otherwise int) time.Duration {
	return time.Duration(c.number(name, otherwise)) * time.Second
}

// shutDown asks nicely. A container that takes longer than the timeout is killed if force is set.
func (s *Simulator) shutDown(t *task, g *guest, timeout time.Duration, force bool, share float64) error {
	if g.deaf {
		if err := s.workFor(t, timeout); err != nil {
			return err
		}
		if !force {
			return errors.New("container did not stop")
		}
		s.powerOff(g)
		return nil
	}
	if err := s.work(t, share); err != nil {
		return err
	}
	s.powerOff(g)
	return nil
}

// rebootContainer stops and starts. A locked container stays stopped after it (observed on 9.2).
func rebootContainer(c *call) (any, error) {
	if err := c.runningContainer("VM"); err != nil { // the word is Proxmox's
		return nil, err
	}
	timeout := c.seconds("timeout", 60)
	return c.endWorker("vzreboot", func(t *task, g *guest) error {
		if err := c.shutDown(t, g, timeout, true, 0.65); err != nil {
			return err
		}
		if g.value("lock") != "" {
			return fmt.Errorf("startup for container '%d' failed", g.vmid)
		}
		return c.startLocked(t, g, 0.35)
	})
}

// suspendContainer and resumeContainer are experimental in Proxmox, and do not work for most containers.
func suspendContainer(c *call) (any, error) {
	if err := c.runningContainer("CT"); err != nil {
		return nil, err
	}
	return c.endWorker("vzsuspend", func(t *task, g *guest) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		return fmt.Errorf("command 'lxc-checkpoint -n %d -s -D /var/lib/vz/dump' failed: exit code 1", g.vmid)
	})
}

func resumeContainer(c *call) (any, error) {
	if g := c.guests[c.vmid]; g != nil && g.running() {
		return nil, die("CT %d already running", c.vmid)
	}
	return c.endWorker("vzresume", func(t *task, g *guest) error {
		if err := c.work(t, 1); err != nil {
			return err
		}
		return fmt.Errorf("command 'lxc-checkpoint -r -n %d --foreground -D /var/lib/vz/dump' failed: exit code 1", g.vmid)
	})
}
