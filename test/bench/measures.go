package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// unlimited is the most that maxConcurrent takes.
const unlimited = 256

// The order of the rows of the table.
const (
	orderWall = iota * 100
	orderCalls
	orderRest
	orderDrift
	orderUsage
	orderWrites
	orderCold
	orderDag
	orderPeer
)

// The goals.
const (
	goalWall       = 1.10
	goalCalls10    = 6
	goalCalls100   = 4.5
	goalRest       = 40
	goalRSS        = 300
	goalCPU        = 10
	goalColdCPU    = 60
	pollInterval   = 10 * time.Second
	restWindow     = time.Minute
	settleTime     = 20 * time.Second
	goalDriftExtra = time.Second
	driftScenes    = 4
)

var (
	gates  = []v1alpha1.Gate{v1alpha1.GatePhase, v1alpha1.GateDependencies}
	limits = []int32{4, unlimited}
)

// keep is the scenes that are looked at at rest after their roll-out.
var keep = struct {
	sync.Mutex
	scenes []*scene
}{}

func measures(full bool) []measure {
	var all []measure
	order := orderWall
	rollOuts := func(n, nodes int, create, start, ready float64, together bool) {
		for _, gate := range gates {
			for _, limit := range limits {
				s := shape{services: n, nodes: nodes, levels: 6, gate: gate, maxConcurrent: limit, create: create, start: start, ready: ready}
				name := fmt.Sprintf("rollout-%d-%s-%d", n, strings.ToLower(string(gate)), limit)
				all = append(all, rollOutMeasure(name, order, s, together, limit == unlimited && gate == v1alpha1.GateDependencies))
				order++
			}
		}
	}
	bulk := func(n int, goal float64, order int) {
		s := shape{services: n, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 2, start: 1, ready: 0.5}
		all = append(all, bulkMeasure(fmt.Sprintf("bulk-%d", n), order, s, goal))
	}
	bulk(10, goalCalls10, orderCalls)
	all[0].together = false // so short a measure feels whatever else runs
	bulk(100, goalCalls100, orderCalls+1)
	all = append(all, measure{name: "peer", together: true, run: peer})
	all = append(all, measure{name: "drift", together: true, run: drift})
	rollOuts(10, 1, 2, 1, 1, true)
	rollOuts(100, 3, 2, 1, 1, true)
	rollOuts(1000, 50, 6, 3, 2, false)
	if full {
		s := shape{services: 10_000, nodes: 50, levels: 1, gate: v1alpha1.GateDependencies, maxConcurrent: 16, create: 2, start: 1, ready: 1}
		all = append(all, rollOutMeasure("rollout-10000", order, s, false, true))
	}
	return append(all,
		measure{name: "memory", run: memory},
		measure{name: "cold-start", run: coldStart},
		measure{name: "rest", run: rest},
		measure{name: "dag", run: dagBench},
	)
}

// rollOutMeasure is wall time against its bound. 10,000 at once are measured without a goal: one machine is simulator, API server and
// controller then.
func rollOutMeasure(name string, order int, s shape, together, kept bool) measure {
	return measure{name: name, together: together, run: func(ctx context.Context, b *bench) error {
		c, err := b.lab.scene(ctx, s)
		if err != nil {
			return err
		}
		r, err := c.rollOut(ctx)
		if err != nil {
			return err
		}
		most := fmt.Sprint(s.maxConcurrent)
		if s.maxConcurrent == unlimited {
			most = "unlimited"
		}
		what := fmt.Sprintf("wall ÷ bound, %d services on %d nodes, gate %s, maxConcurrent %s", s.services, s.nodes, s.gate, most)
		if s.services > 1000 {
			b.table.add(order, what, fmt.Sprintf("%.2f", r.ratio()), "", true, r.detail(s.services)+fmt.Sprintf("; CPU %.0f s", r.cpu.Seconds()))
		} else {
			b.table.atMost(order, what, "%.2f", r.ratio(), goalWall, r.detail(s.services))
		}
		return b.keepOrRemove(ctx, c, kept)
	}}
}

// bulkMeasure counts the calls of services that all come up at once, on one node with four slots, and their wall time too.
func bulkMeasure(name string, order int, s shape, goal float64) measure {
	return measure{name: name, together: true, run: func(ctx context.Context, b *bench) error {
		c, err := b.lab.scene(ctx, s)
		if err != nil {
			return err
		}
		r, err := c.rollOut(ctx)
		if err != nil {
			return err
		}
		b.table.atMost(order, fmt.Sprintf("all calls ÷ created containers, %d at once", s.services), "%.2f", float64(r.calls)/float64(s.services), goal, r.detail(s.services))
		b.table.atMost(orderWall+50+order%100, fmt.Sprintf("wall ÷ bound, %d services without dependencies on 1 node, maxConcurrent 4", s.services), "%.2f", r.ratio(), goalWall,
			fmt.Sprintf("wall %.1f s, bound %.1f s", r.wall.Seconds(), r.bound.Seconds()))
		return b.keepOrRemove(ctx, c, true)
	}}
}

