package dag

import "slices"

// Phasing says in which deployment phase each node of a graph stands.
//
// Without lists a node's phase is its level: one more than the highest phase
// among its dependencies. With lists a listed node's phase is the position of
// the first list that names it; a node in no list takes the highest phase
// among its dependencies, else 1.
//
// A node in a cycle or behind one has no phase (0) unless a list gives it one:
// its dependencies do not say where it belongs. Missing targets count for
// nothing.
type Phasing struct {
	// Count is the number of phases: of the lists if there are any, empty ones
	// included, else the highest phase of a node.
	Count int
	// TooEarly lists the nodes that stand before one that they depend on.
	TooEarly []TooEarly
	// Twice lists the nodes that are listed more than once.
	Twice []Twice
	// Unknown lists the listed names that are not in the graph, by phase.
	Unknown []Unknown

	graph  *Graph
	number []int32
	order  []int32
}

// TooEarly says that a list puts Node in an earlier phase than Dependency, on
// which it depends directly. Only lists can do that.
type TooEarly struct {
	Node, Dependency       string
	Phase, DependencyPhase int
	// NodeIndex and DependencyIndex are their indices.
	NodeIndex, DependencyIndex int32
}

// Twice says that Node is listed in each of Phases, ascending; a phase that
// names it twice is there twice. The first one counts.
type Twice struct {
	Node   string
	Phases []int
	// Index is the node's index.
	Index int32
}

// Unknown says that the list of Phase holds Names, sorted, that do not exist.
type Unknown struct {
	Phase int
	Names []string
}

// Phases finds the phase of every node. lists are the phases in their order,
// each with the names that belong to it; without any the phases follow from
// the dependencies.
func (g *Graph) Phases(lists [][]string) Phasing {
	var unknown []Unknown
	known := make([][]int32, len(lists))
	for p, list := range lists {
		var absent []string
		for _, name := range list {
			if i, ok := g.Index(name); ok {
				known[p] = append(known[p], i)
			} else {
				absent = append(absent, name)
			}
		}
		if len(absent) > 0 {
			slices.Sort(absent)
			unknown = append(unknown, Unknown{Phase: p + 1, Names: slices.Compact(absent)})
		}
	}
	phasing := g.PhasesIndexed(known)
	phasing.Unknown = unknown
	return phasing
}

// PhasesIndexed is Phases for lists of indices.
func (g *Graph) PhasesIndexed(lists [][]int32) Phasing {
	if len(lists) == 0 {
		p := Phasing{graph: g, number: g.level, order: g.order}
		if last := len(g.order) - 1; last >= 0 {
			p.Count = int(g.level[g.order[last]])
		}
		return p
	}
	p := Phasing{Count: len(lists), graph: g}
	p.number, p.Twice = g.listed(lists)
	g.fillUnlisted(p.number)
	p.TooEarly = g.tooEarly(p.number)
	p.order = g.orderBy(p.number)
	return p
}

// listed gives each listed node its phase and finds those listed twice.
func (g *Graph) listed(lists [][]int32) (number []int32, twice []Twice) {
	number = make([]int32, g.Len())
	mentions := make(map[int32][]int) // of nodes listed more than once
	for p, list := range lists {
		for _, i := range list {
			if number[i] == 0 {
				number[i] = int32(p + 1)
				continue
			}
			if len(mentions[i]) == 0 {
				mentions[i] = []int{int(number[i])}
			}
			mentions[i] = append(mentions[i], p+1)
		}
	}
	for i, phases := range mentions {
		twice = append(twice, Twice{Node: g.names[i], Phases: phases, Index: i})
	}
	slices.SortFunc(twice, func(a, b Twice) int { return int(a.Index - b.Index) })
	return number, twice
}

func (g *Graph) fillUnlisted(number []int32) {
	for _, i := range g.order {
		if number[i] != 0 {
			continue
		}
		number[i] = 1
		for _, d := range g.DependenciesOf(i) {
			number[i] = max(number[i], number[d])
		}
	}
}

func (g *Graph) tooEarly(number []int32) []TooEarly {
	var found []TooEarly
	for i := range int32(g.Len()) {
		if number[i] == 0 {
			continue
		}
		for _, d := range g.DependenciesOf(i) {
			if number[d] > number[i] {
				found = append(found, TooEarly{
					Node: g.names[i], Dependency: g.names[d],
					Phase: int(number[i]), DependencyPhase: int(number[d]),
					NodeIndex: i, DependencyIndex: d,
				})
			}
		}
	}
	return found
}

// orderBy sorts the ordered nodes by phase. Where a list contradicts an edge
// the edge wins: the node goes with the phase of what it depends on.
func (g *Graph) orderBy(number []int32) []int32 {
	effective := slices.Clone(number)
	for _, i := range g.order {
		for _, d := range g.DependenciesOf(i) {
			effective[i] = max(effective[i], effective[d])
		}
	}
	return sortedBy(effective, g.order)
}

// Of is the phase of the node called name, 0 if it has none.
func (p Phasing) Of(name string) int {
	i, ok := p.graph.Index(name)
	if !ok {
		return 0
	}
	return int(p.number[i])
}

// Number is the phase of node i, 0 if it has none.
func (p Phasing) Number(i int32) int { return int(p.number[i]) }

// Order lists the nodes phase by phase and inside a phase by level, then name.
// Like Graph.Order it respects every edge and leaves out the unordered nodes;
// without lists it is the same.
func (p Phasing) Order() []string { return p.graph.namesOf(p.order) }

// OrderIndices is Order as indices. Callers must not change it.
func (p Phasing) OrderIndices() []int32 { return p.order }

// Groups lists the nodes of each phase, phase 1 first, in deployment order,
// those that are listed but in a cycle or behind one at the end.
func (p Phasing) Groups() [][]string {
	groups := make([][]string, p.Count)
	for at, nodes := range p.GroupsIndices() {
		groups[at] = p.graph.namesOf(nodes)
	}
	return groups
}

// GroupsIndices is Groups as indices.
func (p Phasing) GroupsIndices() [][]int32 {
	groups := make([][]int32, p.Count)
	for _, nodes := range [][]int32{p.order, p.graph.unordered} {
		for _, i := range nodes {
			if n := p.number[i]; n > 0 {
				groups[n-1] = append(groups[n-1], i)
			}
		}
	}
	return groups
}
