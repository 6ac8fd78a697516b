package controllers_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// logbook collects the simulator's call log.
type logbook struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *logbook) writer() io.Writer { return b }

func (b *logbook) entries() []calllog.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries, _ := calllog.Read(bytes.NewReader(b.data.Bytes()))
	return entries
}

// at is when the first entry of a kind, a type of task ("" for any) and a container was logged.
func (b *logbook) at(kind calllog.Kind, task string, vmid int) time.Time {
	for _, e := range b.entries() {
		if e.Kind == kind && e.VMID == vmid && (task == "" || e.Type == task) {
			return e.Time
		}
	}
	return time.Time{}
}

// calls counts the calls of a method whose path ends so.
func (b *logbook) calls(wanted func(calllog.Entry) bool) int {
	n := 0
	for _, e := range b.entries() {
		if e.Kind == calllog.KindCall && wanted(e) {
			n++
		}
	}
	return n
}

// quiet keeps the controller's log for a test that fails. A test that is over gets no more lines.
type quiet struct{ *testing.T }

// Log writes a line unless the test has ended.
func (q quiet) Log(args ...any) {
	if q.T.Context().Err() == nil {
		q.T.Log(args...)
	}
}
