package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Kind tells how a parameter was sent; Proxmox treats a JSON boolean otherwise than the text "true".
type Kind int

// The kinds of values. Numbers are texts, as in Perl.
const (
	Text Kind = iota
	Bool
	Null
	Array
	Hash
)

// Value is one parameter as it came in.
type Value struct {
	Kind  Kind
	Text  string
	Items []Value
}

// Values are the parameters of a call.
type Values map[string]Value

// perlName is what Perl calls such a value when a type check fails.
func (v Value) perlName() string {
	switch v.Kind {
	case Bool:
		return "JSON::PP::Boolean"
	case Array:
		return "ARRAY"
	case Hash:
		return "HASH"
	}
	return "'" + v.Text + "'"
}

// ParseJSON reads a JSON object as parameters.
func ParseJSON(data []byte) (Values, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("read JSON parameters: %w", err)
	}
	values := make(Values, len(object))
	for name, raw := range object {
		values[name] = fromJSON(raw)
	}
	return values, nil
}

func fromJSON(raw any) Value {
	switch typed := raw.(type) {
	case nil:
		return Value{Kind: Null}
	case bool:
		if typed {
			return Value{Kind: Bool, Text: "1"}
		}
		return Value{Kind: Bool, Text: "0"}
	case json.Number:
		return Value{Text: perlNumber(string(typed))}
	case string:
		return Value{Text: typed}
	case []any:
		items := make([]Value, len(typed))
		for i, item := range typed {
			items[i] = fromJSON(item)
		}
		return Value{Kind: Array, Items: items}
	default:
		return Value{Kind: Hash}
	}
}

// perlNumber prints a JSON number as Perl does once it has been read: 2.0 becomes 2, 1e3 becomes 1000.
func perlNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(number, 'g', 15, 64)
}
