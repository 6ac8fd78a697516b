package pvesim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// What follows is somebody else at the same Proxmox: changes that the client did not ask for, and a look at what is
// really there.

// Container is a container as it is now, not as the last broadcast said.
type Container struct {
	VMID    int               `json:"vmid"`
	Node    string            `json:"node"`
	Running bool              `json:"running"`
	Config  map[string]string `json:"config"`
	Pending map[string]string `json:"pending,omitempty"`
	// Ready says which of its services answer, by their first unit or port.
	Ready map[string]bool `json:"ready,omitempty"`
}

// Containers lists all containers by VMID.
func (s *Simulator) Containers() []Container {
	s.lock()
	defer s.mu.Unlock()
	guests := s.sortedGuests("")
	list := make([]Container, len(guests))
	for i, g := range guests {
		list[i] = g.describe()
	}
	return list
}

// Container finds one; false if there is none.
func (s *Simulator) Container(vmid int) (Container, bool) {
	s.lock()
	defer s.mu.Unlock()
	g := s.guests[vmid]
	if g == nil || g.qemu {
		return Container{}, false
	}
	return g.describe(), true
}

func (g *guest) describe() Container {
	described := Container{
		VMID: g.vmid, Node: g.node, Running: g.running(), Config: maps.Clone(g.conf.values), Pending: maps.Clone(g.conf.pending),
	}
	if g.running() {
		described.Ready = make(map[string]bool)
		for _, one := range g.run.services {
			described.Ready[one.def.name()] = one.answers()
		}
	}
	return described
}

func (s *Service) name() string {
	switch {
	case len(s.Units) > 0:
		return s.Units[0]
	case len(s.HTTP) > 0:
		return fmt.Sprintf("http:%d", s.HTTP[0].Port)
	case len(s.TCP) > 0:
		return fmt.Sprintf("tcp:%d", s.TCP[0].Port)
	}
	return strings.Join(slices.Sorted(maps.Keys(s.Commands)), " ")
}

// Volumes lists all disks by volume id.
func (s *Simulator) Volumes() []string {
	s.lock()
	defer s.mu.Unlock()
	var ids []string
	for key := range s.volumes {
		ids = append(ids, key.volid)
	}
	slices.Sort(ids)
	return ids
}

// with runs a change on one container.
func (s *Simulator) with(vmid int, change func(*guest) error) error {
	s.lock()
	defer s.mu.Unlock()
	g := s.guests[vmid]
	if g == nil || g.qemu {
		return fmt.Errorf("there is no container %d", vmid)
	}
	return change(g)
}

// Stop ends a container without a task, as a crash or `poweroff` inside it does.
func (s *Simulator) Stop(vmid int) error {
	return s.with(vmid, func(g *guest) error {
		s.powerOff(g)
		return nil
	})
}

// StartByHand starts a container through a vzstart task of root@pam.
func (s *Simulator) StartByHand(vmid int) error {
	return s.with(vmid, func(g *guest) error {
		node := g.node
		s.fork(identity{user: "root@pam"}, node, "vzstart", vmid, func(t *task) error { return s.startWorker(t, node, vmid) })
		return nil
	})
}

// Delete removes a container and its volumes at once.
func (s *Simulator) Delete(vmid int) error {
	return s.with(vmid, func(g *guest) error {
		g.closeServices()
		s.forget(g)
		return nil
	})
}

// Edit writes keys into a configuration as an editor on the node does, without any check; an empty value removes a key.
func (s *Simulator) Edit(vmid int, keys map[string]string) error {
	return s.with(vmid, func(g *guest) error {
		conf := g.conf.clone()
		for key, value := range keys {
			conf.values[key] = value
			if value == "" {
				delete(conf.values, key)
			}
		}
		s.store(g, conf)
		return nil
	})
}

// Lock sets the lock in a configuration, such as backup.
func (s *Simulator) Lock(vmid int, lock string) error {
	return s.Edit(vmid, map[string]string{"lock": lock})
}

