package pvesim

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// creation is one POST to /nodes/N/lxc on its way (PVE/API2/LXC.pm, create_vm).
type creation struct {
	*call
	// keys are the configuration keys among the parameters.
	keys     map[string]string
	template string
	start    bool
}

// createParameters are those of POST lxc that do not end up in the configuration.
var createParameters = []string{
	"node", "vmid", "ostemplate", "storage", "password", "ssh-public-keys", "start", "pool", "force", "restore", "unique",
	"ignore-unpack-errors", "bwlimit", "ha-managed",
}

// createContainer makes all checks that come before the task, writes the stub that holds nothing but its lock, and forks
// the worker. Whether the template exists is found out by the worker.
func createContainer(c *call) (any, error) {
	n := &creation{call: c, keys: maps.Clone(c.params), template: c.text("ostemplate"), start: c.isSet("start")}
	for _, name := range createParameters {
		delete(n.keys, name)
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	stub := newConfig()
	stub.values["lock"] = "create"
	g := &guest{vmid: c.vmid, node: c.node}
	c.guests[c.vmid] = g
	c.store(g, stub)
	c.access.join(c.text("pool"), strconv.Itoa(c.vmid))
	return c.fork(c.who, c.node, "vzcreate", c.vmid, func(t *task) error { return n.work(t, g) }), nil
}

func (n *creation) check() error {
	if other := n.guests[n.vmid]; other != nil {
		kind := "CT"
		if other.qemu {
			kind = "VM"
		}
		return die("%s %d already exists on node '%s'", kind, n.vmid, other.node)
	}
	if n.isSet("restore") {
		return die("restoring backups is not simulated")
	}
	if keys := n.text("ssh-public-keys"); !validKeys(keys) {
		return die("SSH public key validation error")
	}
	if err := n.mayAllocate(n.text("pool")); err != nil {
		return err
	}
	if err := n.fillDisks(); err != nil {
		return err
	}
	modern := n.release != "8.4" // pve-container 6.0.6 made containers unprivileged by default, and the others a privilege
	unprivileged := n.isSet("unprivileged") || modern && !n.has("unprivileged")
	if !unprivileged && modern {
		if err := n.need("/", "Sys.Modify"); err != nil {
			return err
		}
	}
	if err := n.mayChange(change{set: n.keys, unprivileged: unprivileged, pool: n.text("pool")}); err != nil {
		return err
	}
	if err := n.mayAccessVolume(n.template, "vztmpl"); err != nil {
		return err
	}
	if err := n.checkDisks(); err != nil {
		return err
	}
	delete(n.keys, "unprivileged")
	if unprivileged {
		n.keys["unprivileged"] = "1"
	}
	return n.normalise()
}

// mayAllocate asks for VM.Allocate on the VMID or on the pool that the container is to join.
func (n *creation) mayAllocate(pool string) error {
	if _, exists := n.access.pools[pool]; pool != "" && !exists {
		return forbidden(fmt.Sprintf("pool '%s' does not exist", pool))
	}
	if n.may(vmPath(n.vmid), "VM.Allocate") || pool != "" && n.may("/pool/"+pool, "VM.Allocate") {
		return nil
	}
	return &apiError{status: 403, message: "Permission check failed\n"}
}

// fillDisks gives a container without any disk a root of 4 GiB on the default storage.
func (n *creation) fillDisks() error {
	storage := n.text("storage")
	if storage == "" {
		storage = "local"
	}
	disks := 0
	for key, value := range n.keys {
		if unusedKey.MatchString(key) {
			delete(n.keys, key) // Proxmox warns and goes on
			continue
		}
		if !isDisk(key) {
			continue
		}
		disks++
		if _, isNumber := wholeNumber(value); isNumber && n.who.isRoot() {
			n.keys[key] = storage + ":" + value
		}
	}
	switch {
	case disks == 0:
		n.keys["rootfs"] = storage + ":4"
	case n.keys["rootfs"] == "":
		return die("mount points configured, but 'rootfs' not set - aborting")
	}
	return nil
}

func (n *creation) checkDisks() error {
	for _, key := range slices.Sorted(maps.Keys(n.keys)) {
		if !isDisk(key) {
			continue
		}
		if err := n.checkDiskContent(key, n.keys[key]); err != nil {
			return err
		}
	}
	return nil
}

// normalise brings values into their stored form; the volumes follow in the worker.
func (n *creation) normalise() error {
	for key, value := range n.keys {
		switch {
		case key == "nameserver", key == "searchdomain":
			n.keys[key] = strings.Join(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",; ", r) }), " ")
		case key == "tags":
			n.keys[key] = uniqueTags(value)
		case key == "cpuunits":
			n.keys[key] = clampUnits(value)
		case netKey.MatchString(key):
			if err := n.checkMTU(key, value); err != nil {
				return err
			}
			canonical, err := n.canonicalNet(value)
			if err != nil {
				return err
			}
			n.keys[key] = canonical
		}
	}
	return nil
}

