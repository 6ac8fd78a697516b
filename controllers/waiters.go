package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// waiters are the services that wait for others to become ready, by whom they wait for. A change of one service wakes those alone: with
// thousands of services a change must neither list nor wake all.
type waiters struct {
	mu sync.Mutex
	on map[types.NamespacedName]map[types.NamespacedName]bool // the waited for, and who waits
	of map[types.NamespacedName][]types.NamespacedName        // who waits, and for whom
}

func newWaiters() *waiters {
	return &waiters{on: map[types.NamespacedName]map[types.NamespacedName]bool{}, of: map[types.NamespacedName][]types.NamespacedName{}}
}

// set makes who wait for these, and for nobody else.
func (w *waiters) set(who types.NamespacedName, on ...types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(who)
	if len(on) == 0 {
		return
	}
	w.of[who] = on
	for _, other := range on {
		if w.on[other] == nil {
			w.on[other] = map[types.NamespacedName]bool{}
		}
		w.on[other][who] = true
	}
}

// take are those who wait for a service. They look again, and then wait again or not.
func (w *waiters) take(other types.NamespacedName) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []types.NamespacedName
	for who := range w.on[other] {
		all = append(all, who)
	}
	for _, who := range all {
		w.drop(who)
	}
	return all
}

// drop ends a wait. The lock is held.
func (w *waiters) drop(who types.NamespacedName) {
	for _, other := range w.of[who] {
		delete(w.on[other], who)
		if len(w.on[other]) == 0 {
			delete(w.on, other)
		}
	}
	delete(w.of, who)
}
