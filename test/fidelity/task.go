package fidelity

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// task waits for the end of the task that an answer names, and tells how it ended: its exit status and the last line of
// its log. It is "none" if the answer names no task.
func (c *conversation) task(ctx context.Context, answer *Answer, normal *normaliser) (any, error) {
	if answer == nil {
		return "none", nil
	}
	upid, ok := answer.upid()
	if !ok {
		return "none", nil
	}
	end, err := c.runner.waitForTask(ctx, upid)
	return normal.tree(end), err
}

func (r *Runner) waitForTask(ctx context.Context, upid string) (map[string]any, error) {
	base := fmt.Sprintf("/nodes/%s/tasks/%s", strings.Split(upid, ":")[1], upid)
	deadline := time.Now().Add(taskPatience)
	for {
		status, err := r.get(ctx, base+"/status", nil)
		if err != nil {
			return nil, err
		}
		switch {
		case status.Status != 200:
			return taskEnd(fmt.Sprintf("no status: %d %s", status.Status, status.Reason), nil), nil
		case status.At("data.status") == "stopped":
			log, err := r.get(ctx, base+"/log", map[string]any{"limit": 0})
			if err != nil {
				return nil, err
			}
			return taskEnd(status.At("data.exitstatus"), lastLine(log)), nil
		case time.Now().After(deadline):
			return taskEnd(fmt.Sprintf("still running after %s", taskPatience), nil), nil
		}
		if err := sleep(ctx, r.pause()); err != nil {
			return nil, err
		}
	}
}

func taskEnd(exit, last any) map[string]any {
	return map[string]any{"exitstatus": exit, "last_line": last}
}

func lastLine(log *Answer) any {
	lines, _ := log.At("data").([]any)
	if len(lines) == 0 {
		return nil
	}
	return log.At(fmt.Sprintf("data.%d.t", len(lines)-1))
}
