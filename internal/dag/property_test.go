package dag_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/dag"
)

// few names, so that cycles, repeated nodes and missing targets are common.
func drawNodes(t *rapid.T) []dag.Node {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h"})
	node := rapid.Custom(func(t *rapid.T) dag.Node {
		return dag.Node{Name: name.Draw(t, "name"), DependsOn: rapid.SliceOfN(name, 0, 3).Draw(t, "dependsOn")}
	})
	return rapid.SliceOfN(node, 0, 10).Draw(t, "nodes")
}

func drawLists(t *rapid.T) [][]string {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "z"})
	return rapid.SliceOfN(rapid.SliceOfN(name, 0, 4), 0, 4).Draw(t, "lists")
}

// edges is the plain truth to compare with: by node, the targets that exist.
func edges(nodes []dag.Node) map[string]map[string]bool {
	found := map[string]map[string]bool{}
	for _, n := range nodes {
		if found[n.Name] == nil {
			found[n.Name] = map[string]bool{}
		}
	}
	for _, n := range nodes {
		for _, target := range n.DependsOn {
			if found[target] != nil {
				found[n.Name][target] = true
			}
		}
	}
	return found
}

// reaches says by plain search whether from depends on to, however far.
func reaches(edges map[string]map[string]bool, from, to string) bool {
	seen := map[string]bool{}
	queue := []string{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for target := range edges[n] {
			if target == to {
				return true
			}
			if !seen[target] {
				seen[target] = true
				queue = append(queue, target)
			}
		}
	}
	return false
}

func TestAnOrderRespectsEveryEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		g := dag.New(nodes)
		want := edges(nodes)
		for what, order := range map[string][]string{"order": g.Order(), "order by phase": g.Phases(drawLists(t)).Order()} {
			place := map[string]int{}
			for i, name := range order {
				place[name] = i + 1
			}
			for name := range place {
				for target := range want[name] {
					if place[target] == 0 || place[target] >= place[name] {
						t.Fatalf("%s %v: %s comes before its dependency %s", what, order, name, target)
					}
				}
			}
		}
		reversed := g.Teardown()
		slices.Reverse(reversed)
		if diff := cmp.Diff(g.Order(), reversed); diff != "" {
			t.Fatalf("teardown is not the reverse of the order:\n%s", diff)
		}
	})
}

func TestEveryNodeIsOrderedOrReachesACycle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		g := dag.New(nodes)
		want := edges(nodes)
		all := slices.Sorted(slices.Values(slices.Concat(g.Order(), g.Unordered())))
		if len(all) != len(want) || len(slices.Compact(all)) != len(want) {
			t.Fatalf("ordered and unordered are %v, of %d nodes", all, len(want))
		}
		for name := range want {
			behind := reaches(want, name, name)
			for other := range want {
				behind = behind || (reaches(want, name, other) && reaches(want, other, other))
			}
			if behind != slices.Contains(g.Unordered(), name) {
				t.Fatalf("%s: in or behind a cycle %t, unordered %v", name, behind, g.Unordered())
			}
		}
	})
}

func TestAReportedCycleIsThereAndNoneIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		want := edges(nodes)
		reported := map[string]int{}
		for i, c := range dag.New(nodes).Cycles() {
			if c.Path[0] != c.Members[0] || c.Path[len(c.Path)-1] != c.Members[0] || len(c.Path) < 2 {
				t.Fatalf("%v does not lead from %s back to it", c.Path, c.Members[0])
			}
			for at := range len(c.Path) - 1 {
				if !want[c.Path[at]][c.Path[at+1]] {
					t.Fatalf("%v: %s does not depend on %s", c.Path, c.Path[at], c.Path[at+1])
				}
			}
			for _, m := range c.Members {
				if reported[m] != 0 {
					t.Fatalf("%s is in two cycles", m)
				}
				reported[m] = i + 1
			}
		}
		for a := range want {
			if (reported[a] != 0) != reaches(want, a, a) {
				t.Fatalf("%s: reported %t, in a cycle %t", a, reported[a] != 0, reaches(want, a, a))
			}
			for b := range want {
				together := a != b && reaches(want, a, b) && reaches(want, b, a)
				if together && reported[a] != reported[b] {
					t.Fatalf("%s and %s are in one cycle and reported in two", a, b)
				}
			}
		}
	})
}

func TestMissingIsNeverInventedAndNeverForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		have := edges(nodes)
		want := map[string]bool{}
		for _, n := range nodes {
			for _, target := range n.DependsOn {
				if have[target] == nil {
					want[n.Name+" "+target] = true
				}
			}
		}
		got := map[string]bool{}
		for _, m := range dag.New(nodes).Missing() {
			if !slices.IsSorted(m.Targets) {
				t.Fatalf("targets of %s are not sorted: %v", m.Node, m.Targets)
			}
			for _, target := range m.Targets {
				got[m.Node+" "+target] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("missing (-want +got):\n%s", diff)
		}
	})
}

func TestPhasesRespectEdgesOrSayWhichTheyBreak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		lists := drawLists(t)
		g := dag.New(nodes)
		p := g.Phases(lists)
		want := map[string]bool{}
		for name, targets := range edges(nodes) {
			listed := slices.ContainsFunc(lists, func(l []string) bool { return slices.Contains(l, name) })
			if (p.Of(name) == 0) != (!listed && slices.Contains(g.Unordered(), name)) {
				t.Fatalf("%s: phase %d, listed %t, unordered %v", name, p.Of(name), listed, g.Unordered())
			}
			if p.Of(name) > p.Count {
				t.Fatalf("%s: phase %d of %d", name, p.Of(name), p.Count)
			}
			for target := range targets {
				if p.Of(name) > 0 && p.Of(target) > p.Of(name) {
					want[name+" "+target] = true
				}
				if len(lists) == 0 && p.Of(name) > 0 && p.Of(target) >= p.Of(name) {
					t.Fatalf("%s in phase %d depends on %s in %d", name, p.Of(name), target, p.Of(target))
				}
			}
		}
		got := map[string]bool{}
		for _, e := range p.TooEarly {
			got[e.Node+" "+e.Dependency] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("edges that the lists break (-want +got):\n%s", diff)
		}
	})
}

func TestDependenciesAreWhatAPlainSearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		g := dag.New(nodes)
		want := edges(nodes)
		for a := range want {
			var to, from []string
			for b := range want {
				if a != b && reaches(want, a, b) {
					to = append(to, b)
				}
				if a != b && reaches(want, b, a) {
					from = append(from, b)
				}
			}
			slices.Sort(to)
			slices.Sort(from)
			if !slices.Equal(to, g.Dependencies(a)) || !slices.Equal(from, g.Dependents(a)) {
				t.Fatalf("%s: dependencies %v, want %v; dependents %v, want %v", a, g.Dependencies(a), to, g.Dependents(a), from)
			}
		}
	})
}

func TestTheOrderOfTheInputChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t)
		lists := drawLists(t)
		shuffled := rapid.Permutation(nodes).Draw(t, "shuffled")
		for i, n := range shuffled {
			shuffled[i].DependsOn = rapid.Permutation(n.DependsOn).Draw(t, "dependsOn")
		}
		if diff := cmp.Diff(everything(nodes, lists), everything(shuffled, lists)); diff != "" {
			t.Fatalf("the order of the input shows:\n%s", diff)
		}
	})
}

func everything(nodes []dag.Node, lists [][]string) string {
	g := dag.New(nodes)
	p := g.Phases(lists)
	return fmt.Sprint(g.Order(), g.Unordered(), g.Missing(), g.Cycles(), g.Levels(),
		p.Order(), p.Groups(), p.TooEarly, p.Twice, p.Unknown,
		g.Tree(), g.DependentsTree(), g.DOT(p.Clusters(nil)), g.Mermaid(nil))
}