// peer is the comparison with kubemox: five containers whose tasks take a second each.
func peer(ctx context.Context, b *bench) error {
	s := shape{services: 5, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 5, create: 1, start: 1, ready: 0}
	c, err := b.lab.scene(ctx, s)
	if err != nil {
		return err
	}
	r, err := c.rollOut(ctx)
	if err != nil {
		return err
	}
	b.table.add(orderPeer, "five containers whose tasks take 1 s each", fmt.Sprintf("%.1f s, %d calls", r.wall.Seconds(), r.calls), "", true, "kubemox 0.6.5: 64.5 s, 88 calls")
	return c.remove(ctx)
}

// keepOrRemove keeps a scene for the measures at rest, or takes it away from the controller.
func (b *bench) keepOrRemove(ctx context.Context, c *scene, kept bool) error {
	if kept {
		keep.Lock()
		defer keep.Unlock()
		keep.scenes = append(keep.scenes, c)
		return nil
	}
	return c.remove(ctx)
}

// remove takes the objects away without touching the containers, and the simulator.
func (c *scene) remove(ctx context.Context) error {
	var all v1alpha1.NixMoxServiceList
	if err := c.lab.client.List(ctx, &all, client.InNamespace(c.namespace)); err != nil {
		return err
	}
	for i := range all.Items {
		svc := &all.Items[i]
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"nixmox.dev/abandon":"true"}}}`))
		if err := c.lab.client.Patch(ctx, svc, patch); err != nil {
			return err
		}
	}
	if err := c.lab.client.DeleteAllOf(ctx, &v1alpha1.NixMoxService{}, client.InNamespace(c.namespace)); err != nil {
		return err
	}
	err := until(ctx, 5*time.Minute, "the services are gone", func() (bool, error) {
		var left v1alpha1.NixMoxServiceList
		err := c.lab.client.List(ctx, &left, client.InNamespace(c.namespace), client.Limit(1))
		return len(left.Items) == 0, err
	})
	if err != nil {
		return err
	}
	if err := c.lab.client.DeleteAllOf(ctx, &v1alpha1.NixMoxHost{}, client.InNamespace(c.namespace)); err != nil {
		return err
	}
	c.close()
	return nil
}

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

// memory is what the controller holds that made all these containers, and so has read every configuration.
func memory(ctx context.Context, b *bench) error {
	_, services, err := looked()
	if err != nil {
		return err
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	now, err := b.lab.usage()
	if err != nil {
		return err
	}
	b.table.atMost(orderUsage, fmt.Sprintf("resident memory after %d services were rolled out", services), "%.0f MiB", now.rss, goalRSS, "of the controller's process")
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
	for i, c := range scenes {
		n, kinds, err := c.log.calls(from, to)
		if err != nil {
			return err
		}
		perMinute := float64(n) / to.Sub(from).Minutes()
		b.table.atMost(orderRest+i, fmt.Sprintf("calls per minute at rest, %d services on %d nodes", c.shape.services, c.shape.nodes), "%.0f", perMinute, goalRest, counted(kinds))
	}
	now, err := b.lab.versions(ctx)
	if err != nil {
		return err
	}
	written := 0
	for name, v := range now {
		if versions[name] != v {
			written++
		}
	}
	cpu := 100 * (after.cpu - before.cpu).Seconds() / to.Sub(from).Seconds()
	what := fmt.Sprintf("at rest with %d services, http probes every 30 s", services)
	b.table.atMost(orderUsage+1, "resident memory "+what, "%.0f MiB", after.rss, goalRSS, "of the controller's process, after a restart")
	b.table.atMost(orderUsage+2, "CPU "+what, "%.1f %% of a core", cpu, goalCPU, "probes included")
	b.table.atMost(orderWrites, fmt.Sprintf("API-server writes at rest with %d services", services), "%.0f", float64(written), 0, fmt.Sprintf("in %v", to.Sub(from).Round(time.Second)))
	return nil
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

// drift stops a container by hand and waits for the call that starts it. Proxmox's own list lags up to ten seconds; what counts is the
// time from the broadcast that shows it. How long that is depends on how the polls fall between the broadcasts, so that there are several
// installations in which they fall differently; the slowest counts.
func drift(ctx context.Context, b *bench) error {
	const apart = pollInterval / driftScenes
	type result struct {
		took, lag time.Duration
		err       error
	}
	results := make(chan result, driftScenes)
	for i := range driftScenes {
		go func() {
			took, lag, err := b.driftOnce(ctx, time.Duration(i)*apart)
			results <- result{took, lag, err}
		}()
	}
	var slowest time.Duration
	var each []string
	var err error
	for range driftScenes {
		r := <-results
		slowest, err = max(slowest, r.took), errors.Join(err, r.err)
		each = append(each, fmt.Sprintf("%.1f s (Proxmox showed it after %.1f s)", r.took.Seconds(), r.lag.Seconds()))
	}
	if err != nil {
		return err
	}
	b.table.atMost(orderDrift, "drift (stopped) to the first repairing call, after Proxmox shows it", "%.1f s", slowest.Seconds(), (pollInterval + goalDriftExtra).Seconds(),
		"the slowest of "+strings.Join(each, ", "))
	return nil
}

// driftOnce is one stop; the controller's first poll comes a while after the simulator's first broadcast.
func (b *bench) driftOnce(ctx context.Context, after time.Duration) (took, lag time.Duration, err error) {
	s := shape{services: 1, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 0.2, start: 0.2, ready: 0.1}
	c, err := b.lab.scene(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, after); err != nil {
		return 0, 0, err
	}
	if _, err := c.rollOut(ctx); err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, settleTime); err != nil {
		return 0, 0, err
	}
	stopped := time.Now()
	if err := c.sim.Stop(firstVMID); err != nil {
		return 0, 0, err
	}
	var shown time.Time
	err = until(ctx, time.Minute, "the resource list shows the stop", func() (bool, error) {
		shown = time.Now()
		return c.shows(ctx, "stopped")
	})
	if err != nil {
		return 0, 0, err
	}
	var repaired time.Time
	err = until(ctx, time.Minute, "the container is started", func() (bool, error) {
		entries, err := c.log.entries()
		for _, e := range entries {
			if e.Kind == calllog.KindCall && e.Time.After(stopped) && kindOf(e) == "start" {
				repaired = e.Time
				return true, err
			}
		}
		return false, err
	})
	if err != nil {
		return 0, 0, err
	}
	return max(repaired.Sub(shown), 0), shown.Sub(stopped), c.remove(ctx)
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
	now, err := b.lab.versions(ctx)
	if err != nil {
		return err
	}
	written, changes := 0, 0
	for name, v := range now {
		if versions[name] != v {
			written++
		}
	}
	for _, c := range scenes {
		entries, err := c.log.entries()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Kind == calllog.KindCall && e.Time.After(from) && e.Method != "GET" {
				changes++
			}
		}
	}
	b.table.atMost(orderCold, fmt.Sprintf("CPU of a restart with %d healthy services, until calm", services), "%.1f s", used.cpu.Seconds(), goalColdCPU,
		fmt.Sprintf("calm after %.0f s", ready.Sub(from).Seconds()))
	b.table.atMost(orderCold+1, "API-server writes of that restart", "%.0f", float64(written), 0, "")
	b.table.atMost(orderCold+2, "changing Proxmox calls of that restart", "%.0f", float64(changes), 0, "")
	return nil
}

// calm waits until the controller used less than a quarter of a core for five seconds.
func (l *lab) calm(ctx context.Context) (at time.Time, used usage, err error) {
	last, err := l.usage()
	if err != nil {
		return at, last, err
	}
	for {
		at = time.Now()
		if err := pause(ctx, 5*time.Second); err != nil {
			return at, last, err
		}
		now, err := l.usage()
		if err != nil {
			return at, last, err
		}
		if now.cpu-last.cpu < 5*time.Second/4 {
			return at, last, nil
		}
		last = now
	}
}

var ratioLine = regexp.MustCompile(`validation of (\d+) services with (\d+) edges: (\S+); gonum topo.Sort: (\S+); ratio (\d+\.\d+)`)

// dagBench runs the module beside this one, in which gonum is.
func dagBench(ctx context.Context, b *bench) error {
	command := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "TestGoal", "-v", ".")
	command.Dir = "test/bench/dag"
	out, err := command.CombinedOutput()
	found := ratioLine.FindStringSubmatch(string(out))
	if found == nil {
		return fmt.Errorf("the dag bench said nothing that is understood: %w\n%s", err, out)
	}
	var ratio float64
	if _, err := fmt.Sscan(found[5], &ratio); err != nil {
		return err
	}
	b.table.atMost(orderDag, fmt.Sprintf("order, phases and validation of %s services with %s edges ÷ gonum's topo.Sort", found[1], found[2]), "%.2f", ratio, 1,
		found[3]+" and "+found[4])
	return nil
}
