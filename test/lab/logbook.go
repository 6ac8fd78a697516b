package lab

import (
	"bytes"
	"sync"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// Logbook collects the simulator's call log.
type Logbook struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write takes what the simulator writes.
func (b *Logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

// Entries are those written so far.
func (b *Logbook) Entries() []calllog.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries, _ := calllog.Read(bytes.NewReader(b.data.Bytes()))
	return entries
}

// Begun counts the tasks of a type that were started on a container, 0 for all containers.
func (b *Logbook) Begun(kind string, vmid int) int {
	n := 0
	for _, e := range b.Entries() {
		if e.Kind == calllog.KindTaskStart && e.Type == kind && (vmid == 0 || e.VMID == vmid) {
			n++
		}
	}
	return n
}
