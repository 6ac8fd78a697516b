// Package demo is the ten-service sample stack on simulated parts: it applies the stack, follows it until all is ready and judges from
// the simulator's call log, from outside the controller, whether the order was kept and how near the time came to its lower bound.
// `make demo-check` and the standalone binary's demo use it; nothing of the controller does.
package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// Service is what the judge needs to know of one service of a roll-out.
type Service struct {
	Name      string
	VMID      int
	Phase     int
	DependsOn []string
}

// Rollout is a roll-out that is over.
type Rollout struct {
	Services []Service
	// Slots is how much may be created and started at once: nodes times maxConcurrent.
	Slots int
	Log   []calllog.Entry
}

// times are a container's, as the simulator logged them.
type times struct {
	createStart, createEnd time.Time
	startStart, startEnd   time.Time
	ready                  time.Time
}

func (t times) complete() bool {
	return !t.createStart.IsZero() && !t.createEnd.IsZero() && !t.startStart.IsZero() && !t.startEnd.IsZero() && !t.ready.IsZero()
}

// work is the time that the container keeps a slot busy; span is that and the time until its service is ready.
func (t times) work() time.Duration {
	return t.createEnd.Sub(t.createStart) + t.startEnd.Sub(t.startStart)
}
func (t times) span() time.Duration { return t.work() + t.ready.Sub(t.startEnd) }

// Judgement is what the call log says about a roll-out.
type Judgement struct {
	// Phases is how many there were.
	Phases int
	// Violations are services that began before something that they build on was ready, and whatever else is not as it should be.
	Violations []string
	// Bound is the shortest time in which the roll-out could have been done with the durations that its tasks and services really had.
	Bound time.Duration
	// Calls is the number of all API calls.
	Calls int
}

// Judge reads the log. The first creation and start of a container count.
func Judge(r Rollout) Judgement {
	j := Judgement{}
	byVMID := read(r.Log)
	for _, e := range r.Log {
		if e.Kind == calllog.KindCall {
			j.Calls++
		}
	}
	byName := map[string]times{}
	var members []Member
	for _, s := range r.Services {
		t := byVMID[s.VMID]
		if !t.complete() {
			j.Violations = append(j.Violations, fmt.Sprintf("%s: the log does not show its creation, start and readiness", s.Name))
			continue
		}
		byName[s.Name] = t
		members = append(members, Member{s.Name, s.Phase, s.DependsOn, []time.Time{t.createStart, t.startStart}, t.ready})
		j.Phases = max(j.Phases, s.Phase)
	}
	j.Violations = append(j.Violations, duplicates(r)...)
	j.Violations = append(j.Violations, EarlyBirds(members)...)
	for phase := 1; phase <= j.Phases; phase++ {
		j.Bound += phaseBound(r, phase, byName)
	}
	return j
}

func read(log []calllog.Entry) map[int]times {
	byVMID := map[int]times{}
	for _, e := range log {
		t := byVMID[e.VMID]
		switch {
		case e.Kind == calllog.KindTaskStart && e.Type == "vzcreate":
			first(&t.createStart, e.Time)
		case e.Kind == calllog.KindTaskEnd && e.Type == "vzcreate":
			first(&t.createEnd, e.Time)
		case e.Kind == calllog.KindTaskStart && e.Type == "vzstart":
			first(&t.startStart, e.Time)
		case e.Kind == calllog.KindTaskEnd && e.Type == "vzstart":
			first(&t.startEnd, e.Time)
		case e.Kind == calllog.KindServiceReady:
			// A container may hold several simulated services: it is ready with the last.
			if e.Time.After(t.ready) {
				t.ready = e.Time
			}
		}
		byVMID[e.VMID] = t
	}
	return byVMID
}

func first(into *time.Time, at time.Time) {
	if into.IsZero() {
		*into = at
	}
}

// duplicates are containers that were created more than once, or that belong to no service.
func duplicates(r Rollout) []string {
	var found []string
	created := map[int]int{}
	for _, e := range r.Log {
		if e.Kind == calllog.KindTaskEnd && e.Type == "vzcreate" && e.ExitStatus == "OK" {
			created[e.VMID]++
		}
	}
	for vmid, n := range created {
		if n > 1 {
			found = append(found, fmt.Sprintf("container %d was created %d times", vmid, n))
		}
		if !slices.ContainsFunc(r.Services, func(s Service) bool { return s.VMID == vmid }) {
			found = append(found, fmt.Sprintf("container %d belongs to no service", vmid))
		}
	}
	slices.Sort(found)
	return found
}

// Member is a service as EarlyBirds looks at it: when its creations and starts began, and when it was ready. Who never began is only
// waited for.
type Member struct {
	Name      string
	Phase     int
	DependsOn []string
	Began     []time.Time
	Ready     time.Time
}

// EarlyBirds are services that began before a service of an earlier phase, or one that they depend on, was ready.
func EarlyBirds(members []Member) []string {
	var found []string
	for _, mine := range members {
		for _, other := range members {
			if other.Phase >= mine.Phase && !slices.Contains(mine.DependsOn, other.Name) {
				continue
			}
			if slices.ContainsFunc(mine.Began, func(at time.Time) bool { return at.Before(other.Ready) }) {
				found = append(found, fmt.Sprintf("%s (phase %d) began before %s (phase %d) was ready", mine.Name, mine.Phase, other.Name, other.Phase))
			}
		}
	}
	return found
}

// phaseBound is the shortest time for one phase: its longest chain of dependencies, or its work shared by the slots.
func phaseBound(r Rollout, phase int, byName map[string]times) time.Duration {
	var members []Service
	var work time.Duration
	for _, s := range r.Services {
		if s.Phase == phase {
			members = append(members, s)
			work += byName[s.Name].work()
		}
	}
	var longest time.Duration
	for _, s := range members {
		longest = max(longest, chain(s, members, byName))
	}
	return max(longest, work/time.Duration(max(r.Slots, 1)))
}

// chain is the time from the beginning of the phase until the service can be ready. The graph has no circle: all of it was rolled out.
func chain(s Service, members []Service, byName map[string]times) time.Duration {
	var before time.Duration
	for _, m := range members {
		if slices.Contains(s.DependsOn, m.Name) {
			before = max(before, chain(m, members, byName))
		}
	}
	return before + byName[s.Name].span()
}
