package schema

import (
	"fmt"
	"sort"
	"strings"
)

// FormatError is the fault of a property string: one message per key.
type FormatError struct{ Keys map[string]string }

// Error prints the faults as Proxmox does, each on a line of its own.
func (e *FormatError) Error() string {
	names := make([]string, 0, len(e.Keys))
	for name := range e.Keys {
		names = append(names, name)
	}
	sort.Strings(names)
	var text strings.Builder
	text.WriteString("format error\n")
	for _, name := range names {
		fmt.Fprintf(&text, "%s: %s\n", name, e.Keys[name])
	}
	return text.String()
}

// ParseString reads a property string such as "name=eth0,bridge=vmbr0". path is put before the keys in messages; ""
// leaves them bare. Source: PVE/JSONSchema.pm, parse_property_string.
func ParseString(props Props, text, path string) (map[string]string, error) {
	values := make(map[string]string)
	for _, part := range strings.Split(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, err := splitPart(props, part)
		if err != nil {
			return nil, err
		}
		if _, twice := values[key]; twice {
			return nil, faultf("duplicate key in comma-separated list property: %s\n", key)
		}
		if prop := props[key]; prop != nil && prop.Type == "boolean" {
			value = normaliseBoolean(value)
		}
		values[key] = value
	}
	if faults := checkKeys(props, values, path); len(faults) > 0 {
		return nil, &FormatError{Keys: faults}
	}
	return values, nil
}

func splitPart(props Props, part string) (key, value string, err error) {
	key, value, isPair := strings.Cut(part, "=")
	switch {
	case isPair && key != "" && value != "":
		return key, value, nil
	case isPair:
		return "", "", fault("missing key in comma-separated list property\n")
	}
	if key = props.defaultKey(); key == "" {
		return "", "", fault("value without key, but schema does not define a default key\n")
	}
	return key, part, nil
}

func checkKeys(props Props, values map[string]string, path string) map[string]string {
	full := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	faults := make(map[string]string)
	for key, prop := range props {
		value, given := values[key]
		if !given {
			if !prop.Optional {
				faults[full(key)] = missingProperty
			}
			continue
		}
		if message := checkValue(prop, Value{Text: value}, full(key)); message != "" {
			faults[full(key)] = message
		}
	}
	for key := range values {
		if props[key] == nil {
			faults[full(key)] = unknownProperty
		}
	}
	return faults
}

// normaliseBoolean turns the spellings that property strings allow into 1 and 0; others stay and fail the type check.
func normaliseBoolean(text string) string {
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true":
		return "1"
	case "0", "off", "no", "false":
		return "0"
	}
	return text
}

func (p Props) defaultKey() string {
	for key, prop := range p {
		if prop.DefaultKey == "1" {
			return key
		}
	}
	return ""
}

// PrintString prints a property string in Proxmox's canonical order: the default key bare and first, then the required
// keys, then the rest, each group by alphabet. Source: PVE/JSONSchema.pm, print_property_string.
func PrintString(props Props, values map[string]string) string {
	defaultKey := props.defaultKey()
	var required, optional []string
	for key := range values {
		switch {
		case key == defaultKey:
		case props[key] != nil && !props[key].Optional:
			required = append(required, key)
		default:
			optional = append(optional, key)
		}
	}
	sort.Strings(required)
	sort.Strings(optional)
	var parts []string
	if value, ok := values[defaultKey]; ok && defaultKey != "" {
		parts = append(parts, value)
	}
	for _, key := range append(required, optional...) {
		parts = append(parts, key+"="+values[key])
	}
	return strings.Join(parts, ",")
}
