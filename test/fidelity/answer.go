package fidelity

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Answer is an answer of the endpoint as it came.
type Answer struct {
	Status      int
	Reason      string
	ContentType string
	Text        string
	// Body is Text read as JSON, if IsJSON.
	Body   any
	IsJSON bool
}

func (a *Answer) readBody() {
	body, err := decode([]byte(a.Text))
	a.Body, a.IsJSON = body, err == nil
}

// decode reads one JSON value and nothing behind it. Numbers stay text, so that 1 and 1.0 stay apart.
func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the value")
	}
	return value, nil
}

// At is the value at a dotted path, such as data.0.name; a path goes into property strings too: data.net0.hwaddr. It is
// nil where there is nothing.
func (a *Answer) At(path string) any {
	here := a.Body
	for _, part := range strings.Split(path, ".") {
		switch value := here.(type) {
		case map[string]any:
			here = value[part]
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(value) {
				return nil
			}
			here = value[index]
		case string:
			here = propertyOf(value, part)
		default:
			return nil
		}
	}
	return here
}

// propertyOf is one value of a property string, nil if it has none of that name.
func propertyOf(text, name string) any {
	var found any
	for _, item := range strings.Split(text, ",") {
		if key, value, ok := strings.Cut(item, "="); ok && key == name {
			found = value
		}
	}
	return found
}

// upid is the task that the answer names, if it names one.
func (a *Answer) upid() (string, bool) {
	text, _ := a.At("data").(string)
	return text, strings.HasPrefix(text, "UPID:")
}

// narrow keeps what the step is about: the rows it selects, without the keys it drops.
func (a *Answer) narrow(step *Step) {
	body, ok := a.Body.(map[string]any)
	if !ok {
		return
	}
	rows, isList := body["data"].([]any)
	if !isList {
		without(body["data"], step.Drop)
		return
	}
	kept := make([]any, 0, len(rows))
	for _, row := range rows {
		if rowMatches(row, step.Select) {
			without(row, step.Drop)
			kept = append(kept, row)
		}
	}
	body["data"] = kept
}

func rowMatches(row any, wanted map[string]any) bool {
	object, isObject := row.(map[string]any)
	for key, value := range wanted {
		if !isObject || !same(object[key], value) {
			return false
		}
	}
	return true
}

func without(row any, keys []string) {
	if object, ok := row.(map[string]any); ok {
		for _, key := range keys {
			delete(object, key)
		}
	}
}

// matches says whether the answer is what a step waits for.
func (a *Answer) matches(wanted map[string]any) bool {
	for path, value := range wanted {
		found := a.At(path)
		if !same(found, value) && (value != "*" || found == nil) {
			return false
		}
	}
	return true
}
