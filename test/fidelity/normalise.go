package fidelity

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Two true answers to one request may differ in process ids and times (also inside a UPID), digests, generated MACs,
// measurements, line numbers of Perl, and the order of keys and lists. These are replaced; everything else counts.
var (
	upidText  = regexp.MustCompile(`UPID:([^:]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:]*):([^:]*):([^: "]+):`)
	macText   = regexp.MustCompile(`\b[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b`)
	perlLine  = regexp.MustCompile(`( at /usr/share/perl5/\S+ line )\d+`)
	linkLocal = regexp.MustCompile(`\bfe80::[0-9a-f:]+`)
	digest    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	faultText = regexp.MustCompile(`[^\n]+\n*`)
)

// Keys of measurements.
var (
	// never are never the same twice, wherever they stand.
	never = setOf("pid pstart starttime endtime snaptime ctime repoid ssl_fingerprint")
	// ofRunning are measured on a running container; of a stopped one Proxmox reports fixed values, which count.
	ofRunning = setOf("cpu mem memhost swap disk maxdisk diskread diskwrite netin netout uptime")
	// ofMachine are sizes and load of a node or a storage.
	ofMachine = setOf("cpu mem maxmem disk maxdisk uptime total used avail used_fraction")
)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

// normaliser replaces what may differ in the answers to one step.
type normaliser struct {
	// named are MACs that stay whole.
	named   map[string]bool
	ordered bool
}

func (n *normaliser) text(text string) string {
	text = upidText.ReplaceAllString(text, "UPID:$1:PID:PSTART:STARTTIME:$2:$3:$4:")
	text = linkLocal.ReplaceAllString(text, "fe80::<from-mac>")
	text = perlLine.ReplaceAllString(text, "${1}N")
	return macText.ReplaceAllStringFunc(text, n.mac)
}

// mac keeps the prefix, which is configured, and whether letters are capital.
func (n *normaliser) mac(mac string) string {
	upper := strings.ToUpper(mac)
	switch {
	case n.named[upper], strings.Trim(mac, "0:") == "":
		return mac
	case mac == upper:
		return mac[:8] + ":XX:XX:XX"
	}
	return mac[:8] + ":xx:xx:xx"
}

func (n *normaliser) tree(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		normal := make(map[string]any, len(typed))
		for key, member := range typed {
			normal[key] = n.member(key, member, typed)
		}
		return normal
	case []any:
		rows := make([]any, len(typed))
		for i, row := range typed {
			rows[i] = n.tree(row)
		}
		if !n.ordered {
			sortRows(rows)
		}
		return rows
	case string:
		return n.text(typed)
	}
	return value
}

func (n *normaliser) member(key string, value any, owner map[string]any) any {
	if isMeasured(key, value, owner) {
		return "<" + typeOf(value) + ">"
	}
	if key == "value" && owner["key"] == "digest" { // a row of the list of pending changes
		return "<digest>"
	}
	switch typed := value.(type) {
	case string:
		switch {
		case key == "digest" && digest.MatchString(typed):
			return "<digest>"
		case key == "content": // the content types of a storage
			types := strings.Split(typed, ",")
			slices.Sort(types)
			return strings.Join(types, ",")
		}
	case map[string]any:
		if key == "errors" {
			return n.faults(typed)
		}
	}
	return n.tree(value)
}

func isMeasured(key string, value any, owner map[string]any) bool {
	switch value.(type) {
	case nil, map[string]any, []any:
		return false
	}
	has := func(name string) bool { _, ok := owner[name]; return ok }
	isRunning := owner["status"] == "running" && has("maxmem")
	isMachine := owner["type"] == "node" || owner["type"] == "storage" || has("avail") && has("total")
	return never[key] || strings.HasPrefix(key, "pressure") ||
		ofRunning[key] && isRunning || ofMachine[key] && isMachine ||
		key == "used" && has("volid") || key == "size" && owner["content"] == "vztmpl"
}

// faults sorts what is wrong with one property string: Proxmox says it in random order, a line or two for each.
func (n *normaliser) faults(messages map[string]any) map[string]any {
	normal := make(map[string]any, len(messages))
	for key, message := range messages {
		text, isText := message.(string)
		if !isText || !strings.HasPrefix(text, "invalid format - format error\n") {
			normal[key] = n.tree(message)
			continue
		}
		lines := faultText.FindAllString(text, -1)
		slices.Sort(lines[1:])
		normal[key] = n.text(strings.Join(lines, ""))
	}
	return normal
}

func typeOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	}
	return "string"
}
