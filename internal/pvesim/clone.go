package pvesim

import (
	"fmt"
	"strconv"
)

// cloning is one POST clone on its way (PVE/API2/LXC.pm, clone_vm). Source, target and their locks are seen to before the
// task, so collisions are errors of the call.
type cloning struct {
	*call
	source  *guest
	target  *guest
	newID   int
	full    bool
	storage string
}

func cloneContainer(c *call) (any, error) {
	unlock, err := c.lockConfig(c.vmid, configLockWait)
	if err != nil {
		return nil, die("%s", err)
	}
	defer unlock()
	n := &cloning{call: c, newID: c.number("newid", 0), storage: c.text("storage")}
	if other := c.guests[n.newID]; other != nil {
		return nil, die("CT %d already exists on node '%s'", n.newID, other.node)
	}
	if n.source, err = c.container(); err != nil {
		return nil, err
	}
	n.full = c.isSet("full") || !c.has("full") && !truthy(n.source.value("template"))
	if err := n.check(); err != nil {
		return nil, err
	}
	n.target = &guest{vmid: n.newID, node: c.node}
	stub := newConfig()
	stub.values["lock"] = "create"
	c.guests[n.newID] = n.target
	c.store(n.target, stub)
	c.access.join(c.text("pool"), strconv.Itoa(n.newID))
	wish := n.wish()
	c.setLock(n.source, "disk")
	return c.fork(c.who, c.node, "vzclone", c.vmid, func(t *task) error { return n.work(t, wish) }), nil
}

func (n *cloning) check() error {
	if err := checkLock(n.source); err != nil {
		return err
	}
	pool := n.text("pool")
	if _, exists := n.access.pools[pool]; pool != "" && !exists {
		return forbidden(fmt.Sprintf("pool '%s' does not exist", pool))
	}
	if n.storage != "" && !n.full {
		return badParameter("storage", "parameter 'storage' not allowed for linked clones")
	}
	if snapshot := n.text("snapname"); snapshot != "" && n.source.conf.snapshots[snapshot] == nil {
		return die("snapshot '%s' does not exist", snapshot)
	}
	if n.source.running() && n.full && !n.has("snapname") {
		return die("Cannot do full clones on a running container without snapshots")
	}
	if err := n.checkDisks(); err != nil {
		return err
	}
	for key, value := range n.sourceValues() {
		if !netKey.MatchString(key) {
			continue
		}
		if err := n.mayUseBridge(value); err != nil {
			return err
		}
	}
	return nil
}

func (n *cloning) checkDisks() error {
	values := n.sourceValues()
	for _, key := range diskOrder(values) {
		disk, err := n.parseDisk(key, values[key])
		if err != nil {
			return err
		}
		if disk.kind() != diskVolume {
			return die("unable to clone mountpoint '%s' (type %s)", key, disk.kind())
		}
		if err := n.checkDisk(disk); err != nil {
			return err
		}
	}
	return nil
}

func (n *cloning) checkDisk(disk disk) error {
	known := n.findVolume(n.source.node, disk.volume())
	if known == nil {
		return die("volume '%s' does not exist", disk.volume())
	}
	if !n.full {
		if !n.storageCan(known, "clone", n.text("snapname"), truthy(n.source.value("template"))) {
			return die("Linked clone feature for '%s' is not available", disk.volume())
		}
		return nil
	}
	storage := n.storageFor(known)
	if _, err := n.storageOn(n.node, storage); err != nil {
		return err
	}
	return n.need("/storage/"+storage, "Datastore.AllocateSpace")
}

func (n *cloning) storageFor(known *volume) string {
	if n.storage != "" {
		return n.storage
	}
	return known.storage
}

func (n *cloning) sourceValues() map[string]string {
	if snapshot := n.text("snapname"); snapshot != "" {
		return n.source.conf.snapshots[snapshot].values
	}
	return n.source.conf.values
}

// wish is the clone's configuration as far as it is known before its disks are.
func (n *cloning) wish() *config {
	conf := newConfig()
	for key, value := range n.sourceValues() {
		switch {
		case key == "template", key == "parent", key == "snaptime", key == "lock", unusedKey.MatchString(key):
			continue
		case netKey.MatchString(key):
			value = n.withNewMAC(value)
		}
		conf.values[key] = value
	}
	for _, key := range []string{"hostname", "description"} {
		if n.has(key) {
			conf.values[key] = n.text(key)
		}
	}
	return conf
}

func (n *cloning) withNewMAC(text string) string {
	values, err := n.parseNet(text)
	if err != nil {
		return text
	}
	delete(values, "hwaddr")
	var pairs string
	for key, value := range values {
		pairs += key + "=" + value + ","
	}
	canonical, err := n.canonicalNet(pairs)
	if err != nil {
		return text
	}
	return canonical
}

func (n *cloning) work(t *task, conf *config) (err error) {
	defer func() {
		if !n.source.gone {
			n.setLock(n.source, "")
		}
		if err != nil {
			n.forget(n.target)
			err = fmt.Errorf("clone failed: %w", err)
		}
	}()
	if err := n.Simulator.work(t, 1); err != nil {
		return err
	}
	for _, key := range diskOrder(conf.values) {
		disk, err := n.parseDisk(key, conf.values[key])
		if err != nil {
			return err
		}
		known := n.findVolume(n.source.node, disk.volume())
		if known == nil {
			return fmt.Errorf("volume '%s' does not exist", disk.volume())
		}
		volid, err := n.allocate(n.node, n.newID, n.storageFor(known), known.size)
		if err != nil {
			return err
		}
		t.say("create %s clone of mountpoint %s (%s)", map[bool]string{true: "full", false: "linked"}[n.full], key, known.volid)
		disk.values["volume"], disk.values["size"] = volid, formatSize(known.size)
		conf.values[key] = n.printDisk(key, disk)
	}
	n.store(n.target, conf)
	return nil
}
