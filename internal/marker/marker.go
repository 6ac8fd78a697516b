// Package marker is the text by which a container is known as ours: a few plain lines in its description that a person can read.
// It is pure. Whoever owns the rest of the description (people write notes there) keeps it: only our own lines are replaced.
// The controllers decide by a Marker; execute writes it.
package marker

import (
	"fmt"
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
	// Volumes maps the name of a volume to its mount point's key, such as mp0.
	Volumes map[string]string
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
	m.Volumes = map[string]string{}
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
		for _, pair := range strings.Fields(value) {
			if name, mp, ok := strings.Cut(pair, "="); ok {
				m.Volumes[name] = mp
			}
		}
	case "state":
		m.State = State(value)
	default:
		return false
	}
	return true
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
	line("volumes", m.volumes())
	line("state", string(m.State))
	return strings.TrimRight(b.String(), "\n")
}

func (m Marker) volumes() string {
	pairs := make([]string, 0, len(m.Volumes))
	for name, mp := range m.Volumes {
		pairs = append(pairs, name+"="+mp)
	}
	sort.Strings(pairs)
	return strings.Join(pairs, " ")
}
