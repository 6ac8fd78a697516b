package pvesim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

func wholeNumber(text string) (int, bool) {
	number, err := strconv.Atoi(text)
	return number, err == nil
}

// errWaits says that a key of a running container stays pending.
var errWaits = errors.New("skip")

// settle moves pending changes into the configuration: all of them if the container is stopped, those that
// hotplugTable allows if it runs (PVE/LXC/Config.pm, vmconfig_apply_pending and vmconfig_hotplug_pending). only limits it
// to some keys; nil means all. On any fault nothing may be stored.
func (s *Simulator) settle(g *guest, conf *config, only map[string]bool) map[string]string {
	faults := make(map[string]string)
	note := func(key string, err error) {
		if g.running() {
			faults[key] = fmt.Sprintf("unable to hotplug %s: %s", key, err)
			return
		}
		faults[key] = fmt.Sprintf("unable to apply pending change %s : %s", key, err)
	}
	for _, key := range slices.Sorted(slices.Values(conf.deleted)) {
		if only != nil && !only[key] || g.running() && whenDeleted(key) == later {
			continue
		}
		s.settleDelete(g, conf, key)
	}
	conf.cleanPending()
	for _, key := range slices.Sorted(maps.Keys(conf.pending)) {
		if only != nil && !only[key] {
			continue
		}
		_, exists := conf.values[key]
		if g.running() && whenChanged(key, exists) == later {
			continue
		}
		if err := s.settleChange(g, conf, key); err != nil {
			if !errors.Is(err, errWaits) {
				note(key, err)
			}
			continue
		}
		conf.values[key] = conf.pending[key]
		delete(conf.pending, key)
	}
	return faults
}

func (s *Simulator) settleDelete(g *guest, conf *config, key string) {
	old, set := conf.values[key]
	conf.keep(key)
	delete(conf.values, key)
	if !set {
		return
	}
	switch {
	case mountKey.MatchString(key):
		s.detach(conf, key, old)
	case unusedKey.MatchString(key):
		if !conf.usesVolume(s, old) {
			s.freeVolume(g.node, g.vmid, old)
		}
	}
}

func (s *Simulator) settleChange(g *guest, conf *config, key string) error {
	switch {
	case mountKey.MatchString(key):
		return s.settleMount(g, conf, key)
	case netKey.MatchString(key):
		return s.settleNet(g, conf, key)
	}
	return nil
}

// settleMount makes the volume of a new mount point, or takes over an existing one. What was there becomes unused.
func (s *Simulator) settleMount(g *guest, conf *config, key string) error {
	disk, err := s.parseDisk(key, conf.pending[key])
	if err != nil {
		return err
	}
	if storage, size, isNew := disk.newVolume(); isNew {
		volid, err := s.allocate(g.node, g.vmid, storage, size)
		if err != nil {
			return err
		}
		disk.values["volume"], disk.values["size"] = volid, formatSize(size)
	} else if known := s.findVolume(g.node, disk.volume()); known != nil {
		disk.values["size"] = formatSize(known.size)
	}
	conf.pending[key] = s.printDisk(key, disk)
	conf.forgetUnused(disk.volume())
	if old, had := conf.values[key]; had {
		s.detach(conf, key, old)
	}
	return nil
}

// detach turns the volume of a mount point into unusedN, unless something else still uses it.
func (s *Simulator) detach(conf *config, key, old string) {
	disk, err := s.parseDisk(key, old)
	if err != nil || disk.kind() != diskVolume {
		return
	}
	delete(conf.values, key)
	if conf.usesVolume(s, disk.volume()) {
		return
	}
	conf.addUnused(disk.volume())
}

// forgetUnused drops the unusedN of a volume that is in use again.
func (c *config) forgetUnused(volid string) {
	for key, value := range c.values {
		if unusedKey.MatchString(key) && value == volid {
			delete(c.values, key)
		}
	}
}

// usesVolume reports whether the current, the pending or a snapshot's configuration names a volume.
func (c *config) usesVolume(s *Simulator, volid string) bool {
	places := []map[string]string{c.values, c.pending}
	for _, snapshot := range c.snapshots {
		places = append(places, snapshot.values)
	}
	for _, values := range places {
		for key, value := range values {
			if disk, err := s.parseDiskAny(key, value); err == nil && disk.volume() == volid {
				return true
			}
		}
	}
	return false
}
