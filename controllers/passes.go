package controllers

import (
	"context"
	"slices"
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
		if q.queued[who] {
			delete(q.queued, who)
			q.queue = slices.DeleteFunc(q.queue, func(other types.NamespacedName) bool { return other == who })
		}
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
	n := min(mostPasses-len(q.inside), len(q.queue))
	called := slices.Clone(q.queue[:n])
	q.queue = slices.Delete(q.queue, 0, n)
	for _, other := range called {
		delete(q.queued, other)
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
