package nixmox

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// attrs is an attribute set that knows where it stands and which of its keys were read.
type attrs struct {
	c      *converter
	path   string
	values map[string]any
	read   map[string]bool
}

func newAttrs(c *converter, path string, values map[string]any) *attrs {
	return &attrs{c: c, path: path, values: values, read: map[string]bool{}}
}

// at is the path of a key.
func (a *attrs) at(key string) string {
	if strings.ContainsAny(key, ". ") {
		key = fmt.Sprintf("%q", key)
	}
	if a.path == "" {
		return key
	}
	return a.path + "." + key
}

// keys that were not read yet, sorted. null counts as not there.
func (a *attrs) keys() []string {
	var keys []string
	for _, key := range sortedKeys(a.values) {
		if !a.read[key] && a.values[key] != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func (a *attrs) take(key string) (any, bool) {
	a.read[key] = true
	v, ok := a.values[key]
	return v, ok && v != nil
}

// rest notes every key that was not read.
func (a *attrs) rest(text string) {
	for _, key := range a.keys() {
		a.c.note(a.at(key), text)
		a.read[key] = true
	}
}

// set is the attribute set below a key; an empty one if there is none.
func (a *attrs) set(key string) *attrs {
	v, ok := a.take(key)
	if !ok {
		return newAttrs(a.c, a.at(key), nil)
	}
	values, ok := v.(map[string]any)
	if !ok {
		a.c.problem(a.at(key), "an attribute set is expected, not "+kindOf(v))
	}
	return newAttrs(a.c, a.at(key), values)
}

// text is a string; a number is taken as its digits.
func (a *attrs) text(key string) (string, bool) {
	v, ok := a.take(key)
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	a.c.problem(a.at(key), "a string is expected, not "+kindOf(v))
	return "", false
}

func (a *attrs) boolean(key string) (value, ok bool) {
	v, ok := a.take(key)
	if !ok {
		return false, false
	}
	b, ok := v.(bool)
	if !ok {
		a.c.problem(a.at(key), "true or false is expected, not "+kindOf(v))
	}
	return b, ok
}

// texts is a list of strings, or one string.
func (a *attrs) texts(key string) []string {
	v, ok := a.take(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var texts []string
	for i, item := range list {
		switch item := item.(type) {
		case string:
			texts = append(texts, item)
		case json.Number:
			texts = append(texts, item.String())
		default:
			a.c.problem(fmt.Sprintf("%s[%d]", a.at(key), i), "a string is expected, not "+kindOf(item))
		}
	}
	return texts
}

// integer is a whole number, also one in quotes.
func (a *attrs) integer(key string) (int64, bool) {
	v, ok := a.text(key)
	if !ok {
		return 0, false
	}
	n, err := json.Number(strings.TrimSpace(v)).Int64()
	if err != nil {
		a.c.problem(a.at(key), fmt.Sprintf("a whole number is expected, not %q", v))
		return 0, false
	}
	return n, true
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "an attribute set"
	}
	return "null"
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
