package adopt

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// Guest is a container as the host has it.
type Guest struct {
	proxmox.Guest
	View *proxmox.View
	// LXC are raw configuration lines, which the view does not hold.
	LXC [][2]string
}

// Address is the static address of the first interface.
func Address(c *proxmox.Config) (netip.Prefix, bool) {
	for _, text := range []string{c.Nets[0].IP, c.Nets[0].IP6} {
		if p, err := netip.ParsePrefix(text); err == nil {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

var (
	hostnames  = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$`)
	tagForm    = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.+-]*$`)
	zoneForm   = regexp.MustCompile(`^[a-zA-Z0-9_+-]+(/[a-zA-Z0-9_+-]+)*$`)
	pathForm   = regexp.MustCompile(`^(/[^/,\x00-\x1f\x7f]+)+$`)
	devices    = regexp.MustCompile(`^/dev(/|$)`)
	dotPart    = regexp.MustCompile(`(^|/)[.][.]?(/|$)`)
	macForm    = regexp.MustCompile(`^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$`)
	notForName = regexp.MustCompile(`[^a-z0-9-]+`)
)

// mountable is whether a volume of a service can be mounted there.
func mountable(path string) bool {
	return len(path) <= 255 && pathForm.MatchString(path) && !dotPart.MatchString(path)
}

// Service is the manifest for a container of which WhyNot says nothing, and what of the container has no place in it.
func Service(host *v1alpha1.NixMoxHost, g Guest) (*v1alpha1.NixMoxService, []string) {
	c, vmid := g.View.Future, int32(g.VMID)
	m := &mapping{host: host, c: c, svc: &v1alpha1.NixMoxService{}}
	svc := m.svc
	svc.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "NixMoxService"}
	first, _, _ := strings.Cut(c.Hostname, ".")
	svc.Name = Name(first, fmt.Sprintf("ct-%d", g.VMID))
	address, _ := Address(c)
	svc.Spec.HostRef = v1alpha1.HostReference{Name: host.Name}
	svc.Spec.IP, svc.Spec.Hostname = address.String(), c.Hostname
	svc.Spec.VMID, svc.Spec.Adopt, svc.Spec.Node = &vmid, true, g.Node
	svc.Spec.Unprivileged = &c.Unprivileged
	m.power(g.Running())
	m.resources()
	m.network(address)
	m.features()
	m.tags()
	m.volumes()
	m.rest(g)
	return svc, m.notes
}

// Name makes a name of a Kubernetes object, or a volume's, of any text.
func Name(text, otherwise string) string {
	name := notForName.ReplaceAllString(strings.ToLower(text), "-")
	if len(name) > 50 {
		name = name[:50]
	}
	if name = strings.Trim(name, "-"); name == "" {
		return otherwise
	}
	return name
}

type mapping struct {
	host  *v1alpha1.NixMoxHost
	c     *proxmox.Config
	svc   *v1alpha1.NixMoxService
	notes []string
}

func (m *mapping) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// power keeps what runs running, what is stopped stopped, and what does not start with its node so.
func (m *mapping) power(running bool) {
	m.svc.Spec.RestartPolicy = v1alpha1.RestartUnlessStopped
	if !m.c.OnBoot && running {
		m.svc.Spec.RestartPolicy = v1alpha1.RestartNever
		m.note("it does not start with its node (onboot is off): so restartPolicy is never; unless-stopped would set onboot")
	}
	if !running {
		off := false
		m.svc.Spec.Enable = &off
		m.note("it is stopped: so enable is false, and it does not start with its node either; take that out to have it started")
	}
}

func (m *mapping) resources() {
	memory, swap := int64(512), int64(512) // what Proxmox takes where nothing is set
	if m.c.Has("memory") {
		memory = m.c.MemoryMiB
	}
	if m.c.Has("swap") {
		swap = m.c.SwapMiB
	}
	if memory < 16 {
		m.note("memory is %d MiB, and a service has at least 16 MiB", memory)
		memory = 16
	}
	root, _ := m.c.RootFS.SizeBytes()
	own := &m.svc.Spec.Resources
	own.Memory, own.Swap, own.Storage = bytes(memory<<20), bytes(swap<<20), bytes(root)
	m.cpu()
}

// cpu is written where it says what the container has, and left out, which keeps that, where it cannot.
func (m *mapping) cpu() {
	has := plan.CPU{Cores: m.c.Cores, LimitMilli: int64(math.Round(m.c.CPULimit * 1000))}
	milli := int64(has.Cores) * 1000
	if has.LimitMilli > 0 {
		milli = has.LimitMilli
	}
	cpu := resource.NewMilliQuantity(milli, resource.DecimalSI)
	if milli >= 10 && desired.CPU(*cpu) == has {
		m.svc.Spec.Resources.CPU = cpu
		return
	}
	m.note("cores=%s with cpulimit=%s is not what a cpu can say: it stays as it is", cmp.Or(m.c.Raw["cores"], "all"), cmp.Or(m.c.Raw["cpulimit"], "none"))
}

func bytes(n int64) *resource.Quantity { return resource.NewQuantity(n, resource.BinarySI) }

func (m *mapping) network(address netip.Prefix) {
	net, hosts := m.c.Nets[0], m.host.Spec.Network
	own := v1alpha1.ServiceNetwork{}
	if net.Bridge != topology.Bridge(m.host) {
		own.Bridge = net.Bridge
	}
	if net.Tag != 0 && (hosts.VLANTag == nil || int(*hosts.VLANTag) != net.Tag) {
		tag := int32(net.Tag)
		own.VLANTag = &tag
	}
	if gateway := m.gateway(address); gateway != hosts.Gateway {
		own.Gateway = gateway
	}
	if macForm.MatchString(net.HWAddr) {
		own.MACAddress = net.HWAddr
	}
	if net.Firewall {
		on := true
		own.Firewall = &on
	}
	if mtu := int32(net.MTU); net.MTU >= 576 && net.MTU <= 65535 {
		own.MTU = &mtu
	}
	if milli := int64(math.Round(net.RateMBps * 1000)); milli > 0 && float64(milli)/1000 == net.RateMBps {
		own.RateLimit = resource.NewMilliQuantity(milli, resource.DecimalSI)
	} else if net.RateMBps > 0 {
		m.note("net0 has rate=%v, finer than a rateLimit can say: it stays as it is", net.RateMBps)
	}
	if own != (v1alpha1.ServiceNetwork{}) {
		m.svc.Spec.Network = &own
	}
	for _, part := range []struct {
		is   bool
		text string
	}{{len(net.Trunks) > 0, "trunks"}, {net.LinkDown, "link_down"}, {net.HostManaged, "host-managed"}, {len(net.Other) > 0, fmt.Sprint(net.Other)}} {
		if part.is {
			m.note("net0 has %s, which has no place in a service: it stays as it is", part.text)
		}
	}
}

// gateway is that of the address which the service gets.
func (m *mapping) gateway(address netip.Prefix) string {
	net := m.c.Nets[0]
	if address.Addr().Is4() {
		if net.IP6 != "" {
			m.note("net0 has ip6=%s beside its IPv4 address: a service has one address; the other stays as it is", net.IP6)
		}
		return net.Gateway
	}
	if net.IP != "" {
		m.note("net0 has ip=%s beside its IPv6 address: a service has one address; the next change of the interface takes the other away", net.IP)
	}
	return net.Gateway6
}

// features are written where they are on, or where the host's defaults would turn them on.
func (m *mapping) features() {
	f, defaults := m.c.Features, v1alpha1.Features{}
	if d := m.host.Spec.Defaults.Features; d != nil {
		defaults = *d
	}
	own := v1alpha1.Features{Nesting: &f.Nesting}
	if f.Keyctl || defaults.Keyctl != nil {
		own.Keyctl = &f.Keyctl
	}
	if f.FUSE || defaults.FUSE != nil {
		own.FUSE = &f.FUSE
	}
	own.Mount = f.Mount
	m.svc.Spec.Features = &own
	if f.Mknod || f.ForceRWSys || len(f.Other) > 0 {
		m.note("features = %s: mknod, force_rw_sys and what else has no place in a service stay as they are", f)
	}
	if zone := m.c.Timezone; zoneForm.MatchString(zone) && len(zone) <= 64 {
		m.svc.Spec.Timezone = zone
	}
}

func (m *mapping) tags() {
	for _, tag := range proxmox.NormalizeTags(m.c.Tags) {
		switch {
		case tag == marker.Tag:
		case !tagForm.MatchString(tag) || len(tag) > 64 || len(m.svc.Spec.Tags) == 32:
			m.note("the tag %q has no place in a service, and would be taken away", tag)
		default:
			m.svc.Spec.Tags = append(m.svc.Spec.Tags, tag)
		}
	}
}

func (m *mapping) volumes() {
	names := map[string]bool{"rootfs": true}
	for _, index := range sorted(m.c.Mounts) {
		v, key := m.c.Mounts[index], proxmox.MountKey(index)
		size, sized := v.SizeBytes()
		switch {
		case !mountable(v.Path) || len(m.svc.Spec.Volumes) == 15 || v.Storage() != "" && (!sized || size < 1<<20):
			m.note("%s = %s cannot be written as a volume of a service: it stays as it is", key, v)
			continue
		}
		name := Name(path.Base(v.Path), key)
		for names[name] {
			name += "-" + key
		}
		names[name] = true
		volume := v1alpha1.Volume{Name: name, MountPath: v.Path, ReadOnly: v.ReadOnly}
		if v.Storage() == "" {
			volume.HostPath = v.Volume
		} else {
			backup := v.Backup
			volume.Size, volume.Storage, volume.Backup = *bytes(size), v.Storage(), &backup
		}
		m.svc.Spec.Volumes = append(m.svc.Spec.Volumes, volume)
		m.options(key, v)
	}
	m.options("rootfs", m.c.RootFS)
}

// options of a disk that only Proxmox knows.
func (m *mapping) options(key string, v proxmox.Mount) {
	if v.ACL != nil || v.Replicate != nil || v.Quota || v.Shared || len(v.Options) > 0 || len(v.Other) > 0 || key == "rootfs" && v.ReadOnly {
		m.note("%s = %s: its options besides size, backup and ro stay as they are", key, v)
	}
}

// placed are the keys that a service has a place for, or that nobody set.
var placed = []string{
	"hostname", "memory", "swap", "cores", "cpulimit", "rootfs", "net0", "features", "tags", "onboot", "unprivileged", "timezone", "arch", "ostype",
	"digest", "description", "searchdomain", "nameserver", "startup", "template",
}

// rest are the settings that have no place at all. Of an environment only the key is shown: it may hold passwords.
func (m *mapping) rest(g Guest) {
	keys := make([]string, 0, len(m.c.Raw))
	for key := range m.c.Raw {
		_, isMount := mountIndex(key)
		if !slices.Contains(placed, key) && !isMount {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		value := " = " + m.c.Raw[key]
		if key == "env" {
			value = ""
		}
		m.note("%s%s has no place in a service: it stays as it is", key, value)
	}
	for _, line := range g.LXC {
		m.note("the line %s of its configuration file has no place in a service: it stays as it is", line[0])
	}
	if m.c.Description != "" {
		m.note("its notes stay; the lines of the marker come below them")
	}
	if m.c.Has("startup") {
		m.note("startup = %s: the order comes from what the service depends on", m.c.Raw["startup"])
	}
	if g.HAState != "" {
		m.note("Proxmox's HA manager looks after it (%s)", g.HAState)
	}
}

func mountIndex(key string) (int, bool) {
	text, is := strings.CutPrefix(key, "mp")
	n, err := strconv.Atoi(text)
	return n, is && err == nil
}

func sorted(of map[int]proxmox.Mount) []int {
	var all []int
	for index := range of {
		all = append(all, index)
	}
	slices.Sort(all)
	return all
}
