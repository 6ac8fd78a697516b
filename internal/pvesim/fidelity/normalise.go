package fidelity

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// What differs between two true answers is replaced: process ids and times (also in a UPID), digests, generated MACs,
// measurements, line numbers of Perl, and the order of keys and lists. Everything else counts.
var (
	upidText  = regexp.MustCompile(`UPID:([^:]+):([0-9A-F]{8}):([0-9A-F]{8,9}):([0-9A-F]{8}):([^:]*):([^:]*):([^: "]+):`)
	macText   = regexp.MustCompile(`\b([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){2})((?::[0-9A-Fa-f]{2}){3})\b`)
	perlLine  = regexp.MustCompile(`( at /usr/share/perl5/\S+ line )\d+`)
	linkLocal = regexp.MustCompile(`\bfe80::[0-9a-f:]+`)
	sha1Text  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	faultLine = regexp.MustCompile(`[^\n]+\n*`)
	onlyZeros = regexp.MustCompile(`^[0:]*$`)
)

func words(text string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

var (
	// times are keys whose value is never the same twice, wherever they stand.
	times = words("pid pstart starttime endtime snaptime ctime repoid ssl_fingerprint")
	// ofRunning are measurements of a running container; of a stopped one they are fixed.
	ofRunning = words("cpu mem memhost swap disk maxdisk diskread diskwrite netin netout uptime")
	// ofMachine are sizes and load of the machine itself.
	ofMachine = words("cpu mem maxmem disk maxdisk uptime total used avail used_fraction")
)

type normaliser struct {
	ordered bool
	// named are the MACs that the scenario itself gives; they stay.
	named map[string]bool
}

func newNormaliser(scenario *Scenario, ordered bool) (*normaliser, error) {
	text, err := json.Marshal(scenario)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", scenario.Name, err)
	}
	n := &normaliser{ordered: ordered, named: make(map[string]bool)}
	for _, mac := range macText.FindAllString(string(text), -1) {
		n.named[strings.ToUpper(mac)] = true
	}
	return n, nil
}

func (n *normaliser) text(text string) string {
	text = upidText.ReplaceAllString(text, "UPID:$1:PID:PSTART:STARTTIME:$5:$6:$7:")
	text = linkLocal.ReplaceAllString(text, "fe80::<from-mac>")
	text = perlLine.ReplaceAllString(text, "${1}N")
	return macText.ReplaceAllStringFunc(text, func(mac string) string {
		switch {
		case n.named[strings.ToUpper(mac)], onlyZeros.MatchString(mac):
			return mac
		case mac == strings.ToUpper(mac):
			return mac[:8] + ":XX:XX:XX"
		}
		return mac[:8] + ":xx:xx:xx"
	})
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
		items := make([]any, len(typed))
		for i, item := range typed {
			items[i] = n.tree(item)
		}
		if !n.ordered {
			sortRows(items)
		}
		return items
	case string:
		return n.text(typed)
	}
	return value
}

func (n *normaliser) member(key string, value any, owner map[string]any) any {
	text, isText := value.(string)
	switch {
	case varies(key, value, owner):
		return "<" + jsonType(value) + ">"
	case key == "digest" && isText && sha1Text.MatchString(text), key == "value" && owner["key"] == "digest":
		return "<digest>"
	case key == "content" && isText:
		types := strings.Split(text, ",")
		slices.Sort(types)
		return strings.Join(types, ",")
	case key == "errors":
		if faults, ok := value.(map[string]any); ok {
			return n.faults(faults)
		}
	}
	return n.tree(value)
}

func varies(key string, value any, owner map[string]any) bool {
	switch value.(type) {
	case map[string]any, []any, nil:
		return false
	}
	_, hasMemory := owner["maxmem"]
	_, hasAvail := owner["avail"]
	_, hasTotal := owner["total"]
	_, hasVolume := owner["volid"]
	return times[key] || strings.HasPrefix(key, "pressure") ||
		owner["status"] == "running" && hasMemory && ofRunning[key] ||
		ofMachine[key] && (owner["type"] == "node" || owner["type"] == "storage" || hasAvail && hasTotal) ||
		key == "used" && hasVolume || key == "size" && owner["content"] == "vztmpl"
}

// faults sorts the lines inside one message: those of a property string come in random order.
func (n *normaliser) faults(faults map[string]any) map[string]any {
	normal := make(map[string]any, len(faults))
	for key, value := range faults {
		text, isText := value.(string)
		if !isText || !strings.HasPrefix(text, "invalid format - format error\n") {
			normal[key] = n.tree(value)
			continue
		}
		lines := faultLine.FindAllString(text, -1)
		slices.Sort(lines[1:])
		normal[key] = n.text(strings.Join(lines, ""))
	}
	return normal
}

func jsonType(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	}
	return "string"
}

func sortRows(rows []any) {
	sort.SliceStable(rows, func(i, j int) bool { return canonical(rows[i]) < canonical(rows[j]) })
}

// canonical is a value as JSON with sorted keys.
func canonical(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
