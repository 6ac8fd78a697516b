package inventory

import (
	"context"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

const (
	// A task is asked for at least this often while it runs,
	slowestTaskPoll = time.Second
	// and this often before we know how long its kind takes;
	unknownTaskPoll = 500 * time.Millisecond
	// a node is never asked more often than this.
	fastestTaskPoll = 150 * time.Millisecond
)

// tasks are our own open tasks of one Proxmox, polled together: one call a node, whatever their number.
type tasks struct {
	mu      sync.Mutex
	open    map[proxmox.UPID]*openTask
	ended   map[proxmox.UPID]proxmox.TaskStatus
	typical map[string]time.Duration // by node and kind of work: the next one will take about as long
	kick    chan struct{}
}

type openTask struct {
	began time.Time
	next  time.Time
}

func newTasks() tasks {
	return tasks{open: map[proxmox.UPID]*openTask{}, ended: map[proxmox.UPID]proxmox.TaskStatus{}, typical: map[string]time.Duration{},
		kick: make(chan struct{}, 1)}
}

// Track follows a task until it ends; OnGuest is called then. Tracking it again changes nothing.
func (i *Inventory) Track(upid proxmox.UPID) {
	t := &i.tasks
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.open[upid]; known {
		return
	}
	if _, known := t.ended[upid]; known {
		return
	}
	now := time.Now()
	t.open[upid] = &openTask{began: now, next: now.Add(t.wait(upid, 0))}
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// TaskEnded is how a tracked task ended; ok is false while it runs. A task that Proxmox has forgotten ends with TaskForgotten.
func (i *Inventory) TaskEnded(upid proxmox.UPID) (status proxmox.TaskStatus, ok bool) {
	i.tasks.mu.Lock()
	defer i.tasks.mu.Unlock()
	status, ok = i.tasks.ended[upid]
	return status, ok
}

// ForgetTask drops a task that was acted on.
func (i *Inventory) ForgetTask(upid proxmox.UPID) {
	i.tasks.mu.Lock()
	defer i.tasks.mu.Unlock()
	delete(i.tasks.open, upid)
	delete(i.tasks.ended, upid)
}

// TaskForgotten is the exit status of a task that Proxmox does not know any more: what it did must be read from the container.
const TaskForgotten = "forgotten by Proxmox"

// wait is how long to leave a task alone that began age ago: until its kind is typically done, then in growing steps.
func (t *tasks) wait(upid proxmox.UPID, age time.Duration) time.Duration {
	typical, known := t.typical[upid.Node+" "+upid.Type]
	switch {
	case !known:
		return unknownTaskPoll
	case age < typical:
		return min(typical-age+20*time.Millisecond, slowestTaskPoll)
	default:
		return min(max((age-typical)/2, fastestTaskPoll), unknownTaskPoll)
	}
}

// learn keeps the shortest time seen lately: our own polling makes the others look longer than they were.
func (t *tasks) learn(upid proxmox.UPID, took time.Duration) {
	key := upid.Node + " " + upid.Type
	if typical, known := t.typical[key]; known {
		took = min(took, typical+typical/16)
	}
	t.typical[key] = took
}

func (i *Inventory) followTasks(ctx context.Context) {
	for {
		var timer <-chan time.Time
		if next, any := i.tasks.nextPoll(); any {
			timer = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-i.tasks.kick:
			continue
		case <-timer:
		}
		for node, upids := range i.tasks.due(time.Now()) {
			i.askTasks(ctx, node, upids)
		}
	}
}

func (t *tasks) nextPoll() (next time.Time, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.open {
		if !any || o.next.Before(next) {
			next, any = o.next, true
		}
	}
	return next, any
}

// due are all open tasks of the nodes that have one to be asked for now.
func (t *tasks) due(now time.Time) map[string][]proxmox.UPID {
	t.mu.Lock()
	defer t.mu.Unlock()
	nodes := map[string]bool{}
	for upid, o := range t.open {
		if !o.next.After(now) {
			nodes[upid.Node] = true
		}
	}
	byNode := map[string][]proxmox.UPID{}
	for upid := range t.open {
		if nodes[upid.Node] {
			byNode[upid.Node] = append(byNode[upid.Node], upid)
		}
	}
	return byNode
}

func (i *Inventory) askTasks(ctx context.Context, node string, upids []proxmox.UPID) {
	statuses := i.readTasks(ctx, node, upids)
	now := time.Now()
	var wake []proxmox.VMID
	t := &i.tasks
	t.mu.Lock()
	for _, upid := range upids {
		open, still := t.open[upid]
		if !still {
			continue
		}
		status, answered := statuses[upid]
		if answered && !status.Running {
			t.learn(upid, now.Sub(open.began))
			delete(t.open, upid)
			t.ended[upid] = status
			wake = append(wake, upid.VMID())
			continue
		}
		wait := t.wait(upid, now.Sub(open.began))
		if !answered {
			wait = slowestTaskPoll
		}
		open.next = now.Add(max(wait, fastestTaskPoll))
	}
	t.mu.Unlock()
	for _, vmid := range wake {
		i.opts.OnGuest(vmid)
	}
}

// readTasks asks for one task by its id and for several by the node's list. Those that the list does not hold are asked for one by one.
func (i *Inventory) readTasks(ctx context.Context, node string, upids []proxmox.UPID) map[proxmox.UPID]proxmox.TaskStatus {
	statuses := make(map[proxmox.UPID]proxmox.TaskStatus, len(upids))
	if len(upids) > 1 {
		since := upids[0].StartTime
		for _, u := range upids {
			if u.StartTime.Before(since) {
				since = u.StartTime
			}
		}
		listed, err := i.api.Tasks(ctx, node, proxmox.TaskFilter{Since: since, Limit: 500})
		if err != nil {
			i.opts.Log.V(1).Info("Tasks could not be listed", "node", node, "error", err.Error())
			return statuses
		}
		for _, status := range listed {
			statuses[status.UPID] = status
		}
	}
	for _, upid := range upids {
		if _, known := statuses[upid]; known {
			continue
		}
		status, err := i.api.Task(ctx, upid)
		switch {
		case proxmox.IsNoSuchTask(err):
			statuses[upid] = proxmox.TaskStatus{UPID: upid, ExitStatus: TaskForgotten}
		case err != nil:
			i.opts.Log.V(1).Info("Task could not be read", "upid", upid.String(), "error", err.Error())
		default:
			statuses[upid] = status
		}
	}
	return statuses
}

// FindTask looks for a task of ours on a container that began at or after a time: after a call whose answer was lost.
func (i *Inventory) FindTask(ctx context.Context, node string, vmid proxmox.VMID, kind, user string, since time.Time) (proxmox.UPID, bool, error) {
	// Proxmox compares with whole seconds of its own clock, which may be a little behind ours.
	listed, err := i.api.Tasks(ctx, node, proxmox.TaskFilter{VMID: vmid, Type: kind, Since: since.Add(-5 * time.Second), Limit: 50})
	if err != nil {
		return proxmox.UPID{}, false, err
	}
	for _, status := range listed {
		if status.UPID.User == user && status.UPID.VMID() == vmid {
			return status.UPID, true, nil
		}
	}
	return proxmox.UPID{}, false, nil
}
