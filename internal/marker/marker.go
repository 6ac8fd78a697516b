// Package marker is the text by which a container is known as ours: a few plain lines in its description that a person can read.
// It is pure. Whoever owns the rest of the description (people write notes there) keeps it: only our own lines are replaced.
// The controllers decide by a Marker; execute writes it.
package marker

import (
	"fmt"
	"maps"
	"sort"
	"strconv"
	"strings"
)

// Tag is the Proxmox tag that makes candidates for a marker visible in the resource list, where descriptions are not.
const Tag = "nixmox"

// State says whether the service of a container still has an object.
type State string

// The states of a marked container.
const (
	Live     State = "live"
	Retained State = "retained"
	Deleting State = "deleting"
	// Contested is written by a controller that found itself overwritten again and again: both stop.
	Contested State = "contested"
)

// Marker says whose container this is.
type Marker struct {
	// Instance is the name under which a controller owns containers.
	Instance string
	// Host and Service are namespace/name of the objects.
	Host, Service string
	// UID of the service's object.
	UID string
	// VMID that the container was created with. A marker whose VMID is not the container's own came with a clone or a restore.
	VMID int
	// Nonce of the attempt that created the container.
	Nonce string
	// Volumes maps the name of a volume to its mount point's key, such as mp0. One that was detached has none.
	Volumes map[string]string
	// VolumeIDs maps the name of a volume to its id on Proxmox, as far as that was known when the marker was written; of one that was
	// detached it always is.
	VolumeIDs map[string]string
	// State of the container.
	State State
}

const (
	prefix  = "nixmox-"
	heading = "Managed by NixMox. Keep the lines that begin with nixmox-: the container is known by them. Notes above or below are yours."
)

// Parse finds the marker in a container's description. rest is the description without it, for Render; ok is false when there is no
// whole marker.
func Parse(description string) (m Marker, rest string, ok bool) {
	m.Volumes, m.VolumeIDs = map[string]string{}, map[string]string{}
	seen := map[string]bool{}
	var others []string
	for _, line := range strings.Split(strings.TrimRight(description, "\n"), "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == heading {
			continue
		}
		key, value, found := strings.Cut(strings.TrimPrefix(trimmed, prefix), ": ")
		if !found || !strings.HasPrefix(trimmed, prefix) || !m.set(key, value) {
			others = append(others, line)
			continue
		}
		seen[key] = true
	}
	ok = seen["instance"] && seen["service"] && seen["vmid"] && seen["state"]
	return m, strings.Trim(strings.Join(others, "\n"), "\n"), ok
}

func (m *Marker) set(key, value string) bool {
	switch key {
	case "service":
		m.Service = value
	case "host":
		m.Host = value
	case "instance":
		m.Instance = value
	case "uid":
		m.UID = value
	case "vmid":
		vmid, err := strconv.Atoi(value)
		if err != nil {
			return false
		}
		m.VMID = vmid
	case "nonce":
		m.Nonce = value
	case "volumes":
		setPairs(m.Volumes, value)
	case "volume-ids":
		setPairs(m.VolumeIDs, value)
	case "state":
		m.State = State(value)
	default:
		return false
	}
	return true
}

func setPairs(into map[string]string, value string) {
	for _, pair := range strings.Fields(value) {
		if name, is, ok := strings.Cut(pair, "="); ok {
			into[name] = is
		}
	}
}

// Render is the description that holds the marker and, above it, the rest that somebody else wrote.
func (m Marker) Render(rest string) string {
	var b strings.Builder
	if rest != "" {
		b.WriteString(strings.Trim(rest, "\n") + "\n\n")
	}
	b.WriteString(heading + "\n")
	line := func(key, value string) {
		if value != "" {
			// A line feed in a value would let it forge another line.
			fmt.Fprintf(&b, "%s%s: %s\n", prefix, key, strings.ReplaceAll(value, "\n", " "))
		}
	}
	line("service", m.Service)
	line("host", m.Host)
	line("instance", m.Instance)
	line("uid", m.UID)
	line("vmid", strconv.Itoa(m.VMID))
	line("nonce", m.Nonce)
	line("volumes", pairs(m.Volumes))
	line("volume-ids", pairs(m.VolumeIDs))
	line("state", string(m.State))
	return strings.TrimRight(b.String(), "\n")
}

func pairs(of map[string]string) string {
	texts := make([]string, 0, len(of))
	for name, is := range of {
		texts = append(texts, name+"="+is)
	}
	sort.Strings(texts)
	return strings.Join(texts, " ")
}

// SameVolumes is whether a marker as found says the same of the volumes as the one that is to be there. That it does not know an id
// which is known by now is no difference: the id is added with the next change.
func SameVolumes(found, want Marker) bool {
	if !maps.Equal(found.Volumes, want.Volumes) {
		return false
	}
	for name, id := range found.VolumeIDs {
		if want.VolumeIDs[name] != id {
			return false
		}
	}
	for name, id := range want.VolumeIDs {
		if _, attached := want.Volumes[name]; !attached && found.VolumeIDs[name] != id {
			return false
		}
	}
	return true
}
