package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Texts that PVE/JSONSchema.pm uses for keys that are missing or unknown.
const (
	missingProperty = "property is missing and it is not optional"
	unknownProperty = "property is not defined in schema and the schema does not allow additional properties"
)

// Check compares the parameters of a call with its description. It returns one message per faulty parameter, and the
// good values as texts. Source of order and texts: PVE/JSONSchema.pm, check_object and check_prop.
func Check(params Props, values Values) (map[string]string, map[string]string) {
	errors := make(map[string]string)
	texts := make(map[string]string, len(values))
	for name, prop := range params {
		if _, given := values[name]; !given && !prop.Optional && !strings.HasSuffix(name, "[n]") {
			errors[name] = missingProperty
		}
	}
	for name, value := range values {
		prop := params.Lookup(name)
		if prop == nil {
			errors[name] = unknownProperty
			continue
		}
		if prop.Requires != "" {
			if required, ok := values[prop.Requires]; !ok || required.Kind == Null {
				errors[prop.Requires] = fmt.Sprintf("missing property required by '%s'", name)
			}
		}
		value = joinList(prop, value)
		if message := checkValue(prop, value, name); message != "" {
			errors[name] = message
			continue
		}
		texts[name] = value.Text
	}
	return texts, errors
}

// joinList joins an array that was sent for a list (PVE/RESTHandler.pm, since Proxmox VE 8).
func joinList(prop *Prop, value Value) Value {
	if value.Kind != Array || prop.Type != "string" || !strings.HasSuffix(prop.Format.Name, "-list") {
		return value
	}
	texts := make([]string, len(value.Items))
	for i, item := range value.Items {
		texts[i] = item.Text
	}
	return Value{Text: strings.Join(texts, ",")}
}

// checkValue returns the message for a value, or "".
func checkValue(prop *Prop, value Value, path string) string {
	if value.Kind == Null {
		if !prop.Optional {
			return missingProperty
		}
		return "" // observed on 9.2: null passes every check and is stored as an empty value
	}
	if !fitsType(prop.Type, value) {
		return fmt.Sprintf("type check ('%s') failed - got %s", prop.Type, value.perlName())
	}
	if value.Kind == Array || value.Kind == Hash {
		return ""
	}
	return checkText(prop, value.Text, path)
}

func checkText(prop *Prop, text, path string) string {
	if err := checkFormat(prop.Format, text, path); err != nil {
		return "invalid format - " + err.Error()
	}
	if prop.pattern != nil && !prop.pattern.MatchString(text) {
		return "value does not match the regex pattern"
	}
	length := utf8.RuneCountInString(text)
	if prop.MaxLength != nil && length > *prop.MaxLength {
		return fmt.Sprintf("value may only be %d characters long", *prop.MaxLength)
	}
	if prop.MinLength != nil && length < *prop.MinLength {
		return fmt.Sprintf("value must be at least %d characters long", *prop.MinLength)
	}
	if number, ok := parseNumber(text); ok {
		if prop.Maximum != nil && number > *prop.Maximum {
			return "value must have a maximum value of " + formatNumber(*prop.Maximum)
		}
		if prop.Minimum != nil && number < *prop.Minimum {
			return "value must have a minimum value of " + formatNumber(*prop.Minimum)
		}
	}
	return checkEnum(prop.Enum, text)
}

func checkEnum(enum []string, text string) string {
	if len(enum) == 0 {
		return ""
	}
	for _, allowed := range enum {
		if allowed == text {
			return ""
		}
	}
	return fmt.Sprintf("value '%s' does not have a value in the enumeration '%s'", text, strings.Join(enum, ", "))
}

var (
	integerText = regexp.MustCompile(`^[+-]?\d+$`)
	numberText  = regexp.MustCompile(`^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$`)
)

func fitsType(wanted string, value Value) bool {
	switch wanted {
	case "", "any":
		return true
	case "array":
		return value.Kind == Array
	case "object":
		return value.Kind == Hash
	}
	if value.Kind == Array || value.Kind == Hash {
		return false
	}
	if value.Kind == Bool {
		return wanted == "boolean"
	}
	switch wanted {
	case "boolean":
		return value.Text == "1" || value.Text == "0"
	case "integer":
		return integerText.MatchString(value.Text)
	case "number":
		return numberText.MatchString(value.Text)
	}
	return true
}

func parseNumber(text string) (float64, bool) {
	if !numberText.MatchString(text) {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil
}

func formatNumber(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }
