package inventory

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// tasks are our own open tasks of one Proxmox, polled together: one call a node, whatever their number.
type tasks struct {
	mu        sync.Mutex
	open      map[proxmox.UPID]*openTask
	ended     map[proxmox.UPID]proxmox.TaskStatus
	durations durations
	kick      chan struct{}
}

type openTask struct {
	began time.Time
	next  time.Time
	// ran is the age at which the task was last seen to run, and asked how often that was after it should have ended.
	ran   time.Duration
	asked int
}

func newTasks() tasks {
	return tasks{open: map[proxmox.UPID]*openTask{}, ended: map[proxmox.UPID]proxmox.TaskStatus{}, durations: durations{}, kick: make(chan struct{}, 1)}
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
	t.open[upid] = &openTask{began: now, next: now.Add(t.durations.first(kindOf(upid)))}
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

func kindOf(upid proxmox.UPID) kind { return kind{upid.Node, upid.Type} }

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

// nextPoll is when the next node is to be asked. Tasks of a node that should end at nearly the same time share one question: it comes when
// the last of them is due.
func (t *tasks) nextPoll() (next time.Time, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	earliest := map[string]time.Time{}
	for upid, o := range t.open {
		if at, known := earliest[upid.Node]; !known || o.next.Before(at) {
			earliest[upid.Node] = o.next
		}
	}
	last := maps.Clone(earliest)
	for upid, o := range t.open {
		within := earliest[upid.Node].Add(t.durations.patience(kindOf(upid)))
		if o.next.After(last[upid.Node]) && !o.next.After(within) {
			last[upid.Node] = o.next
		}
	}
	for _, at := range last {
		if !any || at.Before(next) {
			next, any = at, true
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
	for _, upid := range upids { // first those that teach what to expect of the others
		open, still := t.open[upid]
		if status, answered := statuses[upid]; still && answered && !status.Running {
			t.learn(upid, open, status, now)
			delete(t.open, upid)
			t.ended[upid] = status
			wake = append(wake, upid.VMID())
		}
	}
	for _, upid := range upids {
		if open, still := t.open[upid]; still {
			_, answered := statuses[upid]
			t.runs(open, kindOf(upid), answered, now)
		}
	}
	t.mu.Unlock()
	for _, vmid := range wake {
		i.opts.OnGuest(vmid)
	}
}

// learn takes in a task that has ended well; what failed says nothing of how long the work takes. The lock is held.
func (t *tasks) learn(upid proxmox.UPID, open *openTask, status proxmox.TaskStatus, now time.Time) {
	if !status.OK() {
		return
	}
	var took time.Duration
	if !status.EndTime.IsZero() {
		took = status.EndTime.Sub(status.StartTime)
	}
	taught := t.durations.known(kindOf(upid))
	t.durations.learn(kindOf(upid), open.ran, now.Sub(open.began), took)
	if !taught {
		t.tellOthers(kindOf(upid), now)
	}
}

// long is whether a task is of a kind that takes long. The list says how long it really took.
func (t *tasks) long(upid proxmox.UPID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.durations[kindOf(upid)] > longestAlone/2
}

// tellOthers sets when the same is asked for on nodes where none has ended, now that one has on this node. The lock is held.
func (t *tasks) tellOthers(k kind, now time.Time) {
	for upid, o := range t.open {
		other := kindOf(upid)
		if other.task != k.task || t.durations.known(other) {
			continue
		}
		due := o.began.Add(late(t.durations[k]))
		if due.Before(now) {
			due = now
		}
		if due.Before(o.next) {
			o.next = due
		}
	}
}

// others is whether another node is about to teach how long a task takes: one where the same began earlier, and none has ended. The lock is held.
func (t *tasks) others(open *openTask, k kind) bool {
	for upid, o := range t.open {
		other := kindOf(upid)
		if other.task == k.task && other.node != k.node && !t.durations.known(other) &&
			(o.began.Before(open.began) || o.began.Equal(open.began) && other.node < k.node) {
			return true
		}
	}
	return false
}

// runs sets when a task that runs is asked for next. The lock is held.
func (t *tasks) runs(open *openTask, k kind, answered bool, now time.Time) {
	known := t.durations.known(k)
	due := open.began.Add(t.durations.due(k))
	switch {
	case !answered:
		open.next = now.Add(slowestTaskPoll)
		return
	case known && due.After(now) && (due.After(now.Add(fastestTaskPoll)) || open.next.After(due)):
		// Each question counts for all of the node: those in between come together, whenever the tasks began.
		open.next = now.Add(t.durations.again(k, now.Sub(open.began), 0, false))
	case known && open.next.After(now) && !open.next.After(now.Add(slowestTaskPoll)):
		// Others were due; it keeps its time, unless that is from when nothing was known of its kind.
	default:
		open.next = now.Add(t.durations.again(k, now.Sub(open.began), open.asked, !known && t.others(open, k)))
		open.asked++
	}
	open.ran = now.Sub(open.began)
}

// readTasks asks for one short task by its id and for others by the node's list. Those that the list does not hold are asked for one by one.
func (i *Inventory) readTasks(ctx context.Context, node string, upids []proxmox.UPID) map[proxmox.UPID]proxmox.TaskStatus {
	statuses := make(map[proxmox.UPID]proxmox.TaskStatus, len(upids))
	if len(upids) > 1 || i.tasks.long(upids[0]) {
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
		case proxmox.IsNoSuchTask(err), proxmox.IsForbidden(err):
			// Forbidden: it was begun by a token that we are not any more.
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
