package dag

import (
	"slices"
	"strings"
)

// Cycle is a set of nodes that all depend on one another, with one way round.
type Cycle struct {
	// Members are all nodes of the set, sorted. Mending the path alone may not
	// be enough: the set can hold several circles.
	Members []string
	// Path is a shortest circle through the first member: it starts and ends
	// with it, and each node depends on the one that follows.
	Path []string
	// Indices are the indices of Members.
	Indices []int32
}

// String is the path as a person reads it: "a -> b -> a".
func (c Cycle) String() string { return strings.Join(c.Path, " -> ") }

// Cycles lists every cycle of the graph, by first member. A node belongs to
// at most one; a node that depends on itself and on no other circle is one.
func (g *Graph) Cycles() []Cycle {
	if len(g.unordered) == 0 {
		return nil
	}
	component, members := g.components()
	var cycles []Cycle
	previous := make([]int32, g.Len())
	for _, nodes := range members {
		if len(nodes) == 1 && !slices.Contains(g.DependenciesOf(nodes[0]), nodes[0]) {
			continue
		}
		slices.Sort(nodes)
		path := g.circle(nodes[0], component, previous)
		cycles = append(cycles, Cycle{Members: g.namesOf(nodes), Path: g.namesOf(path), Indices: nodes})
	}
	slices.SortFunc(cycles, func(a, b Cycle) int { return int(a.Indices[0] - b.Indices[0]) })
	return cycles
}

// components finds the strongly connected components among the unordered
// nodes (Tarjan's algorithm, with a stack of its own: a chain of 100,000 nodes
// must not exhaust a goroutine's). component numbers them from 1.
func (g *Graph) components() (component []int32, members [][]int32) {
	t := tarjan{
		edges:     g.dependencies,
		number:    make([]int32, g.Len()),
		low:       make([]int32, g.Len()),
		component: make([]int32, g.Len()),
	}
	for _, i := range g.order {
		t.number[i] = ordered
	}
	for _, i := range g.unordered {
		if t.number[i] == 0 {
			t.visit(i)
		}
	}
	return t.component, t.members
}

// ordered marks nodes that cannot be in a cycle, so that they are not searched.
const ordered = -1

type tarjan struct {
	edges     adjacency
	number    []int32 // order of discovery from 1; 0 not seen yet
	low       []int32 // the earliest node known to be reachable
	component []int32 // 0 while on the stack or not seen
	stack     []int32
	calls     []call
	count     int32
	members   [][]int32
}

// call is one level of the recursion: a node and its next edge to follow.
type call struct {
	node int32
	edge int
}

func (t *tarjan) visit(root int32) {
	t.enter(root)
	for len(t.calls) > 0 {
		top := &t.calls[len(t.calls)-1]
		u := top.node
		if top.edge < t.edges.start[u+1] {
			v := t.edges.to[top.edge]
			top.edge++
			switch {
			case t.number[v] == 0:
				t.enter(v)
			case t.number[v] != ordered && t.component[v] == 0:
				t.low[u] = min(t.low[u], t.number[v])
			}
			continue
		}
		t.calls = t.calls[:len(t.calls)-1]
		if t.low[u] == t.number[u] {
			t.leave(u)
		}
		if len(t.calls) > 0 {
			parent := t.calls[len(t.calls)-1].node
			t.low[parent] = min(t.low[parent], t.low[u])
		}
	}
}

func (t *tarjan) enter(u int32) {
	t.count++
	t.number[u], t.low[u] = t.count, t.count
	t.stack = append(t.stack, u)
	t.calls = append(t.calls, call{node: u, edge: t.edges.start[u]})
}

// leave takes the component whose first discovered node is u off the stack.
func (t *tarjan) leave(u int32) {
	from := len(t.stack) - 1
	for t.stack[from] != u {
		from--
	}
	nodes := slices.Clone(t.stack[from:])
	t.stack = t.stack[:from]
	t.members = append(t.members, nodes)
	for _, v := range nodes {
		t.component[v] = int32(len(t.members))
	}
}

// circle walks breadth first from start, inside its component, until an edge
// leads back to it. previous is scratch space; components do not overlap, so
// it needs no clearing between them beyond the marks it reads.
func (g *Graph) circle(start int32, component, previous []int32) []int32 {
	queue := []int32{start}
	previous[start] = start + 1
	for head := 0; ; head++ {
		u := queue[head]
		for _, v := range g.DependenciesOf(u) {
			if v == start {
				return unwind(start, u, previous)
			}
			if component[v] == component[start] && previous[v] == 0 {
				previous[v] = u + 1
				queue = append(queue, v)
			}
		}
	}
}

func unwind(start, last int32, previous []int32) []int32 {
	path := []int32{start}
	for u := last; u != start; u = previous[u] - 1 {
		path = append(path, u)
	}
	path = append(path, start)
	slices.Reverse(path)
	return path
}
