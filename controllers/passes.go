package controllers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// mostPasses is how many services of one Proxmox are looked at at once. It is a part of all workers: a Proxmox that takes calls and does not
// answer holds up its own services, and nobody else's.
const mostPasses = 16

// parked is how long a service waits for its turn when nobody calls it. It is called as soon as another is through.
const parked = 10 * time.Second

// passes are the services that are looked at, and those that wait for their turn, of one Proxmox.
type passes struct {
	wake func(types.NamespacedName)

	mu     sync.Mutex
	inside map[types.NamespacedName]bool
	queue  []types.NamespacedName
	queued map[types.NamespacedName]bool
}

func newPasses(wake func(types.NamespacedName)) *passes {
	return &passes{wake: wake, inside: map[types.NamespacedName]bool{}, queued: map[types.NamespacedName]bool{}}
}

// enter is whether it is this service's turn. If not, it is called when it is.
func (q *passes) enter(who types.NamespacedName) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.inside) < mostPasses {
		q.inside[who] = true
		delete(q.queued, who) // its place in the queue is skipped later
		return true
	}
	if !q.queued[who] {
		q.queued[who] = true
		q.queue = append(q.queue, who)
	}
	return false
}

// leave ends the turn of a service, if it had one, and calls as many as there is room for, the first come first.
func (q *passes) leave(who types.NamespacedName) {
	q.mu.Lock()
	delete(q.inside, who)
	var called []types.NamespacedName
	for len(q.queue) > 0 && len(q.inside)+len(called) < mostPasses {
		other := q.queue[0]
		q.queue = q.queue[1:]
		if q.queued[other] {
			delete(q.queued, other)
			called = append(called, other)
		}
	}
	q.mu.Unlock()
	for _, other := range called {
		q.wake(other)
	}
}

// takeTurn puts a service off while enough others of its Proxmox are looked at.
func (r *ServiceReconciler) takeTurn(_ context.Context, p *pass) *Outcome {
	if p.session.passes.enter(p.key) {
		return nil
	}
	return &Outcome{Keep: true, Again: parked}
}
