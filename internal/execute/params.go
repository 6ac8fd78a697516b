package execute

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// CreateParams are the parameters of POST /nodes/{node}/lxc. `start` is not among them: its task would be one that nobody reports.
func CreateParams(d plan.Desired, m marker.Marker) proxmox.Params {
	p := proxmox.Params{
		"ostemplate": d.Template,
		"hostname":   d.Hostname,
		"rootfs":     allocation(d.Storage, d.RootBytes),
		"net0":       wishedNet(d).String(),
		"tags":       proxmox.FormatTags(d.Tags),
		"startup":    proxmox.Startup{Order: &d.BootOrder}.String(),
	}
	p.SetInt("memory", d.MemoryMiB)
	p.SetInt("swap", d.SwapMiB)
	setCPU(p, d.CPU)
	p.SetBool("unprivileged", d.Unprivileged)
	p.SetBool("onboot", d.OnBoot)
	if text := wishedFeatures(d).String(); text != "" {
		p["features"] = text
	}
	if zone := d.Options.Timezone; zone != nil && *zone != "" {
		p["timezone"] = *zone
	}
	if len(d.Nameservers) > 0 {
		p["nameserver"] = nameservers(d)
	}
	if d.SearchDomain != "" {
		p["searchdomain"] = d.SearchDomain
	}
	if len(d.SSHKeys) > 0 {
		p["ssh-public-keys"] = strings.Join(d.SSHKeys, "\n")
	}
	m.Volumes = map[string]string{}
	for i, v := range plan.InMountOrder(d.Volumes) {
		key := proxmox.MountKey(i)
		m.Volumes[v.Name] = key
		p[key] = newMount(v)
	}
	p["description"] = m.Render("")
	return p
}

// ConfigureParams are the parameters of PUT .../config that remove the step's changes. Property strings are merged by sub-key: what
// we do not manage stays as it is.
func ConfigureParams(s plan.Step, d plan.Desired, t Target) (set proxmox.Params, del []string) {
	set = proxmox.Params{}
	now := t.View.Future
	features := now.Features
	t.Marker.Volumes, t.Marker.VolumeIDs = clone(t.Marker.Volumes), clone(t.Marker.VolumeIDs)
	for _, c := range s.Changes {
		switch c.Field {
		case plan.FieldHostname:
			set["hostname"] = d.Hostname
		case plan.FieldSearchDomain:
			del = setOrDelete(set, del, "searchdomain", d.SearchDomain)
		case plan.FieldNameservers:
			del = setOrDelete(set, del, "nameserver", nameservers(d))
		case plan.FieldIP, plan.FieldGateway, plan.FieldBridge, plan.FieldVLAN, plan.FieldMAC, plan.FieldFirewall, plan.FieldMTU, plan.FieldRate:
			set["net0"] = mergedNet(now, d).String()
		case plan.FieldMemory:
			set.SetInt("memory", d.MemoryMiB)
		case plan.FieldSwap:
			set.SetInt("swap", d.SwapMiB)
		case plan.FieldCPU:
			del = append(del, setCPU(set, d.CPU)...)
		case plan.FieldNesting, plan.FieldKeyctl, plan.FieldFUSE, plan.FieldMount:
			setFeature(&features, c.Field, d)
			del = setOrDelete(set, without(del, "features"), "features", features.String())
		case plan.FieldTimezone:
			del = setOrDelete(set, del, "timezone", *d.Options.Timezone)
		case plan.FieldTags:
			set["tags"] = proxmox.FormatTags(d.Tags)
		case plan.FieldOnBoot:
			set.SetBool("onboot", d.OnBoot)
		case plan.FieldBootOrder:
			startup := now.Startup
			startup.Order = &d.BootOrder
			set["startup"] = startup.String()
		case plan.FieldVolume:
			del = setVolume(set, del, c, d, t.View, &t.Marker)
			_, rest, _ := marker.Parse(now.Description)
			set["description"] = t.Marker.Render(rest)
		case plan.FieldMarker:
			_, rest, _ := marker.Parse(now.Description)
			set["description"] = t.Marker.Render(rest)
		}
	}
	slices.Sort(del)
	return set, slices.DeleteFunc(del, func(key string) bool { return !now.Has(key) })
}

