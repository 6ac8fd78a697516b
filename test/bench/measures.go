package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
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

// Measures of one group are made at the same time, those that are alone one after the other. What the API server takes of the two cores bounds
// how many that can be.
const (
	alone = iota
	small
)

func measures() []measure {
	bulk := func(n int, goal float64, order, group int) measure {
		s := shape{services: n, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 2, start: 1, ready: 0.5}
		return bulkMeasure(fmt.Sprintf("bulk-%d", n), order, s, goal, group)
	}
	thousand := shape{services: 1000, nodes: 50, levels: 1, gate: v1alpha1.GateDependencies, maxConcurrent: 16}
	return slices.Concat(
		[]measure{
			bulk(10, goalCalls10, orderCalls, alone), // so short a measure feels whatever else runs
			bulk(100, goalCalls100, orderCalls+1, small),
			{name: "peer", group: small, run: peer},
			{name: "drift", group: small, run: drift},
		},
		rollOuts(orderWall, shape{services: 10, nodes: 1, levels: 6, create: 2, start: 1, ready: 1.5}, small),
		rollOuts(orderWall+10, shape{services: 100, nodes: 3, levels: 6, create: 2, start: 1, ready: 1.5}, alone),
		rollOuts(orderWall+20, shape{services: 100, nodes: 3, levels: 6, create: 2, start: 1, ready: 1, spread: 1}, alone),
		[]measure{
			{name: "seed-1000", run: seed(thousand)},
			{name: "memory", run: memory},
			{name: "cold-start", run: coldStart},
			{name: "rest", run: rest},
			{name: "dag", run: dagBench},
		},
	)
}

// thousandMeasures are roll-outs of a thousand services. Five creations at once on a node, of all of its 50, are what a disk takes its time
// for; and the API server needs a tenth of a second of CPU for each service, which must not be what is measured.
func thousandMeasures() []measure {
	return rollOuts(orderWall, shape{services: 1000, nodes: 50, levels: 4, create: 30, start: 10, ready: 15}, alone)
}

// rollOuts are the measures of a shape with both gates, with few slots and with as many as one likes.
func rollOuts(order int, s shape, group int) []measure {
	var all []measure
	for _, s.gate = range gates {
		for _, s.maxConcurrent = range limits {
			name := fmt.Sprintf("rollout-%d-%s-%d", s.services, strings.ToLower(string(s.gate)), s.maxConcurrent)
			kept := s.maxConcurrent == unlimited && s.gate == v1alpha1.GateDependencies
			if s.spread > 0 {
				if s.maxConcurrent == unlimited {
					continue // nobody waits for a slot
				}
				name, kept = name+"-spread", false
			}
			all = append(all, rollOutMeasure(name, order, s, group, kept))
			order++
		}
	}
	return all
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

// rollOutMeasure is wall time against its bound. Nobody can know how long a service will take to answer: where that differs, the bound lets those come last
// that are quick, and there is no goal. 10,000 at once are measured without a goal: one machine is simulator, API server and
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
		switch {
		case s.services > 1000:
			b.table.add(order, what, fmt.Sprintf("%.2f", r.ratio()), "", true, r.detail(s.services)+fmt.Sprintf("; CPU %.0f s", r.cpu.Seconds()))
		case s.spread > 0:
			what += fmt.Sprintf(", ready after %g to %g s", s.ready, s.ready+s.spread)
			b.table.add(order, what, fmt.Sprintf("%.2f", r.ratio()), "", true, "the last of a phase is the slowest by chance; "+r.detail(s.services))
		default:
			b.table.atMost(order, what, "%.2f", r.ratio(), goalWall, r.detail(s.services))
		}
		return b.keepOrRemove(ctx, c, kept)
	}}
}

// bulkMeasure counts the calls of services that all come up at once, on one node with four slots, and their wall time too.
func bulkMeasure(name string, order int, s shape, goal float64, group int) measure {
	return measure{name: name, group: group, run: func(ctx context.Context, b *bench) error {
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
