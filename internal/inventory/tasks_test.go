package inventory

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestManyOpenTasksAreReadWithOneCall(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, w *woken) {
		var upids []proxmox.UPID
		for vmid := 900; vmid < 930; vmid++ {
			upid := f.begin("vzcreate", vmid, 3*time.Second)
			i.Track(upid)
			i.Track(upid)
			upids = append(upids, upid)
		}
		time.Sleep(2 * time.Second)
		if _, ended := i.TaskEnded(upids[0]); ended {
			t.Error("a task that runs counts as ended")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, upid := range upids {
			if status, ended := i.TaskEnded(upid); !ended || !status.OK() {
				t.Errorf("%s: ended %v, %+v", upid, ended, status)
			}
			i.ForgetTask(upid)
		}
		if got := w.guests(); len(got) != 30 {
			t.Errorf("woken: %v", got)
		}
		calls := f.count("tasks")
		if one := f.count("task"); one > 0 || calls > 3*2+2 {
			t.Errorf("%d lists and %d single reads for 30 tasks of 3 s", calls, one)
		}
		time.Sleep(time.Minute)
		if f.count("tasks") != calls {
			t.Error("nothing is open, and tasks are read")
		}
	})
}

// Once it is known how long a kind of work takes, its end is seen soon, with few calls before.
func TestTheLengthOfTasksIsLearned(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		takes := 4100 * time.Millisecond
		for round := range 3 {
			before, began := f.count("task"), time.Now()
			upid := f.begin("vzcreate", 900, takes)
			i.Track(upid)
			for ended := false; !ended; _, ended = i.TaskEnded(upid) {
				time.Sleep(10 * time.Millisecond)
			}
			late, calls := time.Since(began)-takes, f.count("task")-before
			if round > 0 && (late > 450*time.Millisecond || calls > 7) || late > slowestTaskPoll {
				t.Errorf("round %d: seen %v late after %d calls", round, late, calls)
			}
			i.ForgetTask(upid)
		}
	})
}

// Of several that begin at nearly the same time, the first to end says how long the others will take, also when none of the kind ended before.
func TestTheFirstToEndTeachesWhenToAskForTheOthers(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		const apart, takes = 120 * time.Millisecond, 2 * time.Second
		var upids []proxmox.UPID
		for vmid := 900; vmid < 902; vmid++ {
			upid := f.begin("vzcreate", vmid, takes)
			i.Track(upid)
			upids = append(upids, upid)
			time.Sleep(apart)
		}
		var seen []time.Time
		for _, upid := range upids {
			for ended := false; !ended; _, ended = i.TaskEnded(upid) {
				time.Sleep(time.Millisecond)
			}
			seen = append(seen, time.Now())
		}
		// The question that finds the first ended comes before the second ends; the next comes soon after that, not when it would have anyway.
		if between := seen[1].Sub(seen[0]); between == 0 || between > firstTaskPoll/3 {
			t.Errorf("the second is seen %v after the first", between)
		}
	})
}

// Where the same begins on many nodes at once, one of them is asked often, and teaches the others when theirs should end. A node that is quicker or
// slower than that costs no more than a third of the time, once.
func TestOneNodeTeachesTheOthers(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		const nodes, usual = 20, 30 * time.Second
		takes := map[proxmox.UPID]time.Duration{}
		for n := range nodes {
			took := usual
			switch n {
			case 5:
				took = usual / 3
			case 6:
				took = usual * 2
			}
			upid := f.beginOn(fmt.Sprintf("pve%02d", n), "vzcreate", 900+n, took)
			takes[upid] = took
			i.Track(upid)
			time.Sleep(20 * time.Millisecond)
		}
		began := time.Now()
		late := map[proxmox.UPID]time.Duration{}
		for len(late) < nodes {
			time.Sleep(10 * time.Millisecond)
			for upid, took := range takes {
				if _, seen := late[upid]; seen {
					continue
				}
				if _, ended := i.TaskEnded(upid); ended {
					late[upid] = time.Since(began) - took
				}
			}
		}
		for upid, by := range late {
			if by > takes[upid]/3 || takes[upid] == usual && by > slowestTaskPoll {
				t.Errorf("the end on %s is seen %v late", upid.Node, by)
			}
		}
		if asked := f.count("task"); asked > 19*nodes {
			t.Errorf("%d questions for %d tasks, of which one teaches", asked, nodes)
		}
	})
}

// The questions in between, while tasks should still be running, are for all of a node at once, whenever each began.
func TestLongTasksAreAskedForTogether(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		const takes, many = 40 * time.Second, 8
		first := f.begin("vzcreate", 800, takes)
		i.Track(first)
		time.Sleep(takes + slowestTaskPoll)
		if _, ended := i.TaskEnded(first); !ended {
			t.Fatal("the first is not seen to end")
		}
		before := f.count("tasks")
		var upids []proxmox.UPID
		for n := range many {
			upid := f.begin("vzcreate", 900+n, takes)
			i.Track(upid)
			upids = append(upids, upid)
			time.Sleep(time.Second)
		}
		time.Sleep(takes)
		synctest.Wait()
		for _, upid := range upids {
			if _, ended := i.TaskEnded(upid); !ended {
				t.Errorf("%s is not seen to end", upid)
			}
		}
		// Four times in between, and once or twice for each end.
		if asked := f.count("tasks") - before; asked > 2*many+int(takes/longestAlone)+1 {
			t.Errorf("%d questions for %d tasks", asked, many)
		}
	})
}

