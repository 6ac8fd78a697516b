package fidelity

import (
	"fmt"
	"regexp"
)

// placeholder is {STEP.PATH}, which stands for a value from an earlier answer.
var placeholder = regexp.MustCompile(`\{([\w-]+)\.([\w.-]+)\}`)

// answers are those of the steps so far.
type answers map[string]*Answer

// fillText puts values of earlier answers into a text.
func (a answers) fillText(text string) (string, error) {
	var missing error
	filled := placeholder.ReplaceAllStringFunc(text, func(whole string) string {
		parts := placeholder.FindStringSubmatch(whole)
		var value any
		if answer := a[parts[1]]; answer != nil {
			value = answer.At(parts[2])
		}
		if value == nil {
			missing = fmt.Errorf("no earlier answer has %s", whole)
			return whole
		}
		return plainText(value)
	})
	return filled, missing
}

// fill does so in all texts of a value.
func (a answers) fill(value any) (any, error) {
	switch typed := value.(type) {
	case string:
		return a.fillText(typed)
	case map[string]any:
		return a.fillMap(typed)
	case []any:
		filled := make([]any, len(typed))
		for i, item := range typed {
			var err error
			if filled[i], err = a.fill(item); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return value, nil
}

// fillMap keeps nil apart from empty: an empty form is a body too.
func (a answers) fillMap(parameters map[string]any) (map[string]any, error) {
	if parameters == nil {
		return nil, nil
	}
	filled := make(map[string]any, len(parameters))
	for key, value := range parameters {
		var err error
		if filled[key], err = a.fill(value); err != nil {
			return nil, err
		}
	}
	return filled, nil
}
