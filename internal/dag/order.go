package dag

import "slices"

// ranking is the topological order of a graph, computed once when the graph
// is built because nearly every question needs it.
type ranking struct {
	order     []int32 // by level, then index; without what is in or behind a cycle
	unordered []int32 // what is in or behind a cycle, ascending
	level     []int32 // by index: 1 + the highest level among its dependencies; 0 if unordered
}

// rank peels the graph from the nodes without dependencies (Kahn's
// algorithm), then sorts the result by level with a counting sort.
func rank(dependencies, dependents adjacency) ranking {
	n := dependencies.len()
	r := ranking{level: make([]int32, n)}

	open := make([]int32, n)
	queue := make([]int32, 0, n)
	for i := range int32(n) {
		open[i] = int32(len(dependencies.of(i)))
		if open[i] == 0 {
			queue = append(queue, i)
			r.level[i] = 1
		}
	}
	// The queue never goes down a level, so what a node waited for last is the
	// highest of its dependencies.
	for head := 0; head < len(queue); head++ {
		u := queue[head]
		for _, v := range dependents.of(u) {
			if open[v]--; open[v] == 0 {
				r.level[v] = r.level[u] + 1
				queue = append(queue, v)
			}
		}
	}

	ordered := make([]int32, 0, len(queue))
	for i, level := range r.level {
		if level > 0 {
			ordered = append(ordered, int32(i))
		} else {
			r.unordered = append(r.unordered, int32(i))
		}
	}
	r.order = sortedBy(r.level, ordered)
	return r
}

// sortedBy returns nodes sorted by their key (a small number of one or more),
// keeping the order of equals.
func sortedBy(key []int32, nodes []int32) []int32 {
	highest := int32(0)
	for _, v := range nodes {
		highest = max(highest, key[v])
	}
	start := make([]int, highest+2)
	for _, v := range nodes {
		start[key[v]+1]++
	}
	for k := range highest + 1 {
		start[k+1] += start[k]
	}
	sorted := make([]int32, len(nodes))
	for _, v := range nodes {
		sorted[start[key[v]]] = v
		start[key[v]]++
	}
	return sorted
}

// Order lists the nodes so that each comes after everything it depends on:
// by level, then by name. Nodes in a cycle or behind one are left out and
// reported by Unordered.
func (g *Graph) Order() []string { return g.namesOf(g.order) }

// Teardown is Order in reverse: each node comes after everything that depends
// on it.
func (g *Graph) Teardown() []string {
	names := g.Order()
	slices.Reverse(names)
	return names
}

// Unordered lists the nodes that are in a cycle or depend, however far, on one
// that is.
func (g *Graph) Unordered() []string { return g.namesOf(g.unordered) }

// Height is how many nodes the longest chain has that begins with i and goes on
// with what depends on it: 1 for one that nobody needs. It is 0 for a node that
// is in a cycle or that one in a cycle depends on. It is computed when asked for.
func (g *Graph) Height(i int32) int { return int(g.heights()[i]) }

// OrderIndices is Order as indices. Callers must not change it.
func (g *Graph) OrderIndices() []int32 { return g.order }

// UnorderedIndices is Unordered as indices. Callers must not change it.
func (g *Graph) UnorderedIndices() []int32 { return g.unordered }

// Levels gives the level of each ordered node: 1 without dependencies, else
// one more than the highest level among them. Unordered nodes are not in it.
func (g *Graph) Levels() map[string]int {
	levels := make(map[string]int, len(g.order))
	for _, i := range g.order {
		levels[g.names[i]] = int(g.level[i])
	}
	return levels
}

// Level is the level of node i, 0 if it is in a cycle or behind one.
func (g *Graph) Level(i int32) int { return int(g.level[i]) }
