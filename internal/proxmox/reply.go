package proxmox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// maxPlainText bounds how much of a body that is not JSON is kept as message:
// Proxmox's plain texts are a line, a gateway's are pages.
const maxPlainText = 512

// errBrokenOff is a reply of which only a part arrived.
var errBrokenOff = errors.New("the body broke off")

// readReply reads a whole body, up to maxReply, and closes it.
func readReply(body io.ReadCloser) ([]byte, error) {
	defer func() { _ = body.Close() }()
	data, err := io.ReadAll(io.LimitReader(body, maxReply+1))
	if err != nil {
		return data, err
	}
	if len(data) > maxReply {
		return nil, fmt.Errorf("it is longer than %d MiB", maxReply>>20)
	}
	return data, nil
}

// judge fills the error from a reply and tells whether it is one. readErr is
// what went wrong while the body was read.
func (e *Error) judge(response *http.Response, body []byte, readErr error) (failed bool) {
	e.Sent = true
	e.Status = response.StatusCode
	e.Reason = printable(strings.TrimSpace(strings.TrimPrefix(response.Status, fmt.Sprint(response.StatusCode))))
	if e.Status >= 200 && e.Status < 300 {
		switch {
		case readErr != nil:
			e.Err = fmt.Errorf("%w: %w: %w", ErrMalformed, errBrokenOff, readErr)
		default:
			e.Err = checkEnvelope(body)
		}
		return e.Err != nil
	}
	// A refusal is a refusal, however poor its body.
	e.readRefusal(body, response.Header.Get("Content-Type"))
	return true
}

// checkEnvelope makes sure that a success has the shape {"data": ...}, which
// go-proxmox takes for granted.
func checkEnvelope(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return fmt.Errorf("%w: the body is empty", ErrMalformed)
	}
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("%w: the body is not a JSON object: %w", ErrMalformed, err)
	}
	if _, found := envelope["data"]; !found {
		return fmt.Errorf("%w: the body has no data", ErrMalformed)
	}
	return nil
}

// readRefusal takes what there is to take: Proxmox's JSON (message only since
// 8.4), the plain text of its HTTP layer, or nothing but the reason phrase.
func (e *Error) readRefusal(body []byte, contentType string) {
	var refusal struct {
		Message text        `json:"message"`
		Errors  fieldErrors `json:"errors"`
	}
	ownReason := e.Reason != "" && e.Reason != http.StatusText(e.Status)
	if isJSONObject(body) && json.Unmarshal(body, &refusal) == nil {
		e.Message = printable(strings.TrimSpace(string(refusal.Message)))
		e.Fields = refusal.Errors
		e.FromProxmox = ownReason || e.Message != "" || len(e.Fields) > 0 || bytes.Contains(body, []byte(`"data"`))
		return
	}
	e.FromProxmox = ownReason && !isGatewayStatus(e.Status)
	// Its own plain text repeats the reason; half a JSON object says nothing.
	if !ownReason && !isJSONObject(body) && !strings.Contains(contentType, "html") {
		plain := printable(strings.TrimSpace(string(body)))
		if runes := []rune(plain); len(runes) > maxPlainText {
			plain = string(runes[:maxPlainText]) + "..."
		}
		e.Message = plain
	}
}

// fieldErrors is what Proxmox says about single parameters: a sentence each, or
// something nested that is kept as it is.
type fieldErrors map[string]string

func (f *fieldErrors) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if json.Unmarshal(data, &raw) != nil || len(raw) == 0 {
		return nil
	}
	*f = make(fieldErrors, len(raw))
	for key, value := range raw {
		sentence := scalarText(value)
		if sentence == "" {
			sentence = string(value)
		}
		(*f)[printable(key)] = printable(strings.TrimSpace(sentence))
	}
	return nil
}

func isJSONObject(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) > 0 && trimmed[0] == '{'
}

// printable drops control characters other than line ends, and bytes that are
// no UTF-8: error texts go into logs and status fields.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// redact blanks secrets wherever the server may have repeated them.
func (e *Error) redact(secrets []string) {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "[withheld]", url.QueryEscape(secret), "[withheld]")
		}
	}
	replacer := strings.NewReplacer(pairs...)
	e.Reason, e.Message = replacer.Replace(e.Reason), replacer.Replace(e.Message)
	for key, value := range e.Fields {
		e.Fields[key] = replacer.Replace(value)
	}
}
