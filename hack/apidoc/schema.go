package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// definition is the part of a CustomResourceDefinition that is shown.
type definition struct {
	Spec struct {
		Names struct {
			ShortNames []string `json:"shortNames"`
		} `json:"names"`
		Versions []struct {
			Columns []struct {
				Name     string `json:"name"`
				Priority int    `json:"priority"`
			} `json:"additionalPrinterColumns"`
			Schema struct {
				OpenAPI schema `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

// schema is the part of an OpenAPI schema that is shown.
type schema struct {
	Description string            `json:"description"`
	Type        string            `json:"type"`
	Format      string            `json:"format"`
	IntOrString bool              `json:"x-kubernetes-int-or-string"`
	Enum        []string          `json:"enum"`
	Default     json.RawMessage   `json:"default"`
	Required    []string          `json:"required"`
	Properties  map[string]schema `json:"properties"`
	Items       *schema           `json:"items"`
	Values      *schema           `json:"additionalProperties"`
	Rules       []struct {
		Message string `json:"message"`
	} `json:"x-kubernetes-validations"`
}

// reference are the columns, the fields of spec and status, and the rules of the object as a whole.
func reference(d definition) string {
	version := d.Spec.Versions[0]
	object := version.Schema.OpenAPI
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", flat(object.Description))
	var always, wide []string
	for _, c := range version.Columns {
		if c.Priority == 0 {
			always = append(always, strings.ToUpper(c.Name))
		} else {
			wide = append(wide, strings.ToUpper(c.Name))
		}
	}
	fmt.Fprintf(&b, "`kubectl get %s` shows %s; `-o wide` adds %s.\n", d.Spec.Names.ShortNames[0], strings.Join(always, ", "), strings.Join(wide, ", "))
	for _, part := range []string{"spec", "status"} {
		s := object.Properties[part]
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| field | type | default | what for |\n|---|---|---|---|\n", part, flat(s.Description))
		rows(&b, "", s)
		for _, r := range rules(s) {
			fmt.Fprintf(&b, "\n*%s*\n", r)
		}
	}
	for _, r := range rules(object) {
		fmt.Fprintf(&b, "\n*%s*\n", r)
	}
	return b.String()
}

// rows writes the fields of an object, required ones first, each followed by its own fields.
func rows(b *strings.Builder, prefix string, s schema) {
	names := slices.SortedFunc(maps.Keys(s.Properties), func(a, z string) int {
		if x, y := slices.Contains(s.Required, a), slices.Contains(s.Required, z); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, z)
	})
	for _, name := range names {
		field := s.Properties[name]
		fallback := string(field.Default)
		if slices.Contains(s.Required, name) && fallback == "" {
			fallback = "required"
		} else if fallback != "" {
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", prefix+name, typeOf(field), cell(fallback), cell(explain(field)))
		switch {
		case name == "conditions":
			// The conditions of Kubernetes, explained in the text.
		case field.Items != nil && len(field.Items.Properties) > 0:
			rows(b, prefix+name+"[].", *field.Items)
		default:
			rows(b, prefix+name+".", field)
		}
	}
}

// explain is the field's text, the values that it may have and the messages of its rules.
func explain(s schema) string {
	text := flat(s.Description)
	if len(s.Enum) > 0 {
		text += " One of `" + strings.Join(s.Enum, "`, `") + "`."
	}
	for _, r := range rules(s) {
		text += " *" + r + "*"
	}
	return text
}

func rules(s schema) []string {
	var messages []string
	for _, r := range s.Rules {
		if r.Message != "" {
			messages = append(messages, r.Message)
		}
	}
	return messages
}

func typeOf(s schema) string {
	switch {
	case s.IntOrString:
		return "number or text"
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeOf(*s.Items)
	case s.Type == "object" && s.Values != nil:
		return "map to " + typeOf(*s.Values)
	case s.Format == "date-time":
		return "time"
	}
	return s.Type
}

// flat is a text on one line.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// cell escapes what would end a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
