package fidelity

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// canonical is a value as JSON on one line, keys in order and everything but ASCII escaped. Two values are the same if
// their texts are, which keeps 1, 1.0, "1" and true apart; and lists of the recordings stand in the order of these texts.
func canonical(value any) string {
	var text strings.Builder
	writeCanonical(&text, value)
	return text.String()
}

func same(a, b any) bool { return canonical(a) == canonical(b) }

func writeCanonical(to *strings.Builder, value any) {
	switch typed := value.(type) {
	case map[string]any:
		to.WriteByte('{')
		for i, key := range sortedKeys(typed) {
			if i > 0 {
				to.WriteString(", ")
			}
			writeQuoted(to, key)
			to.WriteString(": ")
			writeCanonical(to, typed[key])
		}
		to.WriteByte('}')
	case []any:
		to.WriteByte('[')
		for i, item := range typed {
			if i > 0 {
				to.WriteString(", ")
			}
			writeCanonical(to, item)
		}
		to.WriteByte(']')
	case string:
		writeQuoted(to, typed)
	case json.Number:
		to.WriteString(number(typed))
	case nil:
		to.WriteString("null")
	default:
		fmt.Fprint(to, typed) // bool and int
	}
}

// number writes a fraction in one way, whatever way it came: 0.50 as 0.5.
func number(n json.Number) string {
	if !strings.ContainsAny(n.String(), ".eE") {
		return n.String()
	}
	value, err := n.Float64()
	if err != nil {
		return n.String()
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func writeQuoted(to *strings.Builder, text string) {
	to.WriteByte('"')
	for _, r := range text {
		high, low := utf16.EncodeRune(r)
		switch escape := shortEscapes[r]; {
		case escape != "":
			to.WriteString(escape)
		case r >= ' ' && r < 0x7f:
			to.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(to, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(to, `\u%04x`, r)
		}
	}
	to.WriteByte('"')
}

func sortRows(rows []any) {
	slices.SortStableFunc(rows, func(a, b any) int { return strings.Compare(canonical(a), canonical(b)) })
}

func sortedKeys[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
