package proxmox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mount is the value of rootfs or an mpN key: a volume of a container.
type Mount struct {
	// Volume is a volume id ("local-zfs:subvol-100-disk-0"), "STORAGE:GiB" for
	// a volume to be made, or a path for a bind or device mount.
	Volume string
	// Path is where the volume is mounted inside; empty for rootfs.
	Path string
	// Size is as Proxmox writes it ("8G"), of the real volume: it cannot be
	// changed here, see Resize. SizeBytes reads it.
	Size string
	// Backup includes the volume in backups; rootfs always is.
	Backup bool
	// ACL and Replicate have three states: unset is the server's default, which
	// is on for Replicate.
	ACL, Replicate *bool
	ReadOnly       bool
	Quota          bool
	// Shared tells Proxmox that a path is there on every node.
	Shared bool
	// Options are mount options such as "noatime".
	Options []string
	// Other holds keys that this version does not know, as they are.
	Other map[string]string
}

// NewVolume is the Volume text that makes Proxmox allocate. A bare number with
// a separate storage parameter is refused for tokens.
func NewVolume(storage string, gib int64) string {
	return storage + ":" + strconv.FormatInt(gib, 10)
}

// ParseMount reads the value of rootfs or an mpN key.
func ParseMount(s string) (Mount, error) {
	props, err := parseProps(s, "volume")
	if err != nil {
		return Mount{}, fmt.Errorf("volume %q: %w", s, err)
	}
	var m Mount
	for _, p := range props {
		if !m.set(p) {
			m.Other = keep(m.Other, p)
		}
	}
	return m, nil
}

func (m *Mount) set(p prop) bool {
	switch p.key {
	case "volume":
		m.Volume = p.value
	case "mp":
		m.Path = p.value
	case "size":
		m.Size = p.value
	case "backup":
		m.Backup = parseBool(p.value)
	case "acl":
		m.ACL = boolPointer(p.value)
	case "replicate":
		m.Replicate = boolPointer(p.value)
	case "ro":
		m.ReadOnly = parseBool(p.value)
	case "quota":
		m.Quota = parseBool(p.value)
	case "shared":
		m.Shared = parseBool(p.value)
	case "mountoptions":
		m.Options = splitSemicolons(p.value)
		return len(m.Options) > 0
	default:
		return false
	}
	return true
}

// String writes the value for rootfs or an mpN key.
func (m Mount) String() string {
	var w propWriter
	if strings.Contains(m.Volume, "=") {
		w.add("volume", m.Volume)
	} else {
		w.bare(m.Volume)
	}
	w.add("mp", m.Path)
	w.choice("acl", m.ACL)
	w.flag("backup", m.Backup)
	w.add("mountoptions", strings.Join(m.Options, ";"))
	w.flag("quota", m.Quota)
	w.choice("replicate", m.Replicate)
	w.flag("ro", m.ReadOnly)
	w.flag("shared", m.Shared)
	w.add("size", m.Size)
	w.rest(m.Other)
	return w.String()
}

// Equal compares by meaning: sizes as numbers, options in any order, an unset
// Replicate and one that is on alike.
func (m Mount) Equal(o Mount) bool { return m.canonical() == o.canonical() }

func (m Mount) canonical() string {
	if bytes, err := ParseSize(m.Size); err == nil {
		m.Size = FormatSize(bytes)
	}
	m.Options = slices.Compact(slices.Sorted(slices.Values(m.Options)))
	if m.Replicate != nil && *m.Replicate {
		m.Replicate = nil
	}
	return m.String()
}

// SizeBytes reads Size; ok is false where there is none, as for bind mounts.
func (m Mount) SizeBytes() (bytes int64, ok bool) {
	bytes, err := ParseSize(m.Size)
	return bytes, err == nil
}

// Storage is the storage that holds the volume, "" for a bind or device mount.
func (m Mount) Storage() string {
	if strings.HasPrefix(m.Volume, "/") {
		return ""
	}
	storage, _, found := strings.Cut(m.Volume, ":")
	if !found {
		return ""
	}
	return storage
}
