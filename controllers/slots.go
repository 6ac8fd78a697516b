package controllers

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// invitation is how long a slot is kept for a service that was woken to take it. It is woken at once; one that does not come was edited
// or deleted meanwhile.
const invitation = 2 * time.Second

// Free slots wait for others who may come for them: until nobody came for a moment, but not for long. Services that depend on the same ones become
// free to go one right after the other, in any order, and to be a little late with the longest chains costs the whole of a task later.
const (
	gathering     = 100 * time.Millisecond
	mostGathering = time.Second
)

// slots bound how many creations and starts run at once on a node. A service keeps its slot from the creation until its start task has
// ended. Who found none queues, the longest chain of services first, else first come first served; a slot that becomes free wakes exactly one
// of them and is kept for it.
type slots struct {
	wake func(types.NamespacedName)

	mu      sync.Mutex
	held    map[types.NamespacedName]string // whose slot is on which node
	taken   map[string]int                  // by node, invitations included
	invited map[types.NamespacedName]place
	invites int
	queue   []types.NamespacedName
	waiting map[types.NamespacedName]wish
	// settling is set while free slots wait for others who may come for them, since the first came.
	settling *time.Timer
	since    time.Time
	// moved are those that count instead, once both turned out to be of one Proxmox.
	moved *slots
}

// place is a slot of a node that is kept for one who was woken to take it; number tells one invitation from a later one.
type place struct {
	node   string
	number int
}

// wish is what a service waits for: a slot of one of some nodes.
type wish struct {
	nodes []string
	most  int
	// chain is how many services come up one after the other from this one on. Whoever has the longest before it goes first.
	chain int
	// gather lets those come first that have a longer chain and come a moment later.
	gather bool
}

func newSlots(wake func(types.NamespacedName)) *slots {
	return &slots{wake: wake, held: map[types.NamespacedName]string{}, taken: map[string]int{}, invited: map[types.NamespacedName]place{},
		waiting: map[types.NamespacedName]wish{}}
}

// moveTo lets other slots count instead from now on. Whoever waited must ask again.
func (s *slots) moveTo(other *slots) {
	s.mu.Lock()
	held := s.held
	s.held, s.taken, s.invited, s.queue, s.waiting = map[types.NamespacedName]string{}, map[string]int{}, map[types.NamespacedName]place{}, nil, map[types.NamespacedName]wish{}
	s.moved = other
	s.mu.Unlock()
	for who, node := range held {
		other.hold(who, node)
	}
}

// instead are the slots that count.
func (s *slots) instead() *slots {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved != nil {
		return s.moved.instead()
	}
	return s
}

// acquire takes a slot on one of the nodes, the first that has one, if fewer than most are taken there; else it queues for one.
func (s *slots) acquire(who types.NamespacedName, w wish) (node string, ok bool) {
	s = s.instead()
	s.mu.Lock()
	node, left, ok := s.choose(who, w)
	next, invited := types.NamespacedName{}, false
	if left != "" {
		next, invited = s.invite(left)
	}
	s.mu.Unlock()
	if invited {
		s.wake(next)
	}
	return node, ok
}

// choose finds who a slot or a place in the queue. left is a node on which it gives up what it had: it was invited there, or held a slot,
// and is to go elsewhere now, since another node has less memory committed by now. The lock is held.
func (s *slots) choose(who types.NamespacedName, w wish) (node, left string, ok bool) {
	if at, holds := s.held[who]; holds {
		if slices.Contains(w.nodes, at) {
			return at, "", true
		}
		delete(s.held, who)
		s.taken[at]--
		left = at
	}
	if at, invited := s.invited[who]; invited {
		delete(s.invited, who)
		s.taken[at.node]--
		if slices.Contains(w.nodes, at.node) {
			s.take(who, at.node)
			return at.node, left, true
		}
		left = at.node
	}
	node = s.freest(w)
	if node != "" && !w.gather {
		s.take(who, node)
		return node, left, true
	}
	_, queued := s.waiting[who]
	if !queued {
		s.enqueue(who, w.chain)
	}
	s.waiting[who] = w
	if node != "" {
		s.gather(!queued)
	}
	return "", left, false
}

// gather begins to wait for others who may come for free slots, or goes on when somebody did. The lock is held.
func (s *slots) gather(came bool) {
	switch {
	case s.settling == nil:
		s.since = time.Now()
		s.settling = time.AfterFunc(gathering, s.settle)
	case came:
		s.settling.Reset(min(gathering, max(time.Until(s.since.Add(mostGathering)), 0)))
	}
}

