package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// problem is one thing that is wrong with manifests. Message is, of a set of services, the sentence of NixMox.
type problem struct {
	// Source is the file that holds the object; empty when it is the set that is wrong.
	Source string `json:"source,omitempty"`
	// Object is kind and name.
	Object string `json:"object,omitempty"`
	// Message in short.
	Message string `json:"message"`
	// Details say where and what mends it.
	Details []string `json:"details,omitempty"`
}

// problems are all that is wrong, as an error.
type problems []problem

func (ps problems) Error() string { return strings.TrimSuffix(ps.text(), "\n") }

// text is each problem behind "Error: ", its details below.
func (ps problems) text() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString("Error: ")
		for _, where := range []string{p.Source, p.Object} {
			if where != "" {
				b.WriteString(where + ": ")
			}
		}
		b.WriteString(p.Message + "\n")
		for _, d := range p.Details {
			b.WriteString("  " + d + "\n")
		}
	}
	return b.String()
}

// orNil is an error only if there are problems.
func (ps problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func jsonOf(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return b.Bytes(), nil
}
