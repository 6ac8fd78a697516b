package proxmox

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ErrMalformed marks a reply that is not what the API promises: no JSON, no
// data envelope, data of another shape, a body that ends early. The server may
// have done what was asked all the same, see MayHaveHappened.
var ErrMalformed = errors.New("malformed reply")

// Error is a call that did not succeed, whatever the cause: refused by
// Proxmox, lost on the way, or answered with something that we cannot read.
// Every method of Client returns its failures as *Error. Ask the predicates
// (IsNotExist, IsLocked, ...) rather than the fields.
type Error struct {
	// Method and Path of the call. The path has no "/api2/json" and no query.
	Method, Path string
	// Endpoint is the base URL that was asked last.
	Endpoint string
	// Status is the HTTP status, 0 when there was no answer at all.
	Status int
	// Reason is the phrase of the status line. Proxmox puts the first line of
	// its message there, and nothing else before 8.4.
	Reason string
	// Message is the body's message without its trailing newline, or a short
	// plain-text body.
	Message string
	// Fields holds what Proxmox says about single parameters.
	Fields map[string]string
	// Sent tells that the request left us completely: without an answer, its
	// effect is unknown.
	Sent bool
	// FromProxmox tells that the answer has the shape of Proxmox's own, not of
	// a gateway between us.
	FromProxmox bool
	// Err is the network error, or ErrMalformed with a detail; nil for a
	// refusal.
	Err error
}

// Error is one sentence: the call, the status, and Proxmox's own words.
func (e *Error) Error() string {
	call := e.Method + " " + e.Path
	switch {
	case e.Status == 0:
		return fmt.Sprintf("%s: no answer from %s: %v", call, e.Endpoint, e.Err)
	case e.Err != nil:
		return fmt.Sprintf("%s: %d from %s: %v", call, e.Status, e.Endpoint, e.Err)
	default:
		return fmt.Sprintf("%s: %d %s", call, e.Status, e.Says())
	}
}

// Unwrap gives the network error or ErrMalformed.
func (e *Error) Unwrap() error { return e.Err }

// Says is what Proxmox said, on one line: the message with the fields, or the
// reason phrase where there is no message.
func (e *Error) Says() string {
	text := e.Message
	if text == "" {
		text = e.Reason
	}
	if text == "" {
		text = http.StatusText(e.Status)
	}
	if text == "" && isGatewayStatus(e.Status) {
		text = "the node does not answer"
	}
	if len(e.Fields) > 0 {
		text = strings.TrimSuffix(text, ".") + ": " + e.fieldText()
	}
	return oneLine(text)
}

func (e *Error) fieldText() string {
	parts := make([]string, 0, len(e.Fields))
	for _, key := range slices.Sorted(maps.Keys(e.Fields)) {
		parts = append(parts, key+": "+strings.TrimSpace(e.Fields[key]))
	}
	return strings.Join(parts, "; ")
}

// oneLine joins the lines of a text and drops what would spoil a log line.
func oneLine(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	kept := lines[:0]
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "; ")
}

// TaskError is a task that ended badly: the request was accepted and the work
// failed. The predicates understand it as they do *Error, for Proxmox uses the
// same words.
type TaskError struct {
	UPID       UPID
	ExitStatus string
}

// Error names the task and gives its exit status.
func (e *TaskError) Error() string {
	return fmt.Sprintf("task %s of %s on %s failed: %s", e.UPID.Type, e.UPID.ID, e.UPID.Node, e.ExitStatus)
}
