// Package dag answers questions about a set of named nodes that depend on one
// another: in which order they come, in which phase, what runs in a circle,
// what is missing, who needs whom, and how that looks as text.
//
// It knows nothing of services, of Kubernetes or of Proxmox, does no I/O and
// never fails: cycles and missing targets are data. internal/manifest asks it
// about the services of one host, the kubectl plugin prints what it draws.
//
// Every answer is deterministic (it does not depend on the order in which
// nodes and dependencies were given) and, drawing aside, takes time linear in
// nodes and edges. A Graph never changes and may be used by many goroutines.
package dag

import (
	"slices"
	"strings"
	"sync"
)

// Node is one node as a manifest gives it: a name and the names it depends on.
type Node struct {
	Name      string
	DependsOn []string
}

// Graph is a set of nodes with their dependencies. Nodes also have an index,
// 0 to Len()-1, for callers to whom a map of 100,000 names is too slow.
// Whatever leaves two nodes in a tie is settled by the smaller index.
type Graph struct {
	names   []string
	indexOf func() map[string]int32
	heights func() []int32
	missing []Missing

	dependencies adjacency // node -> what it depends on, ascending
	dependents   adjacency // node -> what depends on it, ascending

	ranking
}

// Missing says that Node depends on Targets, which are not in the graph.
type Missing struct {
	Node    string
	Targets []string
}

// New builds the graph of nodes, indexed in the order of their names. A name
// given twice is one node with the dependencies of both; a target that is not
// among the nodes is reported by Missing and is no edge; a node that depends
// on itself is a cycle.
func New(nodes []Node) *Graph {
	sorted := byName(nodes)
	var names []string
	index := make(map[string]int32, len(nodes))
	for at, i := range sorted {
		if name := nodes[i].Name; at == 0 || name != names[len(names)-1] {
			index[name] = int32(len(names))
			names = append(names, name)
		}
	}

	g := &Graph{names: names, indexOf: func() map[string]int32 { return index }}
	edges := newBuilder(len(names), countDependencies(nodes))
	var targets []int32
	var absent []string
	for at, i := range sorted {
		for _, name := range nodes[i].DependsOn {
			if t, ok := index[name]; ok {
				targets = append(targets, t)
			} else {
				absent = append(absent, name)
			}
		}
		name := nodes[i].Name
		if at+1 < len(sorted) && nodes[sorted[at+1]].Name == name {
			continue
		}
		edges.add(targets)
		if len(absent) > 0 {
			slices.Sort(absent)
			g.missing = append(g.missing, Missing{Node: name, Targets: slices.Clone(slices.Compact(absent))})
		}
		targets, absent = targets[:0], absent[:0]
	}
	g.connect(edges)
	return g
}

// NewIndexed builds a graph for a caller that has resolved its names already:
// node i is called names[i] and depends on the nodes dependsOn[i]. It keeps
// the caller's numbering, which settles ties; names are for text and lookup
// only and are expected to be distinct. missing, which may be nil, is what the
// caller could not resolve, by node.
func NewIndexed(names []string, dependsOn [][]int32, missing []Missing) *Graph {
	g := &Graph{names: slices.Clone(names), missing: missing}
	g.indexOf = sync.OnceValue(func() map[string]int32 {
		index := make(map[string]int32, len(g.names))
		for i, name := range g.names {
			index[name] = int32(i)
		}
		return index
	})
	total := 0
	for _, targets := range dependsOn {
		total += len(targets)
	}
	edges := newBuilder(len(names), total)
	for _, targets := range dependsOn {
		edges.add(targets)
	}
	g.connect(edges)
	return g
}

func (g *Graph) connect(edges *builder) {
	g.dependents = edges.rows.transposed()
	g.dependencies = g.dependents.transposed()
	g.ranking = rank(g.dependencies, g.dependents)
	g.heights = sync.OnceValue(func() []int32 { return rank(g.dependents, g.dependencies).level })
}

// builder collects the rows of an adjacency in the order of their nodes.
type builder struct {
	rows adjacency
	seen []int32
}

func newBuilder(nodes, edges int) *builder {
	return &builder{
		rows: adjacency{start: make([]int, 1, nodes+1), to: make([]int32, 0, edges)},
		seen: make([]int32, nodes),
	}
}

func (b *builder) add(targets []int32) { b.rows.addRow(targets, b.seen) }

// byName returns the positions of nodes in the order of their names.
func byName(nodes []Node) []int32 {
	positions := make([]int32, len(nodes))
	for i := range positions {
		positions[i] = int32(i)
	}
	slices.SortFunc(positions, func(a, b int32) int { return strings.Compare(nodes[a].Name, nodes[b].Name) })
	return positions
}

func countDependencies(nodes []Node) int {
	total := 0
	for _, n := range nodes {
		total += len(n.DependsOn)
	}
	return total
}

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.names) }

// Name is the name of node i.
func (g *Graph) Name(i int32) string { return g.names[i] }

// Index is the index of the node called name, if there is one.
func (g *Graph) Index(name string) (i int32, ok bool) {
	i, ok = g.indexOf()[name]
	return i, ok
}

// Missing lists the dependencies that are not in the graph, by node, targets
// sorted. Callers must not change it.
func (g *Graph) Missing() []Missing { return g.missing }

// DependenciesOf lists the nodes that node i depends on directly, ascending.
// Callers must not change it.
func (g *Graph) DependenciesOf(i int32) []int32 { return g.dependencies.of(i) }

// DependentsOf lists the nodes that depend on node i directly, ascending.
// Callers must not change it.
func (g *Graph) DependentsOf(i int32) []int32 { return g.dependents.of(i) }

func (g *Graph) namesOf(indices []int32) []string {
	names := make([]string, len(indices))
	for i, v := range indices {
		names[i] = g.names[v]
	}
	return names
}
