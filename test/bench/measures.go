package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
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

// Measures of one group are made at the same time. What the API server takes of the two cores bounds how many that can be.
const (
	alone = iota
	small
	hundreds
)

func measures() []measure {
	var all []measure
	order := orderWall
	rollOuts := func(n, nodes, levels int, create, start, ready float64, group int) {
		for _, gate := range gates {
			for _, limit := range limits {
				s := shape{services: n, nodes: nodes, levels: levels, gate: gate, maxConcurrent: limit, create: create, start: start, ready: ready}
				name := fmt.Sprintf("rollout-%d-%s-%d", n, strings.ToLower(string(gate)), limit)
				// To take a thousand services away takes as long as to bring them up.
				kept := limit == unlimited && gate == v1alpha1.GateDependencies || n >= 1000
				all = append(all, rollOutMeasure(name, order, s, group, kept))
				order++
			}
		}
	}
	bulk := func(n int, goal float64, order int) {
		s := shape{services: n, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 2, start: 1, ready: 0.5}
		all = append(all, bulkMeasure(fmt.Sprintf("bulk-%d", n), order, s, goal))
	}
	bulk(10, goalCalls10, orderCalls)
	all[0].group = alone // so short a measure feels whatever else runs
	bulk(100, goalCalls100, orderCalls+1)
	all = append(all, measure{name: "peer", group: small, run: peer})
	all = append(all, measure{name: "drift", group: small, run: drift})
	rollOuts(10, 1, 6, 2, 1, 1, small)
	rollOuts(100, 3, 6, 2, 1, 1, hundreds)
	rollOuts(1000, 50, 4, 6, 3, 2, alone)
	return append(all,
		measure{name: "memory", run: memory},
		measure{name: "cold-start", run: coldStart},
		measure{name: "rest", run: rest},
		measure{name: "dag", run: dagBench},
	)
}

// fullMeasures are those with very many services, on a controller that has no others.
func fullMeasures(services int, rollOut bool) []measure {
	most := shape{services: services, nodes: 50, levels: 1, gate: v1alpha1.GateDependencies, maxConcurrent: 16, create: 2, start: 1, ready: 1}
	begin := measure{name: fmt.Sprintf("seed-%d", services), run: seed(most)}
	if rollOut {
		begin = rollOutMeasure(fmt.Sprintf("rollout-%d", services), orderWall, most, alone, true)
	}
	return []measure{begin, {name: "memory", run: memory}, {name: "cold-start", run: coldStart}, {name: "rest", run: rest}}
}

// rollOutMeasure is wall time against its bound. 10,000 at once are measured without a goal: one machine is simulator, API server and
// controller then.
func rollOutMeasure(name string, order int, s shape, group int, kept bool) measure {
	return measure{name: name, group: group, run: func(ctx context.Context, b *bench) error {
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
	return measure{name: name, group: small, run: func(ctx context.Context, b *bench) error {
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
