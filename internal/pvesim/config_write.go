package pvesim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// edit is one PUT config on its way (PVE/API2/LXC/Config.pm, update_vm).
type edit struct {
	*call
	set    map[string]string
	remove []string
	revert []string
}

// putConfig changes a configuration, synchronously.
func putConfig(c *call) (any, error) {
	e, err := c.readEdit()
	if err != nil {
		return nil, err
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
	return nil, e.apply(g)
}

// readEdit splits the parameters and checks delete and revert.
func (c *call) readEdit() (*edit, error) {
	e := &edit{call: c, set: maps.Clone(c.params)}
	for _, key := range []string{"node", "vmid", "digest"} {
		delete(e.set, key)
	}
	if len(e.set) == 0 {
		return nil, die("no options specified")
	}
	e.remove = schema.SplitList(e.set["delete"])
	e.revert = schema.SplitList(e.set["revert"])
	delete(e.set, "delete")
	delete(e.set, "revert")
	for _, key := range e.remove {
		if _, both := e.set[key]; both {
			return nil, badParameter("delete", fmt.Sprintf("you can't use '-%s' and -delete %s' at the same time", key, key))
		}
		if c.configKey(key) == nil {
			return nil, badParameter("delete", fmt.Sprintf("unknown option '%s'", key))
		}
	}
	for _, key := range e.revert {
		if c.configKey(key) == nil {
			return nil, badParameter("revert", fmt.Sprintf("unknown option '%s'", key))
		}
		if slices.Contains(e.remove, key) {
			return nil, badParameter("delete", fmt.Sprintf("you can't use '-delete %s' and '-revert %s' at the same time", key, key))
		}
		if _, both := e.set[key]; both {
			return nil, badParameter("revert", fmt.Sprintf("you can't use '-%s' and '-revert %s' at the same time", key, key))
		}
	}
	return e, nil
}

// apply is what happens under the file lock: lock, digest, privileges, pending section, and from there as far as it goes.
func (e *edit) apply(g *guest) error {
	if err := checkLock(g); err != nil {
		return err
	}
	if err := e.checkDigest(g); err != nil {
		return err
	}
	unprivileged := truthy(g.value("unprivileged"))
	if err := e.mayChange(change{old: g.conf.values, set: e.set, remove: e.remove, unprivileged: unprivileged}); err != nil {
		return err
	}
	conf := g.conf.clone()
	if err := e.toPending(g, conf); err != nil {
		return err
	}
	conf.cleanPending()
	faults := e.settle(g, conf, e.touched())
	if len(faults) > 0 {
		return badParameters(faults)
	}
	e.store(g, conf)
	if g.running() {
		e.refreshLinks(g)
		return nil
	}
	return e.regenerate(g)
}

func (c *call) checkDigest(g *guest) error {
	if sent := c.text("digest"); sent != "" && sent != digest(g.text) {
		return die("detected modified configuration - file changed by other user? Try again.")
	}
	return nil
}

func (e *edit) touched() map[string]bool {
	touched := make(map[string]bool)
	for key := range e.set {
		touched[key] = true
	}
	for _, key := range e.remove {
		touched[key] = true
	}
	return touched
}

// toPending writes the wishes to the pending section (PVE/LXC/Config.pm, update_pct_config).
func (e *edit) toPending(g *guest, conf *config) error {
	for _, key := range e.revert {
		delete(conf.pending, key)
		conf.keep(key)
	}
	for _, key := range e.remove {
		_, set := conf.values[key]
		if _, waits := conf.pending[key]; !set && !waits {
			continue // Proxmox only warns in its log
		}
		switch {
		case key == "memory", key == "rootfs", key == "ostype":
			return die("unable to delete required option '%s'", key)
		case key == "unprivileged":
			return die("unable to delete read-only option: '%s'", key)
		case (mountKey.MatchString(key) || unusedKey.MatchString(key)) && truthy(conf.values["protection"]):
			return die("can't remove CT %d drive '%s' - protection mode enabled", g.vmid, key)
		}
		delete(conf.pending, key)
		if !slices.Contains(conf.deleted, key) {
			conf.deleted = append(conf.deleted, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.set)) {
		value, err := e.normalise(g, conf, key, e.set[key])
		if err != nil {
			return err
		}
		if key != "description" && strings.Contains(value, "\n") {
			return die("detected invalid newline inside property '%s'", key) // PVE/LXC/Config.pm, write_pct_config
		}
		conf.pending[key] = value
		conf.keep(key)
	}
	return nil
}

// keep takes a key off the list of those that are to go.
func (c *config) keep(key string) {
	c.deleted = slices.DeleteFunc(c.deleted, func(other string) bool { return other == key })
}

// cleanPending drops what is as it is already.
func (c *config) cleanPending() {
	for key, value := range c.pending {
		if current, set := c.values[key]; set && current == value {
			delete(c.pending, key)
		}
	}
	c.deleted = slices.DeleteFunc(c.deleted, func(key string) bool {
		_, set := c.values[key]
		return !set
	})
}

// normalise is what a value looks like in the pending section.
func (e *edit) normalise(g *guest, conf *config, key, value string) (string, error) {
	switch {
	case isDisk(key):
		if truthy(conf.values["protection"]) {
			return "", die("can't update CT %d drive '%s' - protection mode enabled", g.vmid, key)
		}
		return value, e.checkDiskContent(key, value)
	case key == "unprivileged":
		return "", die("unable to modify read-only option: '%s'", key)
	case key == "nameserver", key == "searchdomain":
		return strings.Join(schema.SplitList(value), " "), nil
	case key == "tags":
		return uniqueTags(value), nil
	case key == "cpuunits":
		return clampUnits(value), nil
	case netKey.MatchString(key):
		return value, e.checkMTU(key, value)
	}
	return value, nil
}

// uniqueTags sorts tags, lower-cased and each once (PVE/GuestHelpers.pm, get_unique_tags).
func uniqueTags(text string) string {
	tags := schema.SplitList(strings.ToLower(text))
	slices.Sort(tags)
	return strings.Join(slices.Compact(tags), ";")
}

// clampUnits keeps cpuunits in what control groups of version 2 take.
func clampUnits(text string) string {
	if number, ok := wholeNumber(text); ok {
		return fmt.Sprint(min(max(number, 1), 10000))
	}
	return text
}
