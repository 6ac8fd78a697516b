package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// tasks remembers the tasks of steps that this process began, until the steps have ended. Their UPIDs are written to the status only when they
// turn out to last (Timing.ShortTask): a write of its own for the id would come at the moment when all others of a phase write too. Whoever is
// restarted in that time finds the task by what was recorded ahead of it, as after an answer that was lost.
type tasks struct {
	mu    sync.Mutex
	begun map[types.NamespacedName]begunTask
}

type begunTask struct {
	upid  proxmox.UPID
	nonce string // of the operation
	at    time.Time
}

func newTasks() *tasks { return &tasks{begun: map[types.NamespacedName]begunTask{}} }

// began notes the task of a service's step under way.
func (t *tasks) began(who types.NamespacedName, op *v1alpha1.Operation, upid proxmox.UPID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun[who] = begunTask{upid: upid, nonce: op.Nonce, at: time.Now()}
}

// of is the task of exactly this step, and for how long it has run.
func (t *tasks) of(who types.NamespacedName, op *v1alpha1.Operation) (upid proxmox.UPID, age time.Duration, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	task, known := t.begun[who]
	if !known || task.nonce != op.Nonce || op.UPID != "" && op.UPID != task.upid.String() {
		return proxmox.UPID{}, 0, false
	}
	return task.upid, time.Since(task.at), true
}

// ended is for a task that was acted on: the service's next may have begun meanwhile.
func (t *tasks) ended(who types.NamespacedName, upid proxmox.UPID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun[who].upid == upid {
		delete(t.begun, who)
	}
}

func (t *tasks) forget(who types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.begun, who)
}
