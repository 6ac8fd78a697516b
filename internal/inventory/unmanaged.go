package inventory

import (
	"maps"
	"regexp"
	"slices"

	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Settings that the plan manages and that Proxmox can hold back until the container stops. What else is pending is somebody else's, and
// no reason for a restart.
var managedKeys = []string{
	"hostname", "searchdomain", "nameserver", "net0", "memory", "swap", "cores", "cpulimit", "features", "timezone", "tags", "onboot", "startup",
	"description", "rootfs",
}

// ours is whether the plan manages a key: one of its settings, or the mount point of one of its volumes.
func ours(key string, volumes map[string]string) bool {
	return slices.Contains(managedKeys, key) || slices.Contains(slices.Collect(maps.Values(volumes)), key)
}

// What somebody can add to a container beside what the plan manages.
var addition = regexp.MustCompile(`^(net|mp|dev|unused)[0-9]+$`)

// unmanaged are the keys of interfaces, mount points and devices that somebody else added.
func unmanaged(c *proxmox.Config, volumes []plan.ObservedVolume) []string {
	kept := map[string]bool{}
	for _, v := range volumes {
		kept[v.Volume] = v.Name != ""
	}
	var keys []string
	for key, value := range c.Raw {
		if addition.MatchString(key) && !ours(key, mountsOf(volumes)) && !kept[value] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func observedOptions(c *proxmox.Config) plan.Options {
	net := c.Nets[0]
	mount := c.Features.Mount
	if mount == nil {
		mount = []string{}
	}
	return plan.Options{
		MTU: &net.MTU, RateMBps: &net.RateMBps, Keyctl: &c.Features.Keyctl, FUSE: &c.Features.FUSE, Mount: mount, Timezone: &c.Timezone,
	}
}
