package proxmox

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// UPID is the identity of a task: one run of a worker on one node. Ask the
// node that it names; any other answers "no such task".
type UPID struct {
	// Node is where the worker runs.
	Node string
	// PID and PStart are the worker's process id and its start in clock ticks
	// since boot.
	PID    uint32
	PStart uint64
	// StartTime is to the second, in UTC, by the node's clock.
	StartTime time.Time
	// Type is the kind of work: vzcreate, vzstart, vzstop, vzshutdown,
	// vzdestroy, resize, ...
	Type string
	// ID is the VMID for work on a guest; it may be empty or hold other text.
	ID string
	// User is who asked: "user@realm", or "user@realm!token".
	User string
}

var upidPattern = regexp.MustCompile(
	`^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s]*):([^:\s]+):$`)

// ParseUPID reads the text form, trailing colon included.
func ParseUPID(s string) (UPID, error) {
	found := upidPattern.FindStringSubmatch(s)
	if found == nil {
		return UPID{}, fmt.Errorf("%q is not a task id (UPID:node:pid:pstart:starttime:type:id:user:)", s)
	}
	pid, _ := strconv.ParseUint(found[2], 16, 32)
	pstart, _ := strconv.ParseUint(found[3], 16, 64)
	start, _ := strconv.ParseUint(found[4], 16, 32)
	return UPID{
		Node:      found[1],
		PID:       uint32(pid),
		PStart:    pstart,
		StartTime: time.Unix(int64(start), 0).UTC(),
		Type:      found[5],
		ID:        found[6],
		User:      found[7],
	}, nil
}

// String gives the text form that Proxmox takes; "" for the zero UPID.
func (u UPID) String() string {
	if u.IsZero() {
		return ""
	}
	return fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", u.Node, u.PID, u.PStart, u.StartTime.Unix(), u.Type, u.ID, u.User)
}

// IsZero tells that there is no task.
func (u UPID) IsZero() bool { return u.Node == "" && u.Type == "" && u.User == "" }

// VMID is the guest that the task works on, 0 if it works on none. The tasks
// of a volume move name two ("100-mp0>101-mp0"): the first counts.
func (u UPID) VMID() VMID {
	digits := u.ID
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	number, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return VMID(number)
}
