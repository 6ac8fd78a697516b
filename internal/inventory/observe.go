package inventory

import (
	"cmp"
	"maps"
	"math"
	"net/netip"
	"slices"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Memory is what the object remembers about its container and Proxmox does not tell.
type Memory struct {
	// Template that the container was created from.
	Template string
	// GrantedRootBytes is the size that was asked for and given.
	GrantedRootBytes int64
	// GrantedBytes are those of the volumes, by name.
	GrantedBytes map[string]int64
	// RestartOwed are settings that the running container has not taken up.
	RestartOwed []string
	// Volumes by name, for what the marker does not say: it may have been edited away.
	Volumes map[string]plan.RememberedVolume
}

// Observe turns a configuration into what the plan compares. It looks at the future tense: what is pending needs a restart, not another
// PUT. Which mount point is which volume comes from the marker in the description, and where that does not say from memory.
func Observe(view *proxmox.View, running bool, memory Memory) plan.Observed {
	c := view.Future
	o := plan.Observed{
		Exists: true, Running: running,
		Hostname: c.Hostname, Nameservers: addresses(c.Nameservers),
		MemoryMiB: c.MemoryMiB, SwapMiB: c.SwapMiB, CPU: plan.CPU{Cores: c.Cores, LimitMilli: int64(math.Round(c.CPULimit * 1000))},
		Unprivileged: c.Unprivileged, Nesting: c.Features.Nesting,
		Tags: c.Tags, OnBoot: c.OnBoot, BootOrder: -1,
		Template: memory.Template, GrantedRootBytes: memory.GrantedRootBytes,
		RootVolume: c.RootFS.Volume, Volumes: observedVolumes(view, memory),
		RestartOwed: slices.Clone(memory.RestartOwed), Options: observedOptions(c),
	}
	o.Unmanaged = unmanaged(c, o.Volumes)
	o.RootBytes, _ = c.RootFS.SizeBytes()
	if len(c.SearchDomains) > 0 {
		o.SearchDomain = c.SearchDomains[0]
	}
	if c.Startup.Order != nil {
		o.BootOrder = *c.Startup.Order
	}
	if net, ok := c.Nets[0]; ok {
		o.Net, o.NetPresent = observedNet(net), true
	}
	if running {
		o.Mounted = mounts(view.Live)
		for _, key := range view.Pending {
			if ours(key, mountsOf(o.Volumes)) {
				o.RestartOwed = append(o.RestartOwed, plan.PendingPrefix+key)
			}
		}
	}
	return o
}

func observedNet(net proxmox.Net) plan.Net {
	o := plan.Net{Bridge: net.Bridge, VLANTag: net.Tag, MAC: net.HWAddr, Firewall: net.Firewall}
	for _, pair := range [][2]string{{net.IP, net.Gateway}, {net.IP6, net.Gateway6}} {
		// dhcp, auto and manual are not addresses: they differ from every wish.
		if p, err := netip.ParsePrefix(pair[0]); err == nil {
			o.IP = p
			o.Gateway, _ = netip.ParseAddr(pair[1])
			break
		}
	}
	return o
}

// mountsOf are the mount points of the service's volumes, by name.
func mountsOf(volumes []plan.ObservedVolume) map[string]string {
	keys := map[string]string{}
	for _, v := range volumes {
		if v.Name != "" && v.Key != "" {
			keys[v.Name] = v.Key
		}
	}
	return keys
}

func observedVolumes(view *proxmox.View, memory Memory) []plan.ObservedVolume {
	remembered := maps.Clone(memory.Volumes)
	if remembered == nil {
		remembered = map[string]plan.RememberedVolume{}
	}
	if m, _, ok := marker.Parse(view.Future.Description); ok {
		for name, key := range m.Volumes {
			r := remembered[name]
			r.Key = key
			remembered[name] = r
		}
		for name, id := range m.VolumeIDs {
			r := remembered[name]
			r.Volume = id
			remembered[name] = r
		}
	}
	for name, r := range remembered {
		r.GrantedBytes = memory.GrantedBytes[name]
		remembered[name] = r
	}
	disks := plan.Disks{Future: mounts(view.Future), Live: mounts(view.Live)}
	for _, config := range []*proxmox.Config{view.Live, view.Future} {
		for _, id := range config.Unused {
			disks.Unused = append(disks.Unused, id)
		}
	}
	return plan.FindVolumes(remembered, disks)
}

func mounts(c *proxmox.Config) []plan.Mount {
	var ms []plan.Mount
	for index, m := range c.Mounts {
		bytes, _ := m.SizeBytes()
		ms = append(ms, plan.Mount{Key: proxmox.MountKey(index), MountPath: m.Path, Volume: m.Volume, Bytes: bytes, Backup: m.Backup, ReadOnly: m.ReadOnly})
	}
	slices.SortFunc(ms, func(a, b plan.Mount) int {
		return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key))
	})
	return ms
}

func addresses(texts []string) []netip.Addr {
	var as []netip.Addr
	for _, t := range texts {
		if a, err := netip.ParseAddr(t); err == nil {
			as = append(as, a)
		}
	}
	return as
}
