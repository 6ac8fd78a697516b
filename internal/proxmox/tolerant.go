package proxmox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Proxmox sends Perl scalars: the same value can come as 2, "2", 0.5 or "0.5",
// and a switch as 1, "1" or true, depending on version and code path. The
// types here read them all. Statistics that make no sense read as zero: one
// odd row must not hide a whole cluster. Identities are checked by the caller.

// text reads any scalar as text; null and arrays as "".
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	*t = text(scalarText(data))
	return nil
}

// number reads a number with an optional fraction.
type number float64

func (n *number) UnmarshalJSON(data []byte) error {
	*n = number(parseNumber(scalarText(data)))
	return nil
}

// integer reads a whole number, dropping a fraction.
type integer int64

func (i *integer) UnmarshalJSON(data []byte) error {
	*i = integer(parseInteger(scalarText(data)))
	return nil
}

// boolean reads a switch.
type boolean bool

func (b *boolean) UnmarshalJSON(data []byte) error {
	*b = boolean(parseBool(scalarText(data)))
	return nil
}

// scalarText gives a JSON scalar as Proxmox would write it: strings unquoted,
// true and false as 1 and 0, anything else that is not a number as nothing.
func scalarText(data []byte) string {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return ""
	}
	switch {
	case data[0] == '"':
		var unquoted string
		if json.Unmarshal(data, &unquoted) != nil {
			return ""
		}
		return unquoted
	case string(data) == "true":
		return "1"
	case string(data) == "false":
		return "0"
	case string(data) == "null", data[0] == '[', data[0] == '{':
		return ""
	default:
		return string(data)
	}
}

func parseNumber(s string) float64 {
	value, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || value != value {
		return 0
	}
	return value
}

func parseInteger(s string) int64 {
	s = strings.TrimSpace(s)
	if value, err := strconv.ParseInt(s, 10, 64); err == nil {
		return value
	}
	value := parseNumber(s)
	if value > 1<<62 || value < -(1<<62) {
		return 0
	}
	return int64(value)
}

// parseBool knows what Proxmox's own property strings allow.
func parseBool(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "on", "yes", "true":
		return true
	default:
		return false
	}
}

func formatBool(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// decode reads the data of a reply into target.
func decode(data json.RawMessage, target any) error {
	if len(data) == 0 {
		return fmt.Errorf("%w: no data", ErrMalformed)
	}
	if err := json.Unmarshal(data, target); err != nil {
		return fmt.Errorf("%w: data of an unexpected shape: %w", ErrMalformed, err)
	}
	return nil
}
