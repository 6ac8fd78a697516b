package pvesim

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// change is what a caller wants to write to a configuration.
type change struct {
	old    map[string]string // nil for a new container
	set    map[string]string
	remove []string
	// unprivileged decides about features.
	unprivileged bool
	// pool that a new container is to join.
	pool string
}

func vmPath(vmid int) string { return "/vms/" + strconv.Itoa(vmid) }

// mayChange checks each key against its own privilege (PVE/LXC.pm, check_ct_modify_config_perm).
func (c *call) mayChange(wish change) error {
	if c.who.isRoot() {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(wish.set)) {
		if err := c.mayChangeKey(wish, key, wish.set[key], false); err != nil {
			return err
		}
	}
	for _, key := range wish.remove {
		if err := c.mayChangeKey(wish, key, "", true); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) mayChangeKey(wish change, key, value string, remove bool) error {
	switch {
	case key == "cores", key == "cpulimit", key == "cpuunits":
		return c.needForVM(wish.pool, "VM.Config.CPU")
	case key == "memory", key == "swap":
		return c.needForVM(wish.pool, "VM.Config.Memory")
	case key == "nameserver", key == "searchdomain", key == "hostname":
		return c.needForVM(wish.pool, "VM.Config.Network")
	case netKey.MatchString(key):
		return c.mayChangeNet(wish, key, value)
	case isDisk(key):
		return c.mayChangeDisk(wish, key, value, remove)
	case deviceKey.MatchString(key):
		return forbidden("configuring device passthrough is only allowed for root@pam")
	case key == "hookscript":
		return forbidden("changing the hookscript is only allowed for root@pam")
	case key == "features":
		return c.mayChangeFeatures(wish, value, remove)
	}
	return c.needForVM(wish.pool, "VM.Config.Options")
}

// needForVM checks a privilege on the container, or on the pool that it is to join.
func (c *call) needForVM(pool, privilege string) error {
	if pool != "" && c.may("/pool/"+pool, privilege) {
		return nil
	}
	return c.need(vmPath(c.vmid), privilege)
}

func (c *call) mayChangeNet(wish change, key, value string) error {
	if err := c.needForVM(wish.pool, "VM.Config.Network"); err != nil {
		return err
	}
	for _, text := range []string{wish.old[key], value} {
		if text == "" {
			continue
		}
		if err := c.mayUseBridge(text); err != nil {
			return err
		}
	}
	return nil
}

// mayUseBridge asks for SDN.Use on the bridge, or on the VLAN of it (PVE/GuestHelpers.pm, check_vnet_access).
func (c *call) mayUseBridge(text string) error {
	values, err := c.parseNet(text)
	if err != nil || values["bridge"] == "" {
		return nil
	}
	path := "/sdn/zones/localnetwork/" + values["bridge"]
	vlans := schema.SplitList(values["trunks"])
	if tag := values["tag"]; tag != "" {
		vlans = append(vlans, tag)
	}
	if len(vlans) == 0 {
		return c.need(path, "SDN.Use")
	}
	for _, vlan := range vlans {
		if err := c.need(path+"/"+vlan, "SDN.Use"); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) mayChangeDisk(wish change, key, value string, remove bool) error {
	if err := c.needForVM(wish.pool, "VM.Config.Disk"); err != nil || remove {
		return err
	}
	disk, err := c.parseDisk(key, value)
	if err != nil {
		return err
	}
	if disk.kind() != diskVolume {
		return forbidden("mount point type " + string(disk.kind()) + " is only allowed for root@pam")
	}
	if storage, _, isNew := disk.newVolume(); isNew {
		return c.need("/storage/"+storage, "Datastore.AllocateSpace")
	}
	return c.mayAccessVolume(disk.volume(), "rootdir")
}

// mayChangeFeatures allows nesting, for an unprivileged container; the rest is for root@pam in person.
func (c *call) mayChangeFeatures(wish change, value string, remove bool) error {
	if !wish.unprivileged {
		return forbidden("changing feature flags for privileged container is only allowed for root@pam")
	}
	nesting, other := c.changedFeatures(wish.old["features"], value, remove)
	if other {
		return forbidden("changing feature flags (except nesting) is only allowed for root@pam")
	}
	if nesting {
		return c.needForVM(wish.pool, "VM.Allocate")
	}
	return nil
}

// changedFeatures says whether nesting, and whether another flag, is to change. Where there was nothing before, or where
// all is to go, every flag counts; so nesting=0 is "another" there, as in Proxmox.
func (c *call) changedFeatures(old, wanted string, remove bool) (nesting, other bool) {
	before, after := c.features(old), c.features(wanted)
	if remove {
		after = before
	}
	if remove || !truthy(old) {
		nesting = len(after) == 1 && truthy(after["nesting"])
		return nesting, len(after) > 0 && !nesting
	}
	for _, flags := range []map[string]string{before, after} {
		for flag := range flags {
			changed := before[flag] != after[flag]
			nesting = nesting || changed && flag == "nesting"
			other = other || changed && flag != "nesting"
		}
	}
	return nesting, other
}

func (c *call) features(text string) map[string]string {
	values, err := schema.ParseString(c.diskProps("features"), text, "")
	if err != nil {
		return nil
	}
	return values
}

// mayAccessVolume checks the access to an existing volume (PVE/Storage.pm, check_volume_access).
func (c *call) mayAccessVolume(volid, wanted string) error {
	storage, name, isVolume := strings.Cut(volid, ":")
	if !isVolume || strings.HasPrefix(volid, "/") {
		if c.who.isRoot() {
			return nil
		}
		return die("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 632.")
	}
	if _, err := c.storageOn(c.node, storage); err != nil {
		return err
	}
	content, owner, ok := volumeType(name)
	if !ok {
		return die("unable to parse directory volume name '%s'", name)
	}
	if content != wanted && (wanted != "rootdir" || content != "images") {
		return die("unable to use volume %s - content type needs to be '%s'", volid, wanted)
	}
	path := "/storage/" + storage
	switch {
	case c.may(path, "Datastore.Allocate"):
		return nil
	case content == "iso", content == "vztmpl", content == "import":
		return c.needAny(path, "Datastore.AllocateSpace", "Datastore.Audit")
	case owner != 0 && owner == c.vmid:
		return nil
	case owner != 0:
		return c.need(vmPath(owner), "VM.Config.Disk")
	}
	return die("missing privileges to access %s", volid)
}

// checkDiskContent refuses a disk on a storage that holds no containers.
func (c *call) checkDiskContent(key, value string) error {
	disk, err := c.parseDisk(key, value)
	if err != nil {
		return err
	}
	if disk.kind() != diskVolume {
		return nil
	}
	name, _, _ := strings.Cut(disk.volume(), ":")
	storage, err := c.storageOn(c.node, name)
	if err != nil {
		return err
	}
	if !slices.Contains(storage.Content, "rootdir") {
		return badParameter("storage", "storage '"+name+"' does not support container directories")
	}
	return nil
}
