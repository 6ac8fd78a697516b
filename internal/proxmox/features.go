package proxmox

import (
	"fmt"
	"slices"
	"strings"
)

// Features is the value of the features key. On an unprivileged container a
// token may only set Nesting; the others are for root@pam.
type Features struct {
	Nesting, Keyctl, FUSE, Mknod, ForceRWSys bool
	// Mount are file system types that the container may mount.
	Mount []string
	// Other holds keys that this version does not know, as they are.
	Other map[string]string
}

// ParseFeatures reads a features value; "" is none.
func ParseFeatures(s string) (Features, error) {
	props, err := parseProps(s, "")
	if err != nil {
		return Features{}, fmt.Errorf("features %q: %w", s, err)
	}
	var f Features
	for _, p := range props {
		if !f.set(p) {
			f.Other = keep(f.Other, p)
		}
	}
	return f, nil
}

func (f *Features) set(p prop) bool {
	switch p.key {
	case "nesting":
		f.Nesting = parseBool(p.value)
	case "keyctl":
		f.Keyctl = parseBool(p.value)
	case "fuse":
		f.FUSE = parseBool(p.value)
	case "mknod":
		f.Mknod = parseBool(p.value)
	case "force_rw_sys":
		f.ForceRWSys = parseBool(p.value)
	case "mount":
		f.Mount = splitSemicolons(p.value)
		return len(f.Mount) > 0
	default:
		return false
	}
	return true
}

// String writes the value for the features key; "" for none, in which case
// delete the key.
func (f Features) String() string {
	var w propWriter
	w.flag("force_rw_sys", f.ForceRWSys)
	w.flag("fuse", f.FUSE)
	w.flag("keyctl", f.Keyctl)
	w.flag("mknod", f.Mknod)
	w.add("mount", strings.Join(f.Mount, ";"))
	w.flag("nesting", f.Nesting)
	w.rest(f.Other)
	return w.String()
}

// Equal compares by meaning.
func (f Features) Equal(o Features) bool { return f.canonical() == o.canonical() }

func (f Features) canonical() string {
	f.Mount = slices.Compact(slices.Sorted(slices.Values(f.Mount)))
	return f.String()
}
