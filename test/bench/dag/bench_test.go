// Package dag measures the order of a large graph beside gonum's topo.Sort. It
// is a module of its own so that gonum is no dependency of the controller.
//
//	go test -run Goal -v .      # fails if ours takes longer
//	go test -bench . .
package dag

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"

	"github.com/nixmox/nixmox-controller/internal/dag"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

const (
	nodeCount = 100_000
	edgeCount = 1_000_000
)

// world is one random acyclic graph in the forms that the contenders take.
type world struct {
	nodes    []dag.Node
	services []manifest.Service
	gonum    *simple.DirectedGraph
}

func newWorld() world {
	random := rand.New(rand.NewPCG(1, 2))
	place := random.Perm(nodeCount) // position in a hidden order, so that names say nothing
	w := world{
		nodes:    make([]dag.Node, nodeCount),
		services: make([]manifest.Service, nodeCount),
		gonum:    simple.NewDirectedGraph(),
	}
	for i := range w.nodes {
		w.nodes[i].Name = fmt.Sprintf("service-%06d", i)
		w.gonum.AddNode(simple.Node(i))
	}
	for edges := 0; edges < edgeCount; {
		from, to := random.IntN(nodeCount), random.IntN(nodeCount)
		if place[from] <= place[to] || w.gonum.HasEdgeFromTo(int64(from), int64(to)) {
			continue
		}
		w.gonum.SetEdge(simple.Edge{F: simple.Node(from), T: simple.Node(to)})
		w.nodes[from].DependsOn = append(w.nodes[from].DependsOn, w.nodes[to].Name)
		edges++
	}
	random.Shuffle(nodeCount, func(i, j int) { w.nodes[i], w.nodes[j] = w.nodes[j], w.nodes[i] })
	for i, n := range w.nodes {
		w.services[i] = manifest.Service{
			Key:       manifest.Key{Namespace: "homelab", Name: n.Name},
			IP:        netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
			Hostname:  n.Name + ".example.com",
			DependsOn: n.DependsOn,
			Enabled:   true,
			Created:   time.Unix(int64(i), 0),
		}
	}
	return w
}

// order is ours from the names to the order and the phases.
func (w world) order() error {
	g := dag.New(w.nodes)
	p := g.Phases(nil)
	if len(p.Order()) != nodeCount || p.Count == 0 {
		return fmt.Errorf("%d of %d nodes ordered", len(p.Order()), nodeCount)
	}
	return nil
}

// validate is ours with everything: order, phases, levels, all checks.
func (w world) validate() error {
	r := manifest.Validate(w.services, nil)
	if len(r.Problems) != 0 || len(r.Order()) != nodeCount {
		return fmt.Errorf("%d problems, %d of %d services ordered", len(r.Problems), len(r.Order()), nodeCount)
	}
	return nil
}

// sort is gonum's order of a graph that is built already.
func (w world) sort() error {
	var order []graph.Node
	order, err := topo.Sort(w.gonum)
	if err == nil && len(order) != nodeCount {
		err = fmt.Errorf("%d of %d nodes ordered", len(order), nodeCount)
	}
	return err
}

func BenchmarkOrder100k(b *testing.B) {
	w := newWorld()
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"ours/order+phases", w.order},
		{"ours/order+phases+validation", w.validate},
		{"gonum/topo.Sort", w.sort},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestGoal runs both in turn, so that a busy machine is busy for both, and
// compares the medians: order, phases and validation from the manifests' names
// against topo.Sort alone on its finished graph.
func TestGoal(t *testing.T) {
	w := newWorld()
	var ours, theirs []time.Duration
	for range 5 {
		ours = append(ours, measure(t, w.validate))
		theirs = append(theirs, measure(t, w.sort))
	}
	a, b := median(ours), median(theirs)
	ratio := float64(a) / float64(b)
	t.Logf("order, phases and validation of %d services with %d edges: %v; gonum topo.Sort: %v; ratio %.2f", nodeCount, edgeCount, a, b, ratio)
	if ratio > 1 {
		t.Errorf("ratio %.2f, goal 1.00 or less", ratio)
	}
}

func measure(t *testing.T, run func() error) time.Duration {
	t.Helper()
	start := time.Now()
	if err := run(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
