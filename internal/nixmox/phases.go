package nixmox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// givenPhases reads deployment_phases: a list of phases, each a list of names or a set with name and services, or a set of phases by
// name, in the order of the numbers in it.
func (c *converter) givenPhases(m *attrs) []phase {
	v, ok := m.take("deployment_phases")
	if !ok {
		return nil
	}
	where := m.at("deployment_phases")
	var phases []phase
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			phases = append(phases, c.phase(fmt.Sprintf("%s[%d]", where, i), fmt.Sprintf("phase %d", i+1), item))
		}
	case map[string]any:
		keys := sortedKeys(v)
		slices.SortStableFunc(keys, func(a, b string) int {
			return cmp.Or(cmp.Compare(orderOf(a, v[a]), orderOf(b, v[b])), strings.Compare(a, b))
		})
		for _, key := range keys {
			phases = append(phases, c.phase(where+"."+key, key, v[key]))
		}
	default:
		c.problem(where, "a list or an attribute set of phases is expected, not "+kindOf(v))
	}
	return phases
}

func (c *converter) phase(where, name string, v any) phase {
	p := phase{name: name}
	holder := newAttrs(c, where, map[string]any{"services": v})
	if set, ok := v.(map[string]any); ok {
		holder = newAttrs(c, where, set)
		for _, key := range []string{"order", "phase", "number", "priority"} {
			if _, isNumber := set[key].(json.Number); isNumber {
				holder.take(key) // the order was read from it
			}
		}
		for _, key := range []string{"name", "description"} {
			if text, ok := holder.text(key); ok && key == "name" {
				p.name = text
			} else if ok {
				c.note(holder.at(key), "a phase has a name only; not taken over")
			}
		}
	}
	if len(p.name) > 63 {
		c.note(where, "the name of the phase was cut to 63 characters")
		p.name = strings.ToValidUTF8(p.name[:63], "")
	}
	seen := map[string]bool{}
	for _, name := range holder.texts("services") {
		if known, ok := c.names[name]; ok {
			name = known
		}
		if !seen[name] {
			p.services = append(p.services, name)
		}
		seen[name] = true
	}
	holder.rest("unknown key; not taken over")
	return p
}

var digits = regexp.MustCompile(`[0-9]{1,9}`)

// orderOf is a number in the phase itself, else in its name: phase2 comes before phase10.
func orderOf(key string, v any) float64 {
	if set, ok := v.(map[string]any); ok {
		for _, name := range []string{"order", "phase", "number", "priority"} {
			if n, ok := set[name].(json.Number); ok {
				f, _ := n.Float64()
				return f
			}
		}
	}
	if found := digits.FindString(key); found != "" {
		f, _ := strconv.ParseFloat(found, 64)
		return f
	}
	return 0
}
