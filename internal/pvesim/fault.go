package pvesim

import (
	"errors"
	"time"
)

// Fault makes calls or tasks go wrong. Empty conditions match everything.
type Fault struct {
	// Name is how the fault is taken away again.
	Name string `json:"name"`
	// TaskType and VMID say which tasks it is for.
	TaskType string `json:"taskType,omitempty"`
	VMID     int    `json:"vmid,omitempty"`
	// Text is what the task fails with.
	Text string `json:"text,omitempty"`
	// AfterEffect lets the task do its work before it fails.
	AfterEffect bool `json:"afterEffect,omitempty"`
	// Times is how often it strikes; 0 means until it is taken away.
	Times int `json:"times,omitempty"`

	struck int
}

// matchTaskFault finds the fault that a task meets, and counts it.
func (s *Simulator) matchTaskFault(t *task) *Fault {
	for _, fault := range s.faults {
		if fault.TaskType != t.kind || fault.VMID != 0 && fault.VMID != t.vmid {
			continue
		}
		if fault.Times > 0 && fault.struck >= fault.Times {
			continue
		}
		fault.struck++
		return fault
	}
	return nil
}

// AddFault switches a fault on.
func (s *Simulator) AddFault(fault Fault) error {
	if fault.TaskType == "" || fault.Text == "" {
		return errors.New("fault: give taskType and text")
	}
	s.lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault)
	return nil
}

// RemoveFault switches a fault off; "" all of them.
func (s *Simulator) RemoveFault(name string) {
	s.lock()
	defer s.mu.Unlock()
	kept := s.faults[:0]
	for _, fault := range s.faults {
		if name != "" && fault.Name != name {
			kept = append(kept, fault)
		}
	}
	s.faults = kept
}

// HoldConfigLock takes a container's file lock, as a worker that hangs does; calls for it time out until release.
func (s *Simulator) HoldConfigLock(vmid int) (release func(), err error) {
	s.lock()
	defer s.mu.Unlock()
	unlock, err := s.lockConfig(vmid, time.Minute)
	if err != nil {
		return nil, err
	}
	return func() {
		s.lock()
		defer s.mu.Unlock()
		unlock()
	}, nil
}