// work is the vzcreate task. Until it has unpacked the template the configuration holds only the lock; if it fails,
// volumes and configuration are gone again.
func (n *creation) work(t *task, g *guest) (err error) {
	unlock, err := n.lockConfig(n.vmid, configLockWait/2)
	if err != nil {
		return err // the stub stays, as on a real node
	}
	defer unlock()
	defer func() {
		if err != nil {
			err = fmt.Errorf("unable to create CT %d - %w", n.vmid, err)
			n.forget(g)
		}
	}()
	template := n.findTemplate(n.template)
	if template == nil {
		return fmt.Errorf("volume '%s' does not exist", n.template)
	}
	conf, err := n.makeDisks(t)
	if err != nil {
		return err
	}
	t.say("extracting archive '%s'", n.template)
	if err := n.Simulator.work(t, 1); err != nil {
		return err
	}
	n.detect(t, template, conf)
	n.store(g, conf)
	if n.start {
		n.fork(t.who, g.node, "vzstart", g.vmid, func(start *task) error { return n.startWorker(start, g.node, g.vmid) })
	}
	return nil
}

// makeDisks allocates root first, then the mount points by number.
func (n *creation) makeDisks(t *task) (*config, error) {
	conf := newConfig()
	conf.values = maps.Clone(n.keys)
	for _, key := range diskOrder(n.keys) {
		disk, err := n.parseDisk(key, n.keys[key])
		if err != nil {
			return nil, err
		}
		if storage, size, isNew := disk.newVolume(); isNew {
			volid, err := n.allocate(n.node, n.vmid, storage, size)
			if err != nil {
				return nil, err
			}
			disk.values["volume"], disk.values["size"] = volid, formatSize(size)
			t.say("Creating filesystem on volume '%s'", volid)
		}
		conf.values[key] = n.printDisk(key, disk)
	}
	return conf, nil
}

func diskOrder(keys map[string]string) []string {
	var disks []string
	for key := range keys {
		if isDisk(key) {
			disks = append(disks, key)
		}
	}
	slices.SortFunc(disks, func(a, b string) int { return diskNumber(a) - diskNumber(b) })
	return disks
}

func diskNumber(key string) int {
	number, err := strconv.Atoi(strings.TrimPrefix(key, "mp"))
	if err != nil {
		return -1
	}
	return number
}

// detect fills in what the unpacked template says. A given ostype loses to it; only unmanaged stays (observed on 9.2).
func (n *creation) detect(t *task, template *Template, conf *config) {
	if conf.values["ostype"] != "unmanaged" {
		conf.values["ostype"] = template.OSType
	}
	if conf.values["arch"] == "" {
		conf.values["arch"] = template.Arch
		if template.Arch == "" {
			conf.values["arch"] = "amd64"
		}
	}
	t.say("Detected container architecture: %s", conf.values["arch"])
	for key, value := range map[string]string{"hostname": "CT" + strconv.Itoa(n.vmid), "memory": "512", "swap": "512"} {
		if _, given := conf.values[key]; !given {
			conf.values[key] = value
		}
	}
	if template.Systemd {
		conf.warnNesting(t)
	}
}

// warnNesting is the warning of a systemd distribution without nesting, at create and at start (observed on 9.2).
func (c *config) warnNesting(t *task) {
	if strings.Contains(c.values["features"], "nesting=1") || c.values["ostype"] == "unmanaged" {
		return
	}
	t.warn("Systemd 257 detected. You may need to enable nesting.")
}

// forget removes a container that was never finished.
func (s *Simulator) forget(g *guest) {
	for _, key := range s.volumesOf(g.vmid) {
		delete(s.volumes, key)
	}
	if s.guests[g.vmid] == g {
		delete(s.guests, g.vmid)
	}
	g.gone = true
	s.access.leave(strconv.Itoa(g.vmid))
}

func (s *Simulator) findTemplate(volid string) *Template {
	for i := range s.world.Templates {
		if s.world.Templates[i].VolID == volid {
			return &s.world.Templates[i]
		}
	}
	return nil
}

// validKeys checks each line as ssh-keygen would: type, key material that repeats the type.
func validKeys(text string) bool {
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return false
		}
		data, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil || len(data) < 4 {
			return false
		}
		length := int(binary.BigEndian.Uint32(data))
		if length > len(data)-4 || string(data[4:4+length]) != fields[0] || len(data) == 4+length {
			return false
		}
	}
	return true
}
