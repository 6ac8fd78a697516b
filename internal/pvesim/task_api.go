package pvesim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// Source of this file: PVE/API2/Tasks.pm.

// ownTask reports whether a task was started by the caller, or by a token of the caller's user.
func (c *call) ownTask(user string) bool {
	owner, token, _ := strings.Cut(user, "!")
	return owner == c.who.user && (c.who.token == "" || c.who.token == token)
}

// findTask decodes {upid} and checks that the caller may see it.
func (c *call) decodeUPID() (upid, error) {
	parsed, ok := parseUPID(c.text("upid"))
	if !ok {
		return upid{}, badParameter("upid", "unable to parse worker upid")
	}
	return parsed, nil
}

func (c *call) mayTouchTask(parsed upid, privilege string) error {
	if c.ownTask(parsed.user) {
		return nil
	}
	return c.need("/nodes/"+c.node, privilege)
}

func (c *call) knownTask(parsed upid) *task {
	if parsed.node != c.node {
		return nil
	}
	return c.tasks.byName[parsed.String()]
}

func taskIndex(c *call) (any, error) {
	return []map[string]any{{"name": "log"}, {"name": "status"}}, nil
}

func taskStatus(c *call) (any, error) {
	parsed, err := c.decodeUPID()
	if err != nil {
		return nil, err
	}
	t := c.knownTask(parsed)
	if t == nil {
		return nil, badParameter("upid", "no such task")
	}
	if err := c.mayTouchTask(parsed, "Sys.Audit"); err != nil {
		return nil, err
	}
	row := t.row()
	row["status"] = "running"
	if t.ended {
		row["status"], row["exitstatus"] = "stopped", t.exitStatus
	}
	return row, nil
}

type logLine struct {
	Number int    `json:"n"`
	Text   string `json:"t"`
}

func taskLog(c *call) (any, error) {
	parsed, err := c.decodeUPID()
	if err != nil {
		return nil, err
	}
	if err := c.mayTouchTask(parsed, "Sys.Audit"); err != nil {
		return nil, err
	}
	lines := []string{"unable to open file - No such file or directory"}
	if t := c.knownTask(parsed); t != nil {
		lines = t.log
	}
	if len(lines) == 0 {
		lines = []string{"no content"}
	}
	start, limit := c.number("start", 0), c.number("limit", 50)
	rows := []logLine{}
	for i := start; i < len(lines) && (limit == 0 || i < start+limit); i++ {
		rows = append(rows, logLine{Number: i + 1, Text: lines[i]})
	}
	total := len(lines)
	return &reply{Data: rows, Total: &total}, nil
}

func stopTask(c *call) (any, error) {
	parsed, err := c.decodeUPID()
	if err != nil {
		return nil, err
	}
	if err := c.mayTouchTask(parsed, "Sys.Modify"); err != nil {
		return nil, err
	}
	if t := c.knownTask(parsed); t != nil && !t.ended {
		select {
		case <-t.killed:
		default:
			close(t.killed)
		}
	}
	return nil, nil
}

// nodeTasks lists tasks, newest first. Active ones show their user with the token in it, and a "saved" that is text
// (observed on 9.2).
func nodeTasks(c *call) (any, error) {
	source := c.text("source")
	filter := c.taskFilter()
	rows := []map[string]any{}
	count, start, limit := 0, c.number("start", 0), c.number("limit", 50)
	add := func(t *task, row map[string]any) {
		if t.node != c.node || !filter(t) {
			return
		}
		if count++; count > start && len(rows) < limit {
			rows = append(rows, row)
		}
	}
	if source == "active" || source == "all" {
		for _, t := range slices.Backward(c.tasks.active) {
			row := t.row()
			delete(row, "tokenid")
			row["user"], row["saved"], row["status"] = t.user, "0", "RUNNING"
			add(t, row)
		}
	}
	if source != "active" {
		for _, t := range slices.Backward(c.tasks.archive) {
			if t.node != c.node || !filter(t) {
				continue
			}
			row := t.row()
			row["status"], row["endtime"] = t.exitStatus, t.endtime
			add(t, row)
		}
	}
	if count == 0 {
		return rows, nil // a total of nothing is left out (observed on 9.2)
	}
	return &reply{Data: rows, Total: &count}, nil
}

var warningsStatus = regexp.MustCompile(`^WARNINGS: \d+$`)

func (t *task) statusKind() string {
	switch {
	case !t.ended:
		return "unknown"
	case t.exitStatus == "OK":
		return "ok"
	case warningsStatus.MatchString(t.exitStatus):
		return "warning"
	}
	return "error"
}

// taskFilter is the query of a task list. What the caller may not see is left out, not refused.
func (c *call) taskFilter() func(*task) bool {
	auditor := c.may("/nodes/"+c.node, "Sys.Audit")
	wanted := schema.SplitList(c.text("statusfilter"))
	since, until := int64(c.number("since", 0)), int64(c.number("until", 0))
	userFilter := strings.ToLower(c.text("userfilter"))
	return func(t *task) bool {
		switch {
		case !auditor && !c.ownTask(t.user),
			userFilter != "" && !strings.Contains(strings.ToLower(t.user), userFilter),
			c.has("typefilter") && c.text("typefilter") != "" && t.kind != c.text("typefilter"),
			c.has("vmid") && !taskOf(t.id, c.vmid),
			c.has("since") && t.starttime < since,
			c.has("until") && t.starttime > until,
			c.isSet("errors") && t.exitStatus == "OK",
			len(wanted) > 0 && !slices.Contains(wanted, t.statusKind()):
			return false
		}
		return true
	}
}

// taskOf matches the id of a task with a VMID; ids such as 100-mp0>101-mp0 begin with it.
func taskOf(id string, vmid int) bool {
	text := strconv.Itoa(vmid)
	rest, matches := strings.CutPrefix(id, text)
	return matches && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// clusterTasks lists the newest tasks of all nodes. A token without Sys.Audit sees none, not even its own: the rows are
// compared with the token's name after that was split off (PVE/API2/Cluster.pm).
func clusterTasks(c *call) (any, error) {
	rows := []map[string]any{}
	add := func(t *task) {
		if len(rows) >= 25*len(c.nodes) {
			return
		}
		if !c.may("/", "Sys.Audit") && (c.who.token != "" || t.user != c.who.user) {
			return
		}
		row := t.row()
		if t.ended {
			row["status"], row["endtime"], row["saved"] = t.exitStatus, t.endtime, "1"
		}
		rows = append(rows, row)
	}
	for _, t := range slices.Backward(c.tasks.active) {
		add(t)
	}
	for _, t := range slices.Backward(c.tasks.archive) {
		add(t)
	}
	return rows, nil
}
