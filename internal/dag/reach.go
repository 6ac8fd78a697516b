package dag

import "slices"

// DirectDependencies lists what the node called name depends on itself,
// sorted; nothing if there is no such node.
func (g *Graph) DirectDependencies(name string) []string {
	return g.neighbours(name, g.dependencies)
}

// DirectDependents lists what depends on the node called name itself, sorted.
func (g *Graph) DirectDependents(name string) []string {
	return g.neighbours(name, g.dependents)
}

// Dependencies lists everything that the node called name depends on, however
// far, sorted. The node itself is never in it, not even when it is in a cycle.
func (g *Graph) Dependencies(name string) []string {
	return g.reachable(name, g.dependencies)
}

// Dependents lists everything that depends on the node called name, however
// far, sorted. The node itself is never in it.
func (g *Graph) Dependents(name string) []string {
	return g.reachable(name, g.dependents)
}

func (g *Graph) neighbours(name string, edges adjacency) []string {
	i, ok := g.Index(name)
	if !ok {
		return nil
	}
	return g.namesOf(edges.of(i))
}

func (g *Graph) reachable(name string, edges adjacency) []string {
	start, ok := g.Index(name)
	if !ok {
		return nil
	}
	seen := make([]bool, g.Len())
	seen[start] = true
	queue := []int32{start}
	for head := 0; head < len(queue); head++ {
		for _, v := range edges.of(queue[head]) {
			if !seen[v] {
				seen[v] = true
				queue = append(queue, v)
			}
		}
	}
	found := queue[1:]
	slices.Sort(found)
	return g.namesOf(found)
}