// freest is the node with a free slot that a wish is for: where slots are gathered for, the one that has the most, else the first. Empty when none
// has one. The lock is held.
func (s *slots) freest(w wish) string {
	best := ""
	for _, node := range w.nodes {
		switch {
		case s.taken[node] >= w.most:
		case best == "":
			best = node
		case w.gather && s.taken[node] < s.taken[best]:
			best = node
		}
	}
	return best
}

// settle gives the free slots to those who came for them, in their order.
func (s *slots) settle() {
	s.mu.Lock()
	s.settling = nil
	var woken []types.NamespacedName
	for _, who := range slices.Clone(s.queue) {
		if w, waits := s.waiting[who]; waits {
			if node := s.freest(w); node != "" {
				s.keep(who, node)
				woken = append(woken, who)
			}
		}
	}
	s.mu.Unlock()
	for _, who := range woken {
		s.wake(who)
	}
}

// enqueue puts who behind those whose chain is as long or longer. The lock is held.
func (s *slots) enqueue(who types.NamespacedName, chain int) {
	at := len(s.queue)
	for at > 0 {
		before, waits := s.waiting[s.queue[at-1]]
		if waits && before.chain >= chain {
			break
		}
		at--
	}
	s.queue = slices.Insert(s.queue, at, who)
}

// take gives who a slot of a node. The lock is held.
func (s *slots) take(who types.NamespacedName, node string) {
	if at, holds := s.held[who]; holds {
		s.taken[at]--
	}
	s.held[who] = node
	s.taken[node]++
	delete(s.waiting, who) // its place in the queue is skipped later
}

// hold takes a slot whatever the limit: the operation is under way already, since before we were started.
func (s *slots) hold(who types.NamespacedName, node string) {
	s = s.instead()
	s.mu.Lock()
	at, holds := s.held[who]
	next, invited := types.NamespacedName{}, false
	if at != node {
		s.take(who, node)
	}
	if holds && at != node {
		next, invited = s.invite(at)
	}
	s.mu.Unlock()
	if invited {
		s.wake(next)
	}
}

// release gives the slot back and wakes who may take it.
func (s *slots) release(who types.NamespacedName) {
	s = s.instead()
	s.mu.Lock()
	node, holds := s.held[who]
	if holds {
		delete(s.held, who)
		s.taken[node]--
	}
	next, ok := types.NamespacedName{}, false
	if holds {
		next, ok = s.invite(node)
	}
	s.mu.Unlock()
	if ok {
		s.wake(next)
	}
}

// leave is for a service that does not wait for a slot any more.
func (s *slots) leave(who types.NamespacedName) {
	s = s.instead()
	s.mu.Lock()
	delete(s.waiting, who)
	next, ok := s.withdraw(who)
	s.mu.Unlock()
	if ok {
		s.wake(next)
	}
}

// expire withdraws an invitation that was not taken, and no later one: who came may wait for another slot by now.
func (s *slots) expire(who types.NamespacedName, number int) {
	s = s.instead()
	s.mu.Lock()
	next, ok := types.NamespacedName{}, false
	if s.invited[who].number == number {
		next, ok = s.withdraw(who)
	}
	s.mu.Unlock()
	if ok {
		s.wake(next)
	}
}

// withdraw takes an invitation back and offers the slot to the next. The lock is held.
func (s *slots) withdraw(who types.NamespacedName) (next types.NamespacedName, ok bool) {
	at, invited := s.invited[who]
	if !invited {
		return next, false
	}
	delete(s.invited, who)
	s.taken[at.node]--
	return s.invite(at.node)
}

// invite keeps a free slot of a node for the first in the queue that can use it. The lock is held.
func (s *slots) invite(node string) (types.NamespacedName, bool) {
	for _, who := range s.queue {
		w, waits := s.waiting[who]
		if !waits || !slices.Contains(w.nodes, node) {
			continue
		}
		if s.taken[node] >= w.most {
			return who, false
		}
		s.keep(who, node)
		return who, true
	}
	return types.NamespacedName{}, false
}

// keep invites who to a slot of a node. The lock is held.
func (s *slots) keep(who types.NamespacedName, node string) {
	if at := slices.Index(s.queue, who); at >= 0 {
		s.queue = slices.Delete(s.queue, at, at+1)
	}
	delete(s.waiting, who)
	s.invites++
	number := s.invites
	s.invited[who] = place{node, number}
	s.taken[node]++
	s.tidy()
	time.AfterFunc(invitation, func() { s.expire(who, number) })
}

// tidy drops the places at the head of the queue of those who do not wait any more. The lock is held.
func (s *slots) tidy() {
	for len(s.queue) > 0 {
		if _, waits := s.waiting[s.queue[0]]; waits {
			return
		}
		s.queue = s.queue[1:]
	}
}
