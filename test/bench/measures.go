package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
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
	bulk(100, goalCalls100, orderCalls+1)
	all = append(all, measure{name: "peer", together: true, run: peer})
	rollOuts(10, 1, 2, 1, 1, true)
	rollOuts(100, 3, 2, 1, 1, true)
	all = append(all, measure{name: "rest-100", run: func(ctx context.Context, b *bench) error { return b.rest(ctx, orderRest) }})
	all = append(all, measure{name: "drift", run: drift})
	rollOuts(1000, 50, 6, 3, 2, false)
	all = append(all, measure{name: "rest-1000", run: func(ctx context.Context, b *bench) error { return b.rest(ctx, orderRest+10) }})
	if full {
		s := shape{services: 10_000, nodes: 50, levels: 1, gate: v1alpha1.GateDependencies, maxConcurrent: 16, create: 2, start: 1, ready: 1}
		all = append(all, rollOutMeasure("rollout-10000", order, s, false, true))
		all = append(all, measure{name: "rest-10000", run: func(ctx context.Context, b *bench) error { return b.rest(ctx, orderRest+20) }})
	}
	all = append(all, measure{name: "cold-start", run: coldStart})
	all = append(all, measure{name: "dag", run: dagBench})
	return all
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

// rest counts calls and writes of the scenes that are kept, and what the controller uses meanwhile.
func (b *bench) rest(ctx context.Context, order int) error {
	keep.Lock()
	scenes := keep.scenes
	keep.Unlock()
	if len(scenes) == 0 {
		return fmt.Errorf("no scene was rolled out; run the roll-outs too")
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	largest := scenes[0]
	for _, c := range scenes {
		if c.shape.services > largest.shape.services {
			largest = c
		}
	}
	versions, err := b.lab.versions(ctx)
	if err != nil {
		return err
	}
	before, err := b.lab.usage()
	if err != nil {
		return err
	}
	profiled := b.lab.profileDuring(ctx, fmt.Sprintf("rest-%d", largest.shape.services), restWindow-5*time.Second)
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
	services := 0
	for i, c := range scenes {
		services += c.shape.services
		n, kinds, err := c.log.calls(from, to)
		if err != nil {
			return err
		}
		perMinute := float64(n) / to.Sub(from).Minutes()
		b.table.atMost(order+i, fmt.Sprintf("calls per minute at rest, %d services on %d nodes", c.shape.services, c.shape.nodes), "%.0f", perMinute, goalRest, fmt.Sprint(kinds))
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
	b.table.atMost(orderUsage+order%100, "resident memory "+what, "%.0f MiB", after.rss, goalRSS, "of the controller's process")
	b.table.atMost(orderUsage+order%100+1, "CPU "+what, "%.1f %% of a core", cpu, goalCPU, "probes included")
	b.table.atMost(orderWrites+order%100, fmt.Sprintf("API-server writes at rest with %d services", services), "%.0f", float64(written), 0, fmt.Sprintf("in %v", to.Sub(from).Round(time.Second)))
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
// time from the broadcast that shows it.
func drift(ctx context.Context, b *bench) error {
	s := shape{services: 1, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 0.2, start: 0.2, ready: 0.1}
	c, err := b.lab.scene(ctx, s)
	if err != nil {
		return err
	}
	if _, err := c.rollOut(ctx); err != nil {
		return err
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	stopped := time.Now()
	if err := c.sim.Stop(firstVMID); err != nil {
		return err
	}
	var shown time.Time
	err = until(ctx, time.Minute, "the resource list shows the stop", func() (bool, error) {
		shown = time.Now()
		return c.shows(ctx, "stopped")
	})
	if err != nil {
		return err
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
		return err
	}
	took := max(repaired.Sub(shown), 0)
	b.table.atMost(orderDrift, "drift (stopped) to the first repairing call, after Proxmox shows it", "%.1f s", took.Seconds(), (pollInterval + goalDriftExtra).Seconds(),
		fmt.Sprintf("Proxmox's list showed it %.1f s after the stop", shown.Sub(stopped).Seconds()))
	return c.remove(ctx)
}

// coldStart restarts the controller with everything that was rolled out, and waits until it has judged every service again.
func coldStart(ctx context.Context, b *bench) error {
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
	keep.Lock()
	scenes := keep.scenes
	keep.Unlock()
	services := 0
	for _, c := range scenes {
		services += c.shape.services
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
