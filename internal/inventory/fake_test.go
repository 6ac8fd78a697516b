package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// fake is a Proxmox that answers as a test says, and counts.
type fake struct {
	mu        sync.Mutex
	resources proxmox.Resources
	err       error // of every call
	views     map[proxmox.VMID]*proxmox.View
	free      map[proxmox.VMID]bool
	tasks     []proxmox.TaskStatus
	volumes   []proxmox.Volume
	ends      map[proxmox.UPID]time.Time // of tasks that run until then

	calls map[string]int
	read  []proxmox.VMID
	// slow is how long the answer of a read is on its way.
	slow time.Duration
}

func newFake() *fake {
	return &fake{views: map[proxmox.VMID]*proxmox.View{}, free: map[proxmox.VMID]bool{}, ends: map[proxmox.UPID]time.Time{}, calls: map[string]int{}}
}

func (f *fake) call(name string) error {
	f.calls[name]++
	return f.err
}

func (f *fake) Resources(context.Context) (proxmox.Resources, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resources, f.call("resources")
}

func (f *fake) View(_ context.Context, node string, vmid proxmox.VMID) (*proxmox.View, error) {
	defer func() { time.Sleep(f.slow) }()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = append(f.read, vmid)
	if err := f.call("view"); err != nil {
		return nil, err
	}
	if view := f.views[vmid]; view != nil {
		whole := *view
		for _, c := range []**proxmox.Config{&whole.Live, &whole.Future} {
			if *c == nil {
				*c = cmp.Or(view.Live, &proxmox.Config{}) // nothing is pending
			}
		}
		return &whole, nil
	}
	return nil, says(500, fmt.Sprintf("Configuration file 'nodes/%s/lxc/%d.conf' does not exist", node, vmid))
}

func (f *fake) StorageContent(_ context.Context, _, storage, _ string) ([]proxmox.Volume, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("content " + storage); err != nil {
		return nil, err
	}
	var there []proxmox.Volume
	for _, v := range f.volumes {
		if strings.HasPrefix(v.VolID, storage+":") {
			there = append(there, v)
		}
	}
	return there, nil
}

func (f *fake) VMIDFree(_ context.Context, vmid proxmox.VMID) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.free[vmid], f.call("free")
}

func (f *fake) Task(_ context.Context, upid proxmox.UPID) (proxmox.TaskStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("task"); err != nil {
		return proxmox.TaskStatus{}, err
	}
	for _, task := range f.now() {
		if task.UPID == upid {
			return task, nil
		}
	}
	return proxmox.TaskStatus{}, says(400, "no such task")
}

func (f *fake) Tasks(_ context.Context, node string, filter proxmox.TaskFilter) ([]proxmox.TaskStatus, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("tasks"); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(f.now(), func(t proxmox.TaskStatus) bool {
		return t.UPID.Node != node || filter.VMID != 0 && t.UPID.VMID() != filter.VMID || filter.Type != "" && t.UPID.Type != filter.Type ||
			t.StartTime.Before(filter.Since.Truncate(time.Second))
	}), nil
}

// now are the tasks as they stand.
func (f *fake) now() []proxmox.TaskStatus {
	all := slices.Clone(f.tasks)
	for i := range all {
		if end, timed := f.ends[all[i].UPID]; timed {
			if all[i].Running = time.Now().Before(end); !all[i].Running {
				all[i].ExitStatus, all[i].EndTime = "OK", end
			}
		}
	}
	return all
}

func (f *fake) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[name]
}

func (f *fake) reads() []proxmox.VMID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.read)
}

// begin starts a task that takes so long.
func (f *fake) begin(kind string, vmid int, takes time.Duration) proxmox.UPID {
	return f.beginOn("pve1", kind, vmid, takes)
}

func (f *fake) beginOn(node, kind string, vmid int, takes time.Duration) proxmox.UPID {
	f.mu.Lock()
	defer f.mu.Unlock()
	upid := proxmox.UPID{Node: node, PID: uint32(len(f.tasks) + 1), StartTime: time.Now().UTC().Truncate(time.Second), Type: kind, ID: fmt.Sprint(vmid), User: "us"}
	f.tasks = append(f.tasks, proxmox.TaskStatus{UPID: upid, StartTime: upid.StartTime})
	f.ends[upid] = time.Now().Add(takes)
	return upid
}

func says(status int, message string) error {
	return &proxmox.Error{Status: status, FromProxmox: true, Message: message}
}

// woken collects whom the inventory wakes.
type woken struct {
	mu    sync.Mutex
	vmids []proxmox.VMID
	reach int
}

func (w *woken) guests() []proxmox.VMID {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.vmids)
	return w.vmids
}

// running runs a test with an inventory of a fake, in time that passes only while everybody waits.
func running(t *testing.T, f *fake, poll time.Duration, test func(*testing.T, *Inventory, *woken)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &woken{}
		i := New(f, Options{PollInterval: poll, OnGuest: func(vmid proxmox.VMID) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.vmids = append(w.vmids, vmid)
		}, OnReach: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.reach++
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			i.Run(ctx)
		}()
		synctest.Wait()
		test(t, i, w)
		cancel()
		<-ended
	})
}
