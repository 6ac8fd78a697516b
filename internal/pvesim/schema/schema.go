// Package schema checks the parameters of Proxmox VE API calls against the official tables, with Proxmox's own
// messages. It knows types, limits, patterns, formats and the property strings inside values (net0, mp0, rootfs).
// It does not know what a call does: that is package pvesim, its only caller. Nothing here does I/O.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

var (
	//go:embed pve-api-9.2.json
	table92 []byte
	//go:embed pve-api-8.4.json
	table84 []byte
)

// Prop describes one parameter, or one key of a property string.
type Prop struct {
	Type       string      `json:"type"`
	Optional   bool        `json:"optional"`
	Minimum    *float64    `json:"minimum"`
	Maximum    *float64    `json:"maximum"`
	MinLength  *int        `json:"minLength"`
	MaxLength  *int        `json:"maxLength"`
	Enum       []string    `json:"enum"`
	Pattern    string      `json:"pattern"`
	Format     Format      `json:"format"`
	DefaultKey json.Number `json:"default_key"`
	Requires   string      `json:"requires"`

	pattern *regexp.Regexp
}

// Format is either the name of a format or the keys of a property string.
type Format struct {
	Name  string
	Props Props
}

// Props are the parameters of a method, or the keys of a property string, by name.
type Props map[string]*Prop

// UnmarshalJSON reads both forms of a format.
func (f *Format) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &f.Name)
	}
	return json.Unmarshal(data, &f.Props)
}

// Method is one verb on one path.
type Method struct {
	Parameters  Props           `json:"parameters"`
	Permissions json.RawMessage `json:"permissions"`
	AllowToken  bool            `json:"allowToken"`
}

// Table holds the methods of one Proxmox VE version: path pattern, then verb.
type Table struct {
	Version string                        `json:"version"`
	Paths   map[string]map[string]*Method `json:"paths"`
}

var load = sync.OnceValues(func() (map[string]*Table, error) {
	old, err := parse(table84)
	if err != nil {
		return nil, fmt.Errorf("table of 8.4: %w", err)
	}
	current, err := parse(table92)
	if err != nil {
		return nil, fmt.Errorf("table of 9.2: %w", err)
	}
	fillLengths(current, old)
	return map[string]*Table{"8.4": old, "9.2": current}, nil
})

// Load returns the table of a Proxmox VE release, "9.2" or "8.4". The tables are shared: do not change them.
func Load(release string) (*Table, error) {
	tables, err := load()
	if err != nil {
		return nil, err
	}
	table, ok := tables[release]
	if !ok {
		return nil, fmt.Errorf("no parameter table for Proxmox VE %q: there are 9.2 and 8.4", release)
	}
	return table, nil
}

func parse(data []byte) (*Table, error) {
	table := new(Table)
	if err := json.Unmarshal(data, table); err != nil {
		return nil, err
	}
	for path, methods := range table.Paths {
		for verb, method := range methods {
			if err := compile(method.Parameters); err != nil {
				return nil, fmt.Errorf("%s %s: %w", verb, path, err)
			}
		}
	}
	return table, nil
}

func compile(props Props) error {
	for name, prop := range props {
		if prop.Pattern != "" {
			pattern, err := regexp.Compile("^" + perlPattern.Replace(prop.Pattern) + "$")
			if err != nil {
				return fmt.Errorf("pattern of %s: %w", name, err)
			}
			prop.pattern = pattern
		}
		if err := compile(prop.Format.Props); err != nil {
			return err
		}
	}
	return nil
}

// perlPattern turns Perl's spelling of stringified patterns into Go's.
var perlPattern = strings.NewReplacer("(?^i:", "(?i:", "(?^:", "(?:", `\0`, `\x00`)

// fillLengths copies string lengths where the newer table has none; see README.md.
func fillLengths(to, from *Table) {
	for path, methods := range to.Paths {
		for verb, method := range methods {
			older := from.Paths[path][verb]
			if older == nil {
				continue
			}
			for name, prop := range method.Parameters {
				old := older.Parameters[name]
				if old == nil || prop.MaxLength != nil || prop.MinLength != nil {
					continue
				}
				prop.MinLength, prop.MaxLength = old.MinLength, old.MaxLength
			}
		}
	}
}

// indexLimit is how many of an indexed key there are (PVE/LXC/Config.pm: MAX_LXC_NETWORKS, MAX_MOUNT_POINTS, ...).
var indexLimit = map[string]int{"net": 32, "mp": 256, "dev": 256, "unused": 256}

// Lookup finds the description of a parameter, also of an indexed one such as net0; nil if there is none.
func (p Props) Lookup(name string) *Prop {
	if prop := p[name]; prop != nil && !strings.HasSuffix(name, "[n]") {
		return prop
	}
	base := strings.TrimRight(name, "0123456789")
	limit, ok := indexLimit[base]
	if !ok || base == name {
		return nil
	}
	digits := name[len(base):]
	index, err := strconv.Atoi(digits)
	if err != nil || index >= limit || digits != strconv.Itoa(index) {
		return nil
	}
	return p[base+"[n]"]
}
