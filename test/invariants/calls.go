package invariants

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// recorded are the steps that status.operation holds before their call. A change of the configuration carries the digest under which it
// was decided, which makes a second one harmless.
var recorded = []string{"Create", "Start", "Shutdown", "Grow", "Migrate", "Destroy"}

// WrittenAhead is that before each call there was a version of an object that announced it: this step on this VMID, and no task yet. One
// announcement is good for one call.
func WrittenAhead(r *Record) []string {
	r.prepare()
	var found []string
	sent := map[string]int{}
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if !slices.Contains(recorded, kind) || vmid == 0 {
			continue
		}
		nonce := ""
		if kind == "Create" {
			m, _, _ := marker.Parse(c.Params["description"])
			nonce = m.Nonce
		}
		key := fmt.Sprintf("%s %d %s", kind, vmid, nonce)
		sent[key]++
		announced := 0
		for _, versions := range r.services {
			announced += announcements(versions, kind, vmid, nonce, c.Time)
		}
		if announced < sent[key] {
			found = append(found, fmt.Sprintf("%s %s: %d of %d announced in status.operation (%s of %d)", c.Method, c.Path, announced, sent[key], kind, vmid))
		}
	}
	return found
}

// announcements count how often a service's status began to hold an operation without a task.
func announcements(versions []version, kind string, vmid int, nonce string, until time.Time) int {
	count := 0
	var before *v1alpha1.Operation
	for _, v := range versions {
		op := v.service.Status.Operation
		late := v.Time.After(until) && v.Exact
		if op != nil && !late && op.UPID == "" && op.Kind == kind && int(op.VMID) == vmid && (kind != "Create" || op.Nonce == nonce) && !same(op, before) {
			count++
		}
		before = op
	}
	return count
}

func same(a, b *v1alpha1.Operation) bool {
	return b != nil && b.UPID == "" && a.Kind == b.Kind && a.VMID == b.VMID && a.Nonce == b.Nonce && a.StartedAt.Equal(&b.StartedAt)
}

// taskTypes are the tasks by which Proxmox carries out the steps.
var taskTypes = map[string]string{"Create": "vzcreate", "Start": "vzstart", "Shutdown": "vzshutdown", "Migrate": "vzmigrate", "Destroy": "vzdestroy"}

// DoneWhenEnded is that an operation leaves the status only when no task of it runs: what is written down has happened.
func DoneWhenEnded(r *Record) []string {
	r.prepare()
	var found []string
	for name, versions := range r.services {
		var before *v1alpha1.Operation
		for _, v := range versions {
			op := v.service.Status.Operation
			if before != nil && v.Exact && (op == nil || op.Kind != before.Kind) && r.running(taskTypes[before.Kind], int(before.VMID), v.Time) {
				found = append(found, fmt.Sprintf("the status of %s says that %s of %d is over, and its task runs", name, before.Kind, before.VMID))
			}
			before = op
		}
	}
	return found
}

// running is whether a task of ours of a type runs on a container at a time.
func (r *Record) running(kind string, vmid int, when time.Time) bool {
	open := map[string]bool{}
	for _, e := range r.Log {
		if e.VMID != vmid || e.Type != kind || !strings.Contains(e.UPID, r.Token) || e.Time.After(when) {
			continue
		}
		switch e.Kind {
		case calllog.KindTaskStart:
			open[e.UPID] = true
		case calllog.KindTaskEnd:
			delete(open, e.UPID)
		}
	}
	return len(open) > 0
}

// SentOnce is that the same call does not go out twice with no decision written between: nothing is repeated by the transport.
func SentOnce(r *Record) []string {
	r.prepare()
	var found []string
	last := map[string]time.Time{}
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if !slices.Contains(recorded, kind) {
			continue
		}
		text := fmt.Sprintf("%s %s %v", c.Method, c.Path, sorted(c.Params))
		before, again := last[text]
		last[text] = c.Time
		if !again || r.Writes == nil && kind != "Create" {
			continue
		}
		if !slices.ContainsFunc(r.Writes, func(w time.Time) bool { return w.After(before) && !w.After(c.Time) }) {
			found = append(found, fmt.Sprintf("%s %s (container %d) was sent twice, with nothing written between", c.Method, c.Path, vmid))
		}
	}
	return found
}

func sorted(params map[string]string) []string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, key+"="+params[key])
	}
	return pairs
}

// NotStoppedInItsStart is that a container is not shut down before it was healthy or had the time to start: until its init runs, it
// drops the signal.
func NotStoppedInItsStart(r *Record) []string {
	r.prepare()
	if r.StartGrace == 0 {
		return nil
	}
	var found []string
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if kind != "Shutdown" && kind != "Stop" && (kind != "Migrate" || c.Params["restart"] != "1") {
			continue
		}
		var started time.Time
		for _, e := range r.Log {
			if e.Kind == calllog.KindTaskEnd && e.Type == "vzstart" && e.VMID == vmid && e.Time.Before(c.Time) && !strings.Contains(e.ExitStatus, "fail") {
				started = e.Time
			}
		}
		if age := c.Time.Sub(started); started.IsZero() || age >= r.StartGrace || r.readySince(vmid, started, c.Time) {
			continue
		}
		found = append(found, fmt.Sprintf("%s %s: container %d began to run %v before", c.Method, c.Path, vmid, c.Time.Sub(started).Round(time.Millisecond)))
	}
	return found
}

func (r *Record) readySince(vmid int, from, to time.Time) bool {
	for _, versions := range r.services {
		for _, v := range versions {
			if int(v.service.Status.VMID) == vmid && v.Time.After(from) && !v.Time.After(to.Add(time.Second)) &&
				meta.IsStatusConditionTrue(v.service.Status.Conditions, v1alpha1.ConditionReady) {
				return true
			}
		}
	}
	return false
}