// setVolume writes or deletes the mount point of a volume, and notes in the marker which it is and what it was. An option that we do not
// manage stays as it is.
func setVolume(set proxmox.Params, del []string, c plan.Change, d plan.Desired, view *proxmox.View, m *marker.Marker) []string {
	name, key, id := c.Volume, c.Disk.Key, c.Disk.Volume
	if id != "" && !strings.HasPrefix(id, "/") { // a path of the node is nothing that could be lost
		m.VolumeIDs[name] = id
	}
	if c.Disk.Action == plan.VolumeDetach {
		delete(m.Volumes, name)
		return append(del, key)
	}
	m.Volumes[name] = key
	wish := d.Volumes[slices.IndexFunc(d.Volumes, func(v plan.Volume) bool { return v.Name == name })]
	if c.Disk.Action == plan.VolumeNew {
		set[key] = newMount(wish)
		return del
	}
	mount := proxmox.Mount{Volume: id}
	index, _ := strconv.Atoi(strings.TrimPrefix(key, "mp"))
	for _, config := range []*proxmox.Config{view.Live, view.Future} {
		if there, present := config.Mounts[index]; present && there.Volume == id {
			mount = there
		}
	}
	mount.Path, mount.ReadOnly = wish.MountPath, wish.ReadOnly
	if c.Disk.Action == plan.VolumeBind {
		mount.Volume = wish.HostPath
	} else {
		mount.Backup = wish.Backup
	}
	set[key] = mount.String()
	return del
}

func clone(of map[string]string) map[string]string {
	if of == nil {
		return map[string]string{}
	}
	return maps.Clone(of)
}

func newMount(v plan.Volume) string {
	if v.HostPath != "" {
		return proxmox.Mount{Volume: v.HostPath, Path: v.MountPath, ReadOnly: v.ReadOnly}.String()
	}
	return proxmox.Mount{Volume: allocation(v.Storage, v.Bytes), Path: v.MountPath, Backup: v.Backup, ReadOnly: v.ReadOnly}.String()
}

// allocation is STORAGE:SIZE with the size in GiB, decimals allowed. A bare number beside a storage parameter is refused for tokens.
func allocation(storage string, bytes int64) string {
	return storage + ":" + strconv.FormatFloat(float64(bytes)/float64(proxmox.GiB), 'f', -1, 64)
}

// setCPU sets the cores and, for a fraction, the limit; a limit that is not wanted is to be deleted.
func setCPU(p proxmox.Params, cpu plan.CPU) (del []string) {
	p.SetInt("cores", int64(cpu.Cores))
	if cpu.LimitMilli == 0 {
		return []string{"cpulimit"}
	}
	p.SetNumber("cpulimit", float64(cpu.LimitMilli)/1000)
	return nil
}

// wishedFeatures are those of a new container.
func wishedFeatures(d plan.Desired) proxmox.Features {
	var f proxmox.Features
	for _, field := range []plan.Field{plan.FieldNesting, plan.FieldKeyctl, plan.FieldFUSE, plan.FieldMount} {
		setFeature(&f, field, d)
	}
	return f
}

func setFeature(f *proxmox.Features, field plan.Field, d plan.Desired) {
	switch field {
	case plan.FieldNesting:
		f.Nesting = d.Nesting
	case plan.FieldKeyctl:
		f.Keyctl = d.Options.Keyctl != nil && *d.Options.Keyctl
	case plan.FieldFUSE:
		f.FUSE = d.Options.FUSE != nil && *d.Options.FUSE
	case plan.FieldMount:
		f.Mount = d.Options.Mount
	}
}

func without(del []string, key string) []string {
	return slices.DeleteFunc(del, func(k string) bool { return k == key })
}

func setOrDelete(set proxmox.Params, del []string, key, value string) []string {
	if value == "" {
		delete(set, key) // of a setting with several parts, an earlier one may have set it
		return append(del, key)
	}
	set[key] = value
	return del
}

func nameservers(d plan.Desired) string {
	texts := make([]string, len(d.Nameservers))
	for i, a := range d.Nameservers {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}

// TaskType is the kind of task that Proxmox starts for a step; empty for a step that is complete with its answer.
func TaskType(k plan.Kind) string {
	switch k {
	case plan.Create:
		return "vzcreate"
	case plan.Grow:
		return "resize"
	case plan.Start:
		return "vzstart"
	case plan.Shutdown:
		return "vzshutdown"
	case plan.Migrate:
		return "vzmigrate"
	case Destroy:
		return "vzdestroy"
	}
	return ""
}