func TestATaskThatFailsSaysNothingOfTheOthers(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		upid := f.begin("vzcreate", 900, time.Hour)
		f.mu.Lock()
		delete(f.ends, upid)
		f.tasks[0].ExitStatus = "unable to create CT 900 - no space left"
		f.mu.Unlock()
		i.Track(upid)
		time.Sleep(time.Second)
		synctest.Wait()
		if status, ended := i.TaskEnded(upid); !ended || status.OK() {
			t.Errorf("ended %t: %+v", ended, status)
		}
		i.tasks.mu.Lock()
		defer i.tasks.mu.Unlock()
		if i.tasks.durations.known(kindOf(upid)) {
			t.Error("a creation that failed at once tells how long creations take")
		}
	})
}

func TestATaskThatProxmoxHasForgottenEndsSo(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, w *woken) {
		upid := proxmox.UPID{Node: "pve1", PID: 7, StartTime: time.Now(), Type: "vzstart", ID: "900"}
		i.Track(upid)
		time.Sleep(time.Second)
		synctest.Wait()
		if status, ended := i.TaskEnded(upid); !ended || status.ExitStatus != TaskForgotten || status.OK() || len(w.guests()) != 1 {
			t.Errorf("ended %v: %+v, woken %v", ended, status, w.guests())
		}
	})
}

func TestAnErrorIsNoEndOfATask(t *testing.T) {
	f := newFake()
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		one, two := f.begin("vzstart", 900, time.Second), f.begin("vzstart", 901, time.Second)
		f.mu.Lock()
		f.err = errors.New("no route to host")
		f.mu.Unlock()
		i.Track(one)
		i.Track(two)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		_, ended := i.TaskEnded(one)
		if calls := f.count("tasks") + f.count("task"); ended || calls > 45 {
			t.Errorf("ended %v, after %d calls", ended, calls)
		}
		f.mu.Lock()
		f.err = nil
		f.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, upid := range []proxmox.UPID{one, two} {
			if status, ended := i.TaskEnded(upid); !ended || !status.OK() {
				t.Errorf("%s: ended %v, %+v", upid, ended, status)
			}
		}
	})
}

func TestFindTask(t *testing.T) {
	began := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	task := func(kind, id, user string, at time.Duration) proxmox.TaskStatus {
		upid := proxmox.UPID{Node: "pve1", StartTime: began.Add(at), Type: kind, ID: id, User: user}
		return proxmox.TaskStatus{UPID: upid, StartTime: upid.StartTime}
	}
	for _, c := range []struct {
		name  string
		tasks []proxmox.TaskStatus
		found bool
	}{
		{"none", nil, false},
		{"ours", []proxmox.TaskStatus{task("vzcreate", "900", "us", time.Second)}, true},
		{"ours, by a clock that is a little behind", []proxmox.TaskStatus{task("vzcreate", "900", "us", -3*time.Second)}, true},
		{"an older one of ours", []proxmox.TaskStatus{task("vzcreate", "900", "us", -time.Minute)}, false},
		{"somebody else's", []proxmox.TaskStatus{task("vzcreate", "900", "them", time.Second)}, false},
		{"another container's", []proxmox.TaskStatus{task("vzcreate", "901", "us", time.Second)}, false},
		{"another kind", []proxmox.TaskStatus{task("vzdestroy", "900", "us", time.Second)}, false},
	} {
		f := newFake()
		f.tasks = c.tasks
		_, found, err := New(f, Options{}).FindTask(t.Context(), "pve1", 900, "vzcreate", "us", began)
		if err != nil || found != c.found {
			t.Errorf("%s: found %v, %v", c.name, found, err)
		}
	}
}

func TestWhoStoppedAContainer(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	task := func(kind, user, exit string, at int) proxmox.TaskStatus {
		id := "900"
		if kind == "stopall" {
			id = ""
		}
		upid := proxmox.UPID{Node: "pve1", StartTime: noon.Add(time.Duration(at) * time.Second), Type: kind, ID: id, User: user}
		return proxmox.TaskStatus{UPID: upid, StartTime: upid.StartTime, EndTime: upid.StartTime.Add(5 * time.Second), ExitStatus: exit}
	}
	for _, c := range []struct {
		name  string
		tasks []proxmox.TaskStatus // newest first
		want  string
	}{
		{"nobody: it fell after its start", []proxmox.TaskStatus{task("vzstart", "us", "OK", 0)}, ""},
		{"nobody that we may see", nil, ""},
		{"eve killed it", []proxmox.TaskStatus{task("vzstop", "eve", "OK", 60), task("vzstart", "us", "OK", 0)}, "eve"},
		{"eve shut it down", []proxmox.TaskStatus{task("vzshutdown", "eve", "OK", 60), task("vzstart", "us", "OK", 0)}, "eve"},
		{"eve tried in vain, and it fell", []proxmox.TaskStatus{task("vzshutdown", "eve", "container did not stop", 60), task("vzstart", "us", "OK", 0)}, ""},
		{"eve stopped it and started it, and it fell", []proxmox.TaskStatus{task("vzstart", "eve", "OK", 90), task("vzstop", "eve", "OK", 60)}, ""},
		{"something else was done since", []proxmox.TaskStatus{task("vzsnapshot", "eve", "OK", 90), task("vzstop", "eve", "OK", 60)}, "eve"},
		{"its node went down with all", []proxmox.TaskStatus{task("vzshutdown", "root@pam", "OK", 62), task("stopall", "root@pam", "OK", 60), task("vzstart", "us", "OK", 0)}, ""},
		{"an older shutdown of the node has nothing to do with it", []proxmox.TaskStatus{task("vzstop", "eve", "OK", 60), task("stopall", "root@pam", "OK", 0)}, "eve"},
	} {
		f := newFake()
		f.tasks = c.tasks
		got, err := New(f, Options{}).StoppedBy(t.Context(), "pve1", 900)
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}
