package controllers_test

import (
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// logbook is the simulator's call log.
type logbook struct{ *testlab.Logbook }

func (b *logbook) entries() []calllog.Entry { return b.Entries() }

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
