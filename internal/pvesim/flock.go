package pvesim

import (
	"fmt"
	"time"
)

// configLockWait is how long Proxmox waits for a container's file lock (PVE/AbstractConfig.pm).
const configLockWait = 10 * time.Second

// flock is /run/lock/lxc/pve-config-ID.lock: what keeps two workers from changing one container at once. It is not the
// lock in the configuration, which survives the worker.
type flock struct {
	freed chan struct{} // closed when the holder lets go
}

// lockConfig takes the file lock of a container, waiting for it without the simulator's lock. Read state anew afterwards.
func (s *Simulator) lockConfig(vmid int, wait time.Duration) (unlock func(), err error) {
	deadline := s.elapsed() + wait
	for s.flocks[vmid] != nil {
		left := deadline - s.elapsed()
		if left <= 0 {
			return nil, fmt.Errorf("can't lock file '/run/lock/lxc/pve-config-%d.lock' - got timeout", vmid)
		}
		s.pause(left, s.flocks[vmid].freed)
		if s.closed() {
			return nil, errClosed
		}
	}
	held := &flock{freed: make(chan struct{})}
	s.flocks[vmid] = held
	return func() {
		if s.flocks[vmid] == held {
			delete(s.flocks, vmid)
		}
		close(held.freed)
	}, nil
}

func (s *Simulator) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// checkLock refuses a container that is locked in its configuration.
func checkLock(g *guest) error {
	if lock := g.value("lock"); lock != "" {
		return die("CT is locked (%s)", lock)
	}
	return nil
}
