package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// rolledOut is what a roll-out was like.
type rolledOut struct {
	wall, bound time.Duration
	calls       int
	kinds       map[string]int
	cpu         time.Duration
}

func (r rolledOut) ratio() float64 { return r.wall.Seconds() / r.bound.Seconds() }

func (r rolledOut) detail(n int) string {
	return fmt.Sprintf("wall %.1f s, bound %.1f s; %d calls = %.2f for each container: %s", r.wall.Seconds(), r.bound.Seconds(), r.calls,
		float64(r.calls)/float64(n), counted(r.kinds))
}

// counted lists what was counted, the most frequent first.
func counted(kinds map[string]int) string {
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(kinds[b]-kinds[a], strings.Compare(a, b)) }) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[k], k))
	}
	return strings.Join(parts, ", ")
}

// rollOut applies the services of a scene and then its host, and waits until all are ready. The time counts from the host on: how fast
// objects are applied is not the controller's doing.
func (c *scene) rollOut(ctx context.Context) (rolledOut, error) {
	limit := 5 * time.Minute
	if c.shape.services >= 1000 {
		limit = 30 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	host, services := c.shape.manifests(c.namespace, c.number, c.endpoint)
	c.lab.applying.Add(1)
	err := c.apply(ctx, services)
	c.lab.applying.Add(-1)
	if err != nil {
		return rolledOut{}, err
	}
	if err := c.lab.turn(ctx); err != nil {
		return rolledOut{}, err
	}
	before, err := c.lab.usage()
	if err != nil {
		return rolledOut{}, err
	}
	ready, err := c.watchReady(ctx, len(services))
	if err != nil {
		return rolledOut{}, err
	}
	began := time.Now()
	if err := c.lab.client.Create(ctx, host); err != nil {
		return rolledOut{}, err
	}
	if err := ready(); err != nil {
		return rolledOut{}, err
	}
	ended := time.Now()
	after, err := c.lab.usage()
	if err != nil {
		return rolledOut{}, err
	}
	var list v1alpha1.NixMoxServiceList
	if err := c.lab.client.List(ctx, &list, client.InNamespace(c.namespace)); err != nil {
		return rolledOut{}, err
	}
	log, err := c.log.entries()
	if err != nil {
		return rolledOut{}, err
	}
	if err := c.saveCalls(); err != nil {
		return rolledOut{}, err
	}
	r := rolledOut{wall: ended.Sub(began), cpu: after.cpu - before.cpu}
	r.bound = bound(jobs(log, list.Items), c.shape.gate, c.shape.nodes*int(c.shape.maxConcurrent))
	r.calls, r.kinds, err = c.log.calls(time.Time{}, ended)
	return r, err
}

// turn waits until nobody applies services any more and the controller has seen them, and lets one roll-out after the other begin: several at
// once would measure how fast the API server takes in objects.
func (l *lab) turn(ctx context.Context) error {
	const window = time.Second
	l.starting.Lock()
	defer l.starting.Unlock()
	for {
		before, err := l.usage()
		if err != nil {
			return err
		}
		if err := pause(ctx, window); err != nil {
			return err
		}
		after, err := l.usage()
		if err != nil {
			return err
		}
		if l.applying.Load() == 0 && after.cpu-before.cpu < window/3 {
			return nil
		}
	}
}

// watchReady begins to watch the services; the function that it returns waits until all of them are ready.
func (c *scene) watchReady(ctx context.Context, n int) (func() error, error) {
	begin := func() (watch.Interface, error) {
		return c.lab.client.Watch(ctx, &v1alpha1.NixMoxServiceList{}, client.InNamespace(c.namespace))
	}
	watcher, err := begin()
	if err != nil {
		return nil, err
	}
	return func() error {
		defer func() { watcher.Stop() }()
		ready := map[string]bool{}
		for len(ready) < n {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d of %d services are ready: %w", len(ready), n, ctx.Err())
			case event, open := <-watcher.ResultChan():
				svc, ok := event.Object.(*v1alpha1.NixMoxService)
				if !open || !ok || event.Type == watch.Error {
					// The server may end a watch at any time. A new one tells of all services again.
					if watcher, err = begin(); err != nil {
						return err
					}
					continue
				}
				delete(ready, svc.Name)
				if meta.IsStatusConditionTrue(svc.Status.Conditions, v1alpha1.ConditionReady) {
					ready[svc.Name] = true
				}
			}
		}
		return nil
	}, nil
}

// apply creates the services.
func (c *scene) apply(ctx context.Context, services []*v1alpha1.NixMoxService) error {
	return each(len(services), func(i int) error { return c.lab.client.Create(ctx, services[i]) })
}
