package main

import (
	"math"
	"slices"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// job is one service of a roll-out with the durations that its tasks and its start-up really had.
type job struct {
	name  string
	deps  []string
	phase int
	// work keeps a slot busy: creation and start. wait is the time from there until the service answers.
	work, wait time.Duration
	// head is the earliest time at which the job can begin, tail the shortest time from the end of its work until all that builds on it is ready.
	head, tail time.Duration
}

// jobs takes the durations of each service from the simulator's log, by its VMID.
func jobs(log []calllog.Entry, services []v1alpha1.NixMoxService) []*job {
	type times struct{ create, created, start, started, ready time.Time }
	byVMID := map[int]*times{}
	for _, e := range log {
		if e.VMID == 0 || e.Kind == calllog.KindCall {
			continue
		}
		t := byVMID[e.VMID]
		if t == nil {
			t = &times{}
			byVMID[e.VMID] = t
		}
		switch {
		case e.Kind == calllog.KindServiceReady:
			t.ready = e.Time
		case e.Kind == calllog.KindTaskStart && e.Type == "vzcreate":
			t.create = e.Time
		case e.Kind == calllog.KindTaskEnd && e.Type == "vzcreate":
			t.created = e.Time
		case e.Kind == calllog.KindTaskStart && e.Type == "vzstart":
			t.start = e.Time
		case e.Kind == calllog.KindTaskEnd && e.Type == "vzstart":
			t.started = e.Time
		}
	}
	var all []*job
	for i := range services {
		svc := &services[i]
		j := &job{name: svc.Name, deps: svc.Spec.DependsOn, phase: int(svc.Status.Phase)}
		if t := byVMID[int(svc.Status.VMID)]; t != nil {
			j.work, j.wait = t.created.Sub(t.create)+t.started.Sub(t.start), t.ready.Sub(t.started)
		}
		all = append(all, j)
	}
	return all
}

// bound is a time that no order of work can be faster than. With the gate Phase the phases follow each other; with Dependencies all is one.
func bound(all []*job, gate v1alpha1.Gate, slots int) time.Duration {
	if gate == v1alpha1.GateDependencies {
		return boundOf(all, slots)
	}
	byPhase := map[int][]*job{}
	for _, j := range all {
		byPhase[j.phase] = append(byPhase[j.phase], j)
	}
	var sum time.Duration
	for _, phase := range byPhase {
		sum += boundOf(phase, slots)
	}
	return sum
}

// boundOf is the bound of jobs that only wait for each other: for every set of jobs that cannot begin before a time h and have at least t
// to go after their work, h + the work shared by the slots + t; the longest chain is the set of one job. Jobs are whole: of n jobs on m
// slots, one slot has at least n/m, rounded up.
func boundOf(all []*job, slots int) time.Duration {
	chains(all)
	heads, tails := steps(all, func(j *job) time.Duration { return j.head }), steps(all, func(j *job) time.Duration { return j.tail })
	var best time.Duration
	for _, j := range all {
		best = max(best, j.head+j.work+j.tail)
	}
	for _, h := range heads {
		for _, t := range tails {
			var work time.Duration
			least, n := time.Duration(math.MaxInt64), 0
			for _, j := range all {
				if j.head >= h && j.tail >= t {
					work, least, n = work+j.work, min(least, j.work), n+1
				}
			}
			if n > 0 {
				rounds := (n + slots - 1) / slots
				best = max(best, h+t+max(work/time.Duration(slots), time.Duration(rounds)*least))
			}
		}
	}
	return best
}

// steps are at most 30 of the values that occur.
func steps(all []*job, of func(*job) time.Duration) []time.Duration {
	var values []time.Duration
	for _, j := range all {
		values = append(values, of(j))
	}
	slices.Sort(values)
	values = slices.Compact(values)
	var few []time.Duration
	for i := 0; i < len(values); i += 1 + len(values)/30 {
		few = append(few, values[i])
	}
	return few
}

// graph is the jobs by name, and what builds on each.
type graph struct {
	byName   map[string]*job
	children map[string][]*job
}

// chains fills in heads and tails.
func chains(all []*job) {
	g := graph{byName: map[string]*job{}, children: map[string][]*job{}}
	for _, j := range all {
		g.byName[j.name], j.head, j.tail = j, -1, -1
	}
	for _, j := range all {
		for _, d := range j.deps {
			g.children[d] = append(g.children[d], j)
		}
	}
	for _, j := range all {
		g.head(j)
		g.tail(j)
	}
}

// head of a job; what is not among the jobs holds nothing up.
func (g graph) head(j *job) time.Duration {
	if j.head < 0 {
		j.head = 0
		for _, d := range j.deps {
			if dep := g.byName[d]; dep != nil {
				j.head = max(j.head, g.head(dep)+dep.work+dep.wait)
			}
		}
	}
	return j.head
}

func (g graph) tail(j *job) time.Duration {
	if j.tail < 0 {
		j.tail = j.wait
		for _, child := range g.children[j.name] {
			j.tail = max(j.tail, j.wait+child.work+g.tail(child))
		}
	}
	return j.tail
}
