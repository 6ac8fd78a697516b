package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// slots bound how many creations and starts run at once on a node. A service keeps its slot from the creation until its start task has
// ended. Who found none is woken, first come first served, when one is free.
type slots struct {
	wake func(types.NamespacedName)

	mu      sync.Mutex
	held    map[types.NamespacedName]string
	waiting map[string][]types.NamespacedName
}

func newSlots(wake func(types.NamespacedName)) *slots {
	return &slots{wake: wake, held: map[types.NamespacedName]string{}, waiting: map[string][]types.NamespacedName{}}
}

// acquire takes a slot of a node, if fewer than most are taken; else it queues for one.
func (s *slots) acquire(who types.NamespacedName, node string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, holds := s.held[who]; holds && at == node {
		return true
	}
	taken := 0
	for _, at := range s.held {
		if at == node {
			taken++
		}
	}
	if taken < most {
		s.held[who] = node
		return true
	}
	for _, queued := range s.waiting[node] {
		if queued == who {
			return false
		}
	}
	s.waiting[node] = append(s.waiting[node], who)
	return false
}

// hold takes a slot whatever the limit: the operation is under way already, since before we were started.
func (s *slots) hold(who types.NamespacedName, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[who] = node
}

// release gives the slot back and wakes who waits for one.
func (s *slots) release(who types.NamespacedName) {
	s.mu.Lock()
	node, holds := s.held[who]
	delete(s.held, who)
	var next []types.NamespacedName
	if holds {
		next = s.waiting[node]
		delete(s.waiting, node)
	}
	s.mu.Unlock()
	for _, w := range next {
		s.wake(w)
	}
}
