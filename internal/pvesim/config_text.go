package pvesim

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// section is the current configuration, or a snapshot: keys and values as they stand in the file.
type section struct {
	values map[string]string
	// raw are lxc.* lines, which are shown but never interpreted.
	raw [][2]string
}

// config is one /etc/pve/nodes/N/lxc/ID.conf.
type config struct {
	section
	pending map[string]string
	// deleted are keys that go at the next stop, in order.
	deleted   []string
	snapshots map[string]*section
}

func newSection() section { return section{values: make(map[string]string)} }

func newConfig() *config {
	return &config{section: newSection(), pending: make(map[string]string), snapshots: make(map[string]*section)}
}

func (s *section) clone() *section {
	return &section{values: maps.Clone(s.values), raw: slices.Clone(s.raw)}
}

func (c *config) clone() *config {
	copied := &config{
		section: *c.section.clone(), pending: maps.Clone(c.pending), deleted: slices.Clone(c.deleted),
		snapshots: make(map[string]*section, len(c.snapshots)),
	}
	for name, snapshot := range c.snapshots {
		copied.snapshots[name] = snapshot.clone()
	}
	return copied
}

// digest is the SHA-1 of the file's text.
func digest(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// render prints the file (PVE/LXC/Config.pm, write_pct_config).
func (c *config) render() string {
	var text strings.Builder
	c.section.render(&text)
	if len(c.pending) > 0 || len(c.deleted) > 0 {
		text.WriteString("\n[pve:pending]\n")
		if len(c.deleted) > 0 {
			fmt.Fprintf(&text, "delete: %s\n", strings.Join(c.deleted, ","))
		}
		for _, key := range slices.Sorted(maps.Keys(c.pending)) {
			value := c.pending[key]
			if key == "description" {
				value = encodeText(value)
			}
			fmt.Fprintf(&text, "%s: %s\n", key, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.snapshots)) {
		fmt.Fprintf(&text, "\n[%s]\n", name)
		c.snapshots[name].render(&text)
	}
	return text.String()
}

func (s *section) render(text *strings.Builder) {
	if description := s.values["description"]; truthy(description) {
		for _, line := range strings.Split(strings.TrimRight(description, "\n"), "\n") {
			text.WriteString("#" + encodeText(line) + "\n")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if key != "description" {
			fmt.Fprintf(text, "%s: %s\n", key, s.values[key])
		}
	}
	for _, line := range s.raw {
		fmt.Fprintf(text, "%s: %s\n", line[0], line[1])
	}
}

// encodeText escapes control characters, everything beyond ASCII, % and : (PVE/Tools.pm, encode_text).
func encodeText(text string) string {
	var encoded strings.Builder
	for _, char := range []byte(text) {
		if char < 0x20 || char >= 0x7f || char == '%' || char == ':' {
			fmt.Fprintf(&encoded, "%%%02X", char)
			continue
		}
		encoded.WriteByte(char)
	}
	return encoded.String()
}

func decodeText(text string) string {
	var decoded strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if char, err := hex.DecodeString(text[i+1 : i+3]); err == nil {
				decoded.WriteByte(char[0])
				i += 2
				continue
			}
		}
		decoded.WriteByte(text[i])
	}
	return decoded.String()
}

var (
	sectionLine = regexp.MustCompile(`(?i)^\[([a-z][a-z0-9_\-]+)\]\s*$`)
	rawLine     = regexp.MustCompile(`^(lxc\.[a-z0-9_\-.]+)(?::|\s*=)\s*(.*?)\s*$`)
	keyLine     = regexp.MustCompile(`^([a-z][a-z_]*\d*):\s*(.+?)\s*$`)
	emptyLine   = regexp.MustCompile(`^([a-z][a-z_]*\d*):\s+$`)
)

// parseConfig reads the file (PVE/LXC/Config.pm, parse_pct_config). A key without a value reads back as one space, as
// there: its pattern asks for one character after the colon.
func parseConfig(text string) *config {
	parsed := newConfig()
	current := &parsed.section
	inPending := false
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "[pve:pending]" {
			inPending = true
			continue
		}
		if match := sectionLine.FindStringSubmatch(line); match != nil {
			snapshot := newSection()
			parsed.snapshots[match[1]] = &snapshot
			current, inPending = &snapshot, false
			continue
		}
		if inPending {
			parsed.readPending(line)
			continue
		}
		current.read(line)
	}
	return parsed
}

func (c *config) readPending(line string) {
	key, value, ok := splitLine(line)
	switch {
	case !ok:
	case key == "delete":
		c.deleted = strings.Split(value, ",")
	case key == "description":
		c.pending[key] = decodeText(value)
	default:
		c.pending[key] = value
	}
}

func (s *section) read(line string) {
	if comment, isComment := strings.CutPrefix(line, "#"); isComment {
		s.values["description"] += decodeText(comment) + "\n"
		return
	}
	if match := rawLine.FindStringSubmatch(line); match != nil {
		s.raw = append(s.raw, [2]string{match[1], match[2]})
		return
	}
	if key, value, ok := splitLine(line); ok {
		s.values[key] = value
	}
}

func splitLine(line string) (key, value string, ok bool) {
	if match := keyLine.FindStringSubmatch(line); match != nil {
		return match[1], match[2], true
	}
	if match := emptyLine.FindStringSubmatch(line); match != nil {
		return match[1], " ", true
	}
	return "", "", false
}
