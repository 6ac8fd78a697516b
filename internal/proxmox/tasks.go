package proxmox

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// TaskStatus is what Proxmox knows of a task.
type TaskStatus struct {
	UPID    UPID
	Running bool
	// ExitStatus is "OK", "WARNINGS: 2" or the error text; "" while it runs.
	ExitStatus string
	StartTime  time.Time
	// EndTime is only known to Tasks, and zero while the task runs.
	EndTime time.Time
}

var warningsPattern = regexp.MustCompile(`^WARNINGS: (\d+)$`)

// OK tells that the task has ended well, with or without warnings.
func (t TaskStatus) OK() bool {
	return !t.Running && (t.ExitStatus == "OK" || warningsPattern.MatchString(t.ExitStatus))
}

// Warnings counts the warnings of a task that ended well; the log has them.
func (t TaskStatus) Warnings() int {
	if found := warningsPattern.FindStringSubmatch(t.ExitStatus); found != nil && !t.Running {
		return int(parseInteger(found[1]))
	}
	return 0
}

// Err is nil while the task runs and if it ended well, else a *TaskError.
func (t TaskStatus) Err() error {
	if t.Running || t.OK() {
		return nil
	}
	return &TaskError{UPID: t.UPID, ExitStatus: t.ExitStatus}
}

// taskRow is a task in a list and as a status object. A list has the exit
// status in "status", and RUNNING or nothing while the task runs.
type taskRow struct {
	UPID       text
	Status     text
	ExitStatus text
	StartTime  integer
	EndTime    integer
}

// Task asks the node of a task how it stands. A task that Proxmox has
// forgotten is IsNoSuchTask.
func (c *Client) Task(ctx context.Context, upid UPID) (TaskStatus, error) {
	where := taskPath(upid, "status")
	var row taskRow
	if err := c.get(ctx, where, nil, &row); err != nil {
		return TaskStatus{}, err
	}
	status := TaskStatus{UPID: upid, StartTime: upid.StartTime}
	switch row.Status {
	case "running":
		status.Running = true
	case "stopped":
		// A worker that died without a last line has no exit status.
		if status.ExitStatus = string(row.ExitStatus); status.ExitStatus == "" {
			status.ExitStatus = "unexpected status"
		}
	default:
		return TaskStatus{}, c.checked(http.MethodGet, where, fmt.Errorf("%w: task status %q", ErrMalformed, row.Status))
	}
	return status, nil
}

// TaskFilter narrows a list of tasks; zero fields do not.
type TaskFilter struct {
	VMID VMID
	// Type is the kind of work, such as "vzcreate".
	Type string
	// Since is the earliest start, to the second.
	Since time.Time
	// Source is "active", "archive" or "all", which is our default.
	Source string
	// Limit is the number of tasks, newest first; 0 means Proxmox's 50.
	Limit int
	// User is "user@realm" or "user@realm!token", compared as a part.
	User string
}

func (f TaskFilter) params() Params {
	params := Params{"source": "all"}
	if f.Source != "" {
		params["source"] = f.Source
	}
	if f.VMID != 0 {
		params.SetInt("vmid", int64(f.VMID))
	}
	if f.Type != "" {
		params["typefilter"] = f.Type
	}
	if !f.Since.IsZero() {
		params.SetInt("since", f.Since.Unix())
	}
	if f.Limit > 0 {
		params.SetInt("limit", int64(f.Limit))
	}
	if f.User != "" {
		params["userfilter"] = f.User
	}
	return params
}

// Tasks lists the tasks of one node, newest first: one call for many open
// tasks. A token sees its own; those of others need Sys.Audit on the node.
func (c *Client) Tasks(ctx context.Context, node string, filter TaskFilter) ([]TaskStatus, error) {
	where := path("nodes", node, "tasks")
	var rows []taskRow
	if err := c.get(ctx, where, filter.params(), &rows); err != nil {
		return nil, err
	}
	tasks := make([]TaskStatus, 0, len(rows))
	for _, row := range rows {
		task, err := row.listed()
		if err != nil {
			return nil, c.checked(http.MethodGet, where, err)
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

func (row taskRow) listed() (TaskStatus, error) {
	upid, err := ParseUPID(string(row.UPID))
	if err != nil {
		return TaskStatus{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	task := TaskStatus{UPID: upid, StartTime: upid.StartTime}
	if row.EndTime > 0 {
		task.EndTime = time.Unix(int64(row.EndTime), 0).UTC()
	}
	if row.Status == "RUNNING" || row.Status == "" && row.EndTime == 0 {
		task.Running = true
		return task, nil
	}
	if task.ExitStatus = string(row.Status); task.ExitStatus == "" {
		task.ExitStatus = "unexpected status"
	}
	return task, nil
}

// maxLogLines is more than any task of a container writes.
const maxLogLines = 10000

// TaskLog gives the last lines of a task's log, at most limit (0: all). A log
// that is gone is IsNoSuchTask.
func (c *Client) TaskLog(ctx context.Context, upid UPID, limit int) ([]string, error) {
	where := taskPath(upid, "log")
	var rows []struct {
		N integer
		T text
	}
	if err := c.get(ctx, where, Params{"limit": strconv.Itoa(maxLogLines)}, &rows); err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		lines = append(lines, string(row.T))
	}
	if len(lines) == 1 {
		switch {
		case lines[0] == "no content":
			return nil, nil
		case unreadableLog.MatchString(lines[0]):
			return nil, &Error{
				Method: http.MethodGet, Path: where, Endpoint: c.transport.endpoint().String(),
				Status: http.StatusOK, Sent: true, FromProxmox: true, Message: "no such task: " + lines[0],
			}
		}
	}
	if limit > 0 && len(lines) > limit {
		lines = lines[len(lines)-limit:]
	}
	return lines, nil
}

// unreadableLog is what Proxmox answers, with 200, in the place of a line.
var unreadableLog = regexp.MustCompile(`^unable to open file - `)

func taskPath(upid UPID, below string) string {
	return path("nodes", upid.Node, "tasks", upid.String(), below)
}
