package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// looked are the scenes that are kept, the smallest first, and the number of their services.
func looked() (scenes []*scene, services int, err error) {
	keep.Lock()
	defer keep.Unlock()
	if len(keep.scenes) == 0 {
		return nil, 0, errors.New("no scene was rolled out; run the roll-outs too")
	}
	scenes = slices.Clone(keep.scenes)
	slices.SortStableFunc(scenes, func(a, b *scene) int {
		return cmp.Or(cmp.Compare(a.shape.services, b.shape.services), cmp.Compare(a.shape.nodes, b.shape.nodes))
	})
	for _, c := range scenes {
		services += c.shape.services
	}
	return scenes, services, nil
}

// memory is what the controller holds at rest that made all these containers, and so has read every configuration.
func memory(ctx context.Context, b *bench) error {
	scenes, services, err := looked()
	if err != nil {
		return err
	}
	for _, c := range scenes {
		if c.stamped {
			if err := c.readAll(ctx); err != nil {
				return err
			}
		}
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	if _, _, err := b.lab.calm(ctx); err != nil {
		return err
	}
	now, err := b.lab.usage()
	if err != nil {
		return err
	}
	b.table.atMost(orderUsage, fmt.Sprintf("resident memory with %d services, all configurations read", services), "%.0f MiB", now.rss, goalRSS, "of the controller's process")
	return b.lab.profileDuring(ctx, "rolled-out", time.Second)()
}

// rest counts calls and writes of the scenes that are kept, and what the controller uses meanwhile. It comes after a restart: nothing was read
// a moment ago then, so that the round of reads is in the midst of its work, as it is in any minute of a whole round.
func rest(ctx context.Context, b *bench) error {
	scenes, services, err := looked()
	if err != nil {
		return err
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	versions, err := b.lab.versions(ctx)
	if err != nil {
		return err
	}
	before, err := b.lab.usage()
	if err != nil {
		return err
	}
	profiled := b.lab.profileDuring(ctx, "rest", restWindow-5*time.Second)
	from := time.Now()
	if err := pause(ctx, restWindow); err != nil {
		return err
	}
	to := time.Now()
	if err := profiled(); err != nil {
		return err
	}
	after, err := b.lab.usage()
	if err != nil {
		return err
	}
	if err := b.countCalls(scenes, from, to); err != nil {
		return err
	}
	written, err := b.lab.writtenSince(ctx, versions)
	if err != nil {
		return err
	}
	cpu := 100 * (after.cpu - before.cpu).Seconds() / to.Sub(from).Seconds()
	what := fmt.Sprintf("at rest with %d services, http probes every 30 s", services)
	b.table.atMost(orderUsage+1, "resident memory "+what, "%.0f MiB", after.rss, goalRSS, "of the controller's process, after a restart")
	b.table.atMost(orderUsage+2, "CPU "+what, "%.1f %% of a core", cpu, goalCPU, "probes included")
	b.table.atMost(orderWrites, fmt.Sprintf("API-server writes at rest with %d services", services), "%.0f", float64(written), 0, fmt.Sprintf("in %v", to.Sub(from).Round(time.Second)))
	return nil
}

// countCalls adds a row for each kind of scene, about the one of the kind that made the most calls.
func (b *bench) countCalls(scenes []*scene, from, to time.Time) error {
	for i := 0; i < len(scenes); {
		shape, most, detail := scenes[i].shape, -1, ""
		for ; i < len(scenes) && scenes[i].shape.services == shape.services && scenes[i].shape.nodes == shape.nodes; i++ {
			n, kinds, err := scenes[i].log.calls(from, to)
			if err != nil {
				return err
			}
			if n > most {
				most, detail = n, counted(kinds)
			}
		}
		perMinute := float64(most) / to.Sub(from).Minutes()
		b.table.atMost(orderRest+i, fmt.Sprintf("calls per minute at rest, %d services on %d nodes", shape.services, shape.nodes), "%.0f", perMinute, goalRest, detail)
	}
	return nil
}

// coldStart restarts the controller with everything that was rolled out, and waits until it has judged every service again.
func coldStart(ctx context.Context, b *bench) error {
	scenes, services, err := looked()
	if err != nil {
		return err
	}
	versions, err := b.lab.versions(ctx)
	if err != nil {
		return err
	}
	if err := b.lab.stopController(); err != nil {
		return err
	}
	from := time.Now()
	if err := b.lab.startController(ctx); err != nil {
		return err
	}
	for _, c := range scenes {
		// It works again when it has read the list, and the passes that follow have come to rest.
		if err := until(ctx, 5*time.Minute, "the controller reads the resource list", func() (bool, error) {
			_, kinds, err := c.log.calls(from, time.Now())
			return kinds["resource list"] > 0, err
		}); err != nil {
			return err
		}
	}
	ready, used, err := b.lab.calm(ctx)
	if err != nil {
		return err
	}
	written, err := b.lab.writtenSince(ctx, versions)
	if err != nil {
		return err
	}
	changes, err := changesSince(scenes, from)
	if err != nil {
		return err
	}
	b.table.atMost(orderCold, fmt.Sprintf("CPU of a restart with %d healthy services, until calm", services), "%.1f s", used.cpu.Seconds(), goalColdCPU,
		fmt.Sprintf("calm after %.0f s", ready.Sub(from).Seconds()))
	b.table.atMost(orderCold+1, "API-server writes of that restart", "%.0f", float64(written), 0, "")
	b.table.atMost(orderCold+2, "changing Proxmox calls of that restart", "%.0f", float64(changes), 0, "")
	return nil
}

// changesSince counts the calls that changed something, or wanted to.
func changesSince(scenes []*scene, from time.Time) (int, error) {
	changes := 0
	for _, c := range scenes {
		entries, err := c.log.entries()
		if err != nil {
			return 0, err
		}
		for _, e := range entries {
			if e.Kind == calllog.KindCall && e.Time.After(from) && e.Method != http.MethodGet {
				changes++
			}
		}
	}
	return changes, nil
}

// calm waits until the controller used less than a quarter of a core for five seconds, twice, and says what it had used until then.
func (l *lab) calm(ctx context.Context) (at time.Time, used usage, err error) {
	const window = 5 * time.Second
	if used, err = l.usage(); err != nil {
		return at, used, err
	}
	for quiet := 0; quiet < 2; {
		at = time.Now()
		if err := pause(ctx, window); err != nil {
			return at, used, err
		}
		now, err := l.usage()
		if err != nil {
			return at, used, err
		}
		if quiet++; now.cpu-used.cpu >= window/4 {
			quiet = 0
		}
		used = now
	}
	return at.Add(-window), used, nil
}

// versions are the resource versions of all that the controller may write.
func (l *lab) versions(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, list := range []client.ObjectList{&v1alpha1.NixMoxHostList{}, &v1alpha1.NixMoxServiceList{}, &corev1.EventList{}} {
		if err := l.client.List(ctx, list); err != nil {
			return nil, err
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			o, err := meta.Accessor(item)
			if err != nil {
				return nil, err
			}
			all[fmt.Sprintf("%T %s/%s", item, o.GetNamespace(), o.GetName())] = o.GetResourceVersion()
		}
	}
	return all, nil
}

// writtenSince counts the objects that have another version than before, and those that are new.
func (l *lab) writtenSince(ctx context.Context, versions map[string]string) (int, error) {
	now, err := l.versions(ctx)
	written := 0
	for name, v := range now {
		if versions[name] != v {
			written++
		}
	}
	return written, err
}
