package pvesim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Source of this file: PVE/API2/LXC.pm, migrate_vm, and PVE/LXC/Migrate.pm.

func migratePreconditions(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	allowed := []string{}
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		if name != c.node && c.nodes[name].online {
			allowed = append(allowed, name)
		}
	}
	return map[string]any{"running": asNumber(g.running()), "allowed-nodes": allowed, "not-allowed-nodes": map[string]any{}}, nil
}

// migrateContainer moves a container to another node. A running one moves by a restart; "online" passes the first check
// and fails in the task.
func migrateContainer(c *call) (any, error) {
	target, restart, online := c.text("target"), c.isSet("restart"), c.isSet("online")
	if target == c.node {
		return nil, badParameter("target", "target is local node.")
	}
	if c.nodes[target] == nil {
		return nil, die("no such cluster node '%s'", target)
	}
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	if err := checkLock(g); err != nil {
		return nil, err
	}
	if g.running() && !restart && !online {
		return nil, die("can't migrate running container without --online or --restart")
	}
	timeout := c.seconds("timeout", 180)
	return c.endWorker("vzmigrate", func(t *task, g *guest) error {
		wasRunning := g.running()
		switch {
		case !c.nodes[target].online:
			return fmt.Errorf("can't connect to target node '%s'", target)
		case wasRunning && !restart:
			return errors.New("lxc live migration is currently not implemented")
		}
		if err := checkLock(g); err != nil {
			return err
		}
		if err := c.checkDisksOn(g, target); err != nil {
			return err
		}
		if wasRunning {
			return c.moveByRestart(t, g, target, timeout)
		}
		return c.moveStopped(t, g, target)
	})
}

func (s *Simulator) moveStopped(t *task, g *guest, target string) error {
	if err := s.whileLocked(t, g, "migrate"); err != nil {
		return err
	}
	s.moveTo(g, target)
	return nil
}

// moveByRestart kills what does not stop in time. When the move fails, the container is started where it was.
func (s *Simulator) moveByRestart(t *task, g *guest, target string, timeout time.Duration) error {
	if err := s.shutDown(t, g, timeout, true, 0.3); err != nil {
		return err
	}
	if err := s.moveStopped(t, g, target); err != nil {
		s.powerOn(g)
		return err
	}
	if s.startLocked(t, g, 0.2) != nil {
		return errors.New("migration finished with problems")
	}
	return nil
}

// checkMounts refuses paths and devices of the node, unless they are said to be on every node.
func (s *Simulator) checkMounts(g *guest) error {
	for _, key := range diskOrder(g.conf.values) {
		disk, err := s.parseDisk(key, g.conf.values[key])
		if err == nil && disk.kind() != diskVolume && !truthy(disk.values["shared"]) {
			return fmt.Errorf("cannot migrate local %s mount point '%s'", disk.kind(), key)
		}
	}
	return nil
}

func (s *Simulator) checkDisksOn(g *guest, target string) error {
	if err := s.checkMounts(g); err != nil {
		return err
	}
	for _, known := range s.disksOf(g.node, g.conf.values) {
		if _, err := s.storageOn(target, known.storage); err != nil {
			return err
		}
	}
	return nil
}

// moveTo changes the node of a container and of its volumes.
func (s *Simulator) moveTo(g *guest, target string) {
	for _, key := range s.volumesOf(g.vmid) {
		known := s.volumes[key]
		delete(s.volumes, key)
		s.volumes[s.volumeKey(target, known.volid)] = known
	}
	g.node = target
	s.dirty[g.vmid] = g
}

// Migrate moves a container at once, as somebody else's migration that has ended.
func (s *Simulator) Migrate(vmid int, target string) error {
	return s.with(vmid, func(g *guest) error {
		if s.nodes[target] == nil {
			return fmt.Errorf("there is no node %q", target)
		}
		s.moveTo(g, target)
		return nil
	})
}
