package fidelity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint is where the API is, and the tokens that the scenarios name.
type Endpoint struct {
	// URL is without /api2/json.
	URL    string
	Node   string
	Tokens map[string]string // name, then user@realm!name=secret
	Client *http.Client
}

// reply is an answer as it came.
type reply struct {
	status      int
	reason      string
	contentType string
	text        string
	body        any
	isJSON      bool
}

type request struct {
	method, path  string
	query, form   map[string]any
	json          map[string]any
	raw           *string
	contentType   string
	authorization string
}

func (e *Endpoint) authorization(token string) string { return "PVEAPIToken=" + e.Tokens[token] }

func (e *Endpoint) call(ctx context.Context, r request) (*reply, error) {
	target := e.URL + "/api2/json" + escapePath(r.path)
	if len(r.query) > 0 {
		target += "?" + encode(r.query)
	}
	var body io.Reader
	contentType := ""
	switch {
	case r.form != nil:
		body, contentType = strings.NewReader(encode(r.form)), "application/x-www-form-urlencoded"
	case r.json != nil:
		data, err := json.Marshal(r.json)
		if err != nil {
			return nil, fmt.Errorf("encode parameters: %w", err)
		}
		body, contentType = bytes.NewReader(data), "application/json"
	case r.raw != nil:
		body, contentType = strings.NewReader(*r.raw), r.contentType
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if contentType != "" {
		sent.Header.Set("Content-Type", contentType)
	}
	if r.authorization != "" {
		sent.Header.Set("Authorization", r.authorization)
	}
	response, err := e.Client.Do(sent)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	answer := &reply{status: response.StatusCode, contentType: response.Header.Get("Content-Type"), text: string(text)}
	_, answer.reason, _ = strings.Cut(response.Status, " ")
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	answer.isJSON = decoder.Decode(&answer.body) == nil
	return answer, nil
}

// escapePath escapes what a path may not hold, and leaves UPIDs and volume names readable.
func escapePath(path string) string {
	return (&url.URL{Path: path}).EscapedPath()
}

// encode makes a form; a list repeats its key.
func encode(params map[string]any) string {
	values := make(url.Values)
	for key, value := range params {
		if list, isList := value.([]any); isList {
			for _, item := range list {
				values.Add(key, plain(item))
			}
			continue
		}
		values.Add(key, plain(value))
	}
	return values.Encode()
}

func plain(value any) string {
	if text, isText := value.(string); isText {
		return text
	}
	return fmt.Sprint(value)
}

// value is what stands at a dotted path, which goes into lists and property strings too; nil if there is nothing.
func (r *reply) value(path string) any {
	here := r.body
	for _, part := range strings.Split(path, ".") {
		switch typed := here.(type) {
		case map[string]any:
			here = typed[part]
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index >= len(typed) {
				return nil
			}
			here = typed[index]
		case string:
			here = nil
			for _, item := range strings.Split(typed, ",") {
				if key, value, found := strings.Cut(item, "="); found && key == part {
					here = value
				}
			}
		default:
			return nil
		}
	}
	return here
}
