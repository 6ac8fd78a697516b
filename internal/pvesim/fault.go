package pvesim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Fault makes calls or tasks go wrong. It is for tasks if TaskType is set, else for calls; conditions that are left empty
// match everything.
type Fault struct {
	// Name is how the fault is taken away again.
	Name string `json:"name"`

	// TaskType says for which tasks it is: vzcreate, vzstart, ...
	TaskType string `json:"taskType,omitempty"`
	// Method and Path say for which calls it is. Path is below /api2/json, with * for anything: /nodes/*/lxc.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// VMID limits it to one container.
	VMID int `json:"vmid,omitempty"`

	// Times is how often it strikes, 0 for ever; Skip lets that many matches pass first; Probability (0 to 1, default 1)
	// with Seed strikes at random, the same way each time.
	Times       int     `json:"times,omitempty"`
	Skip        int     `json:"skip,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`

	// Text is what a task fails with; a call fails with it as its message if Status is set.
	Text string `json:"text,omitempty"`
	// Stuck kills a task hard: it ends with "unexpected status", and what it left stays, such as lock: create.
	Stuck bool `json:"stuck,omitempty"`
	// AfterEffect does the work first, and fails then.
	AfterEffect bool `json:"afterEffect,omitempty"`

	// Delay holds a call up, in simulated seconds.
	Delay float64 `json:"delay,omitempty"`
	// Status is the answer of a call instead of its own; bodies of 401 and from 595 on are empty.
	Status int `json:"status,omitempty"`
	// Lost closes the connection without an answer.
	Lost bool `json:"lost,omitempty"`
	// Garble spoils a good answer: truncated or malformed.
	Garble string `json:"garble,omitempty"`

	path    *regexp.Regexp
	random  *rand.Rand
	matched int
	struck  int
}

// AddFault switches a fault on.
func (s *Simulator) AddFault(fault Fault) error {
	if err := fault.prepare(); err != nil {
		return fmt.Errorf("fault %q: %w", fault.Name, err)
	}
	s.lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault)
	return nil
}

func (f *Fault) prepare() error {
	if f.TaskType != "" {
		if _, known := defaultDurations[f.TaskType]; !known {
			return fmt.Errorf("there is no task type %q", f.TaskType)
		}
		if f.Text == "" && !f.Stuck {
			return errors.New("give text or stuck")
		}
	} else if f.Delay == 0 && f.Status == 0 && !f.Lost && f.Garble == "" {
		return errors.New("give taskType, or one of delay, status, lost and garble")
	}
	if f.Garble != "" && f.Garble != "truncated" && f.Garble != "malformed" {
		return fmt.Errorf("garble must be truncated or malformed, not %q", f.Garble)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(f.Path), `\*`, ".*")
	if f.Path == "" {
		pattern = ".*"
	}
	f.path = regexp.MustCompile("^" + pattern + "$")
	f.random = rand.New(rand.NewPCG(f.Seed, 1))
	return nil
}

// RemoveFault switches a fault off; "" all of them.
func (s *Simulator) RemoveFault(name string) {
	s.lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(fault *Fault) bool { return name == "" || fault.Name == name })
}

// strikes counts a match and says whether this one goes wrong.
func (f *Fault) strikes() bool {
	f.matched++
	if f.matched <= f.Skip || f.Times > 0 && f.struck >= f.Times {
		return false
	}
	if f.Probability > 0 && f.random.Float64() >= f.Probability {
		return false
	}
	f.struck++
	return true
}

// taskFault finds the fault that a task meets.
func (s *Simulator) taskFault(t *task) *Fault {
	for _, fault := range s.faults {
		if fault.TaskType == t.kind && (fault.VMID == 0 || fault.VMID == t.vmid) && fault.strikes() {
			return fault
		}
	}
	return nil
}

// callFault finds the fault that a call meets.
func (s *Simulator) callFault(method, path string, vmid int) *Fault {
	for _, fault := range s.faults {
		if fault.TaskType == "" && (fault.Method == "" || fault.Method == method) && fault.path.MatchString(path) &&
			(fault.VMID == 0 || fault.VMID == vmid) && fault.strikes() {
			return fault
		}
	}
	return nil
}

// errLost says that the connection is to be closed without an answer.
var errLost = errors.New("lost reply")

// withFault lets a call meet its fault, if it has one: before its effect or after it.
func (s *Simulator) withFault(fault *Fault, run func() (*reply, error)) (*reply, error) {
	if fault == nil {
		return run()
	}
	if fault.Delay > 0 {
		s.lock()
		s.pause(time.Duration(fault.Delay*float64(time.Second)), nil)
		s.mu.Unlock()
	}
	ends := fault.Lost || fault.Status != 0
	if ends && !fault.AfterEffect {
		return nil, fault.end()
	}
	answer, err := run()
	switch {
	case ends:
		return nil, fault.end()
	case err != nil:
		return nil, err
	}
	answer.garble = fault.Garble
	return answer, nil
}

func (f *Fault) end() error {
	if f.Lost {
		return errLost
	}
	empty := f.Status == 401 || f.Status >= 595
	message := f.Text
	if message == "" {
		message = defaultReasons[f.Status]
	}
	return &apiError{status: f.Status, message: message + "\n", bare: empty, empty: empty}
}

// defaultReasons are what Proxmox says with a status most often.
var defaultReasons = map[int]string{
	401: "Authentication failed!", 403: "Permission check failed", 500: "got timeout", 501: "Not implemented",
	595: "No route to host", 596: "Connection timed out", 599: "Too many redirections",
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

// SetQuorum takes the cluster's quorum away, or gives it back. Without it nothing of a container can be written.
func (s *Simulator) SetQuorum(quorate bool) {
	s.lock()
	defer s.mu.Unlock()
	s.noQuorum = !quorate
}