// Unlock removes it, as `pct unlock` does; the API has no call for that.
func (s *Simulator) Unlock(vmid int) error { return s.Edit(vmid, map[string]string{"lock": ""}) }

// SetHealthy makes the services of a container answer, or not; unit limits it to the service with that unit.
func (s *Simulator) SetHealthy(vmid int, unit string, healthy bool) error {
	return s.with(vmid, func(g *guest) error {
		if !g.running() {
			return fmt.Errorf("container %d is not running", vmid)
		}
		found := false
		for _, one := range g.run.services {
			if unit == "" || slices.Contains(one.def.Units, unit) {
				s.setBroken(g, one, !healthy)
				found = true
			}
		}
		if !found {
			return fmt.Errorf("container %d has no service with the unit %q", vmid, unit)
		}
		return nil
	})
}

// AddGuest makes a guest appear, such as a QEMU machine that takes a VMID.
func (s *Simulator) AddGuest(guest Guest) error {
	s.lock()
	defer s.mu.Unlock()
	if s.guests[guest.VMID] != nil {
		return fmt.Errorf("there is a guest %d already", guest.VMID)
	}
	return s.addGuest(guest)
}

// SetNodeOnline takes a node away, or brings it back. Calls for it answer 595 meanwhile, and nothing in its containers
// can be reached, though they run on.
func (s *Simulator) SetNodeOnline(name string, online bool) error {
	s.lock()
	defer s.mu.Unlock()
	n := s.nodes[name]
	if n == nil {
		return fmt.Errorf("there is no node %q", name)
	}
	n.online = online
	for _, g := range s.sortedGuests(name) {
		if g.running() {
			s.reconnect(g, online)
		}
	}
	return nil
}

// SetACL gives a user or token (user@realm or user@realm!name) a role on a path; an empty role takes it away.
func (s *Simulator) SetACL(who, path, role string) error {
	s.lock()
	defer s.mu.Unlock()
	acl := s.access.acls[who]
	if acl == nil {
		return fmt.Errorf("there is no user or token %q", who)
	}
	if _, known := s.access.roles[role]; role != "" && !known {
		return fmt.Errorf("there is no role %q", role)
	}
	if role == "" {
		delete(acl, path)
		return nil
	}
	acl[path] = role
	return nil
}

// SetDeaf makes a container ignore shutdowns, or react to them again.
func (s *Simulator) SetDeaf(vmid int, deaf bool) error {
	return s.with(vmid, func(g *guest) error {
		g.deaf = deaf
		return nil
	})
}

// AddVolume puts a volume of a VMID on a storage, such as one that outlived its guest.
func (s *Simulator) AddVolume(node, volid string, vmid int, size int64) error {
	s.lock()
	defer s.mu.Unlock()
	storage, _, _ := strings.Cut(volid, ":")
	if _, err := s.storageOn(node, storage); err != nil {
		return err
	}
	s.volumes[s.volumeKey(node, volid)] = &volume{volid: volid, storage: storage, owner: vmid, size: size, format: "raw", made: time.Now().Unix()}
	return nil
}

// DropVolume destroys a volume, whatever names it.
func (s *Simulator) DropVolume(volid string) error {
	s.lock()
	defer s.mu.Unlock()
	for key := range s.volumes {
		if key.volid == volid {
			delete(s.volumes, key)
			return nil
		}
	}
	return fmt.Errorf("there is no volume %s", volid)
}

// SetToken makes a token, or changes one, as an administrator does.
func (s *Simulator) SetToken(token Token) {
	s.lock()
	defer s.mu.Unlock()
	s.access.tokens[token.ID] = token
	s.access.acls[token.ID] = copyACL(token.ACL)
}

// RemoveToken makes a token invalid.
func (s *Simulator) RemoveToken(id string) {
	s.lock()
	defer s.mu.Unlock()
	delete(s.access.tokens, id)
}

// ExpireTickets makes all tickets invalid, as a new key of the cluster does.
func (s *Simulator) ExpireTickets() {
	s.lock()
	defer s.mu.Unlock()
	clear(s.access.tickets)
}
