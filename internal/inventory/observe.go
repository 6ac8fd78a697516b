package inventory

import (
	"fmt"
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
	// GrantedRootBytes and GrantedBytes (by volume name) are sizes that were asked for and given.
	GrantedRootBytes int64
	GrantedBytes     map[string]int64
	// RestartOwed are settings that the running container has not taken up.
	RestartOwed []string
	// Volumes maps the name of a volume to its mount point's key, for a container whose marker was edited away.
	Volumes map[string]string
}

// Observe turns a configuration into what the plan compares. It looks at the future tense: what is pending needs a restart, not another
// PUT. Which mount point is which volume comes from the marker in the description, and where that is lost from memory.
func Observe(view *proxmox.View, running bool, memory Memory) plan.Observed {
	c := view.Future
	volumes := memory.Volumes
	if m, _, ok := marker.Parse(c.Description); ok {
		volumes = m.Volumes
	}
	o := plan.Observed{
		Exists: true, Running: running,
		Hostname: c.Hostname, Nameservers: addresses(c.Nameservers),
		MemoryMiB: c.MemoryMiB, SwapMiB: c.SwapMiB, CPU: plan.CPU{Cores: c.Cores, LimitMilli: int64(math.Round(c.CPULimit * 1000))},
		Unprivileged: c.Unprivileged, Nesting: c.Features.Nesting,
		Tags: c.Tags, OnBoot: c.OnBoot, BootOrder: -1,
		Template: memory.Template, GrantedRootBytes: memory.GrantedRootBytes,
		RootVolume: c.RootFS.Volume, Volumes: observedVolumes(c, volumes, memory.GrantedBytes),
		RestartOwed: slices.Clone(memory.RestartOwed), Options: observedOptions(c), Unmanaged: unmanaged(c, volumes),
	}
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
		for _, key := range view.Pending {
			if ours(key, volumes) {
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

func observedVolumes(c *proxmox.Config, names map[string]string, granted map[string]int64) []plan.ObservedVolume {
	byKey := make(map[string]string, len(names))
	for name, key := range names {
		byKey[key] = name
	}
	var vs []plan.ObservedVolume
	for index, m := range c.Mounts {
		key := proxmox.MountKey(index)
		bytes, _ := m.SizeBytes()
		name := byKey[key]
		vs = append(vs, plan.ObservedVolume{Name: name, Key: key, MountPath: m.Path, Volume: m.Volume, Storage: m.Storage(),
			Bytes: bytes, Backup: m.Backup, GrantedBytes: granted[name]})
	}
	slices.SortFunc(vs, func(a, b plan.ObservedVolume) int { return slices.Compare(keyOrder(a.Key), keyOrder(b.Key)) })
	return vs
}

// keyOrder sorts mp2 before mp10.
func keyOrder(key string) []int {
	var n int
	_, _ = fmt.Sscanf(key, "mp%d", &n)
	return []int{n}
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
