package manifest

import (
	"slices"
	"strings"
)

// Block says why a service may not go on: problems of its own, or one of
// something that it depends on.
type Block struct {
	// Problems are those that stop the service itself, in the order of the
	// report. Empty if it only depends on a service that is stopped.
	Problems []*Problem
	// Through is then the direct dependency by which the nearest stopped service
	// is reached. Zero if Problems is not empty.
	Through Key
	// Cause is the first of Problems that needs an edit, else the first of them,
	// or the cause of the block behind Through.
	Cause *Problem

	through string
}

// NeedsEdit says that the service's own problems do not go away by waiting.
// One that is held by another's problem waits, whatever that is.
func (b Block) NeedsEdit() bool {
	return slices.ContainsFunc(b.Problems, func(p *Problem) bool { return !p.Waits })
}

// Message is what a person reads on the service, with details.
func (b Block) Message() string {
	if len(b.Problems) == 0 {
		return "Depends on " + b.through + ", which is held back: " + b.Cause.String()
	}
	texts := make([]string, len(b.Problems))
	for i, p := range b.Problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

// blocks is who is blocked, by index. The slices are empty without problems.
type blocks struct {
	own     map[int32][]*Problem
	cause   []*Problem
	through []int32
}

// block finds everything that the problems stop: the services that they touch
// and whatever depends on those. It walks breadth first, so that each names
// the nearest cause; among these a problem that needs an edit comes first.
func (r *Report) block() {
	r.blocks.own = map[int32][]*Problem{}
	for at := range r.Problems {
		p := &r.Problems[at]
		for _, k := range p.Services {
			i, _ := r.set.find(k)
			r.blocks.own[i] = append(r.blocks.own[i], p)
		}
	}
	if len(r.blocks.own) == 0 {
		return
	}
	r.blocks.cause = make([]*Problem, len(r.set.services))
	r.blocks.through = make([]int32, len(r.set.services))
	var edits, waits []int32
	for i := range int32(len(r.set.services)) {
		problems, touched := r.blocks.own[i]
		if !touched {
			continue
		}
		needsEdit := slices.IndexFunc(problems, func(p *Problem) bool { return !p.Waits })
		r.blocks.cause[i] = problems[max(needsEdit, 0)]
		if needsEdit >= 0 {
			edits = append(edits, i)
		} else {
			waits = append(waits, i)
		}
	}
	r.spread(edits)
	r.spread(waits)
}

func (r *Report) spread(queue []int32) {
	for head := 0; head < len(queue); head++ {
		u := queue[head]
		for _, v := range r.set.graph.DependentsOf(u) {
			if r.blocks.cause[v] == nil {
				r.blocks.cause[v] = r.blocks.cause[u]
				r.blocks.through[v] = u
				queue = append(queue, v)
			}
		}
	}
}

// Block says why the service k may not go on, and whether it is blocked at
// all. A disabled service can be blocked as well.
func (r *Report) Block(k Key) (b Block, blocked bool) {
	i, ok := r.set.find(k)
	if !ok || len(r.blocks.cause) == 0 || r.blocks.cause[i] == nil {
		return Block{}, false
	}
	b = Block{Problems: r.blocks.own[i], Cause: r.blocks.cause[i]}
	if len(b.Problems) == 0 {
		through := r.blocks.through[i]
		b.Through, b.through = r.set.services[through].Key, r.set.names[through]
	}
	return b, true
}

// Blocked lists the services that may not go on, sorted.
func (r *Report) Blocked() []Key {
	var keys []Key
	for i, cause := range r.blocks.cause {
		if cause != nil {
			keys = append(keys, r.set.services[i].Key)
		}
	}
	return keys
}
