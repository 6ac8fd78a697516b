package pvesim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// defaultDurations are seconds that tasks take on a small installation (observed on 9.2, except for those in the
// second line, which are guesses).
var defaultDurations = map[string]float64{
	"vzcreate": 0.9, "vzstart": 1.9, "vzshutdown": 3.6, "vzdestroy": 0.3,
	"vzstop": 0.6, "vzreboot": 4.5, "resize": 0.4, "vzsnapshot": 0.5, "vzdelsnapshot": 0.5, "vzrollback": 0.7,
	"vzclone": 1.5, "vztemplate": 0.4, "move_volume": 1.5, "vzmigrate": 4, "imgdel": 0.2, "download": 2,
	"vzsuspend": 0.5, "vzresume": 0.5,
}

// archiveSize is how many ended tasks a node remembers.
const archiveSize = 5000

// task is a worker: forked by a call, running without it.
type task struct {
	upid
	name     string // the UPID
	who      identity
	vmid     int
	log      []string
	warnings int
	killed   chan struct{}

	ended      bool
	exitStatus string
	endtime    int64
}

// taskBook holds the tasks of all nodes.
type taskBook struct {
	byName  map[string]*task
	active  []*task
	archive []*task // oldest first
	lastPID int
}

// say adds a line to the task's log.
func (t *task) say(format string, args ...any) { t.log = append(t.log, fmt.Sprintf(format, args...)) }

// warn adds a warning, which makes the exit status WARNINGS: N.
func (t *task) warn(format string, args ...any) {
	t.warnings++
	t.say("WARN: "+format, args...)
}

// fork starts a worker and returns its UPID. work runs with the simulator's lock held, apart from its pauses.
func (s *Simulator) fork(who identity, node, kind string, vmid int, work func(*task) error) string {
	return s.forkID(who, node, kind, strconv.Itoa(vmid), vmid, work)
}

func (s *Simulator) forkID(who identity, node, kind, id string, vmid int, work func(*task) error) string {
	now := time.Now()
	t := &task{
		upid: upid{
			node: node, pid: s.nextPID(), pstart: int(s.elapsed()/(10*time.Millisecond)) + 100000, starttime: now.Unix(),
			kind: kind, id: id, user: who.name(),
		},
		who: who, vmid: vmid, killed: make(chan struct{}),
	}
	t.name = t.String()
	if s.tasks.byName == nil {
		s.tasks.byName = make(map[string]*task)
	}
	s.tasks.byName[t.name] = t
	s.tasks.active = append(s.tasks.active, t)
	s.calls.Write(calllog.Entry{Time: now, Kind: calllog.KindTaskStart, UPID: t.name, Type: kind, Node: node, VMID: vmid})
	if s.closed() {
		s.endTask(t, errClosed) // Close may be waiting already
		return t.name
	}
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		s.lock()
		defer s.mu.Unlock()
		s.endTask(t, s.runTask(t, work))
	}()
	return t.name
}

func (s *Simulator) nextPID() int {
	s.tasks.lastPID = s.tasks.lastPID%4194303 + 1
	return s.tasks.lastPID + 1000
}

func (s *Simulator) runTask(t *task, work func(*task) error) error {
	fault := s.taskFault(t)
	switch {
	case fault == nil:
		return work(t)
	case !fault.AfterEffect:
		if err := s.work(t, 1); err != nil {
			return err
		}
	default:
		if err := work(t); err != nil {
			return err
		}
	}
	if fault.Stuck {
		return errors.New("unexpected status")
	}
	if g := s.guests[t.vmid]; t.kind == "vzcreate" && g != nil {
		s.forget(g) // a creation that fails takes back what it made
	}
	return errors.New(fault.Text)
}

// work lets a share of the task's usual time pass.
func (s *Simulator) work(t *task, share float64) error {
	seconds, set := s.world.Durations[t.kind]
	if !set {
		seconds = defaultDurations[t.kind]
	}
	return s.workFor(t, time.Duration(seconds*share*float64(time.Second)))
}

func (s *Simulator) workFor(t *task, simulated time.Duration) error {
	if !s.pause(simulated, t.killed) {
		return errClosed
	}
	return nil
}

func (s *Simulator) endTask(t *task, err error) {
	now := time.Now()
	t.ended, t.endtime = true, now.Unix()
	switch {
	case err != nil:
		t.exitStatus = strings.ReplaceAll(strings.TrimRight(err.Error(), "\n"), "\n", " ")
		t.say("TASK ERROR: %s", t.exitStatus)
	case t.warnings > 0:
		t.exitStatus = fmt.Sprintf("WARNINGS: %d", t.warnings)
		t.say("TASK %s", t.exitStatus)
	default:
		t.exitStatus = "OK"
		t.say("TASK OK")
	}
	for i, other := range s.tasks.active {
		if other == t {
			s.tasks.active = append(s.tasks.active[:i:i], s.tasks.active[i+1:]...)
			break
		}
	}
	s.tasks.archive = append(s.tasks.archive, t)
	if len(s.tasks.archive) > archiveSize {
		delete(s.tasks.byName, s.tasks.archive[0].name)
		s.tasks.archive = s.tasks.archive[1:]
	}
	s.calls.Write(calllog.Entry{
		Time: now, Kind: calllog.KindTaskEnd, UPID: t.name, Type: t.kind, Node: t.node, VMID: t.vmid, ExitStatus: t.exitStatus,
	})
}
