package proxmox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A property string is a comma-separated list of key=value, in which one key,
// the default key, may stand as a bare value. Proxmox rewrites the order as it
// likes: compare what was parsed, never the text.

// prop is one part of a property string. An empty key is a bare value of a
// string that has no default key.
type prop struct{ key, value string }

// parseProps splits a property string and keeps the order. Blank parts are
// skipped, as Proxmox does; a key twice, or without a value, is an error.
func parseProps(s, defaultKey string) ([]prop, error) {
	var props []prop
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		key, value, found := strings.Cut(part, "=")
		if !found {
			key, value = defaultKey, part
		}
		value = strings.TrimSpace(value) // so that it reads the same where it is written without its key
		switch {
		case key == "":
			return nil, fmt.Errorf("%q has no key", part)
		case value == "":
			return nil, fmt.Errorf("key %q has no value", key)
		case seen[key]:
			return nil, fmt.Errorf("key %q is given twice", key)
		}
		seen[key] = true
		props = append(props, prop{key, value})
	}
	return props, nil
}

// propWriter builds a property string; empty values are left out.
type propWriter struct{ parts []string }

func (w *propWriter) bare(value string) {
	if value != "" {
		w.parts = append(w.parts, value)
	}
}

func (w *propWriter) add(key, value string) {
	if value != "" {
		w.parts = append(w.parts, key+"="+value)
	}
}

func (w *propWriter) flag(key string, value bool) {
	if value {
		w.add(key, "1")
	}
}

func (w *propWriter) choice(key string, value *bool) {
	if value != nil {
		w.add(key, formatBool(*value))
	}
}

func (w *propWriter) rest(other map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(other)) {
		w.add(key, other[key])
	}
}

func (w *propWriter) String() string { return strings.Join(w.parts, ",") }

// keep remembers a part that we have no field for, so that it is written back.
func keep(other map[string]string, p prop) map[string]string {
	if other == nil {
		other = make(map[string]string)
	}
	other[p.key] = p.value
	return other
}

func boolPointer(s string) *bool {
	value := parseBool(s)
	return &value
}

func samePointer[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// splitSemicolons reads a list inside a value, for commas cannot be in one.
func splitSemicolons(s string) []string {
	var items []string
	for item := range strings.SplitSeq(s, ";") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
