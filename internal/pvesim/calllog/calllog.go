// Package calllog is the call log of the simulator: JSON lines that say what was called, which tasks ran, and when a
// simulated service became ready. pvesim writes it; the demo's check and tests read it to prove orders and durations
// from outside the controller. Times are wall-clock times, also when simulated time runs faster.
package calllog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Kind says what a line reports.
type Kind string

// The kinds of lines.
const (
	// KindCall is one answered request. Its time is the arrival; the line is written when the answer is out, so lines of
	// slow calls stand behind later ones.
	KindCall Kind = "call"
	// KindTaskStart is a worker that was forked: its UPID is about to be returned.
	KindTaskStart Kind = "task-start"
	// KindTaskEnd is the end of a worker.
	KindTaskEnd Kind = "task-end"
	// KindServiceReady is a simulated service that began to answer.
	KindServiceReady Kind = "service-ready"
)

// Entry is one line. Only the fields of its kind are set.
type Entry struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`

	// Of a call: Path is below /api2/json; Params hold no secrets; Token is user@realm!name, or empty without one.
	Method string            `json:"method,omitempty"`
	Path   string            `json:"path,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	Status int               `json:"status,omitempty"`
	Reason string            `json:"reason,omitempty"`
	Token  string            `json:"token,omitempty"`

	// Of a task. VMID is 0 for tasks that have none.
	UPID       string `json:"upid,omitempty"`
	Type       string `json:"type,omitempty"`
	Node       string `json:"node,omitempty"`
	VMID       int    `json:"vmid,omitempty"`
	ExitStatus string `json:"exitstatus,omitempty"`

	// Of a service: the container's hostname, and the names under which the service answers.
	Hostname string   `json:"hostname,omitempty"`
	Units    []string `json:"units,omitempty"`
	Answers  []string `json:"answers,omitempty"`
}

// Writer writes entries, from any number of goroutines.
type Writer struct {
	mu      sync.Mutex
	encoder *json.Encoder
	err     error
}

// NewWriter returns a Writer on w. A nil w discards everything.
func NewWriter(w io.Writer) *Writer {
	if w == nil {
		w = io.Discard
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &Writer{encoder: encoder}
}

// Write adds a line. The first failure is kept for Err; a simulator does not stop because its log is full.
func (w *Writer) Write(entry Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.encoder.Encode(entry); err != nil && w.err == nil {
		w.err = fmt.Errorf("write call log: %w", err)
	}
}

// Err is the first failure to write, if any.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Read reads all entries. A last line without its newline is one that is still being written, and is left out.
func Read(r io.Reader) ([]Entry, error) {
	reader := bufio.NewReader(r)
	var entries []Entry
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read call log: %w", err)
		}
		var entry Entry
		if err := json.Unmarshal(line, &entry); err != nil {
			return nil, fmt.Errorf("line %d of the call log is not one of pvesim's: %w", number, err)
		}
		entries = append(entries, entry)
	}
}
