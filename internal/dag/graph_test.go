package dag_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/dag"
)

// parse reads "a: b c; b: c; c" as nodes with their dependencies.
func parse(text string) []dag.Node {
	var nodes []dag.Node
	for part := range strings.SplitSeq(text, ";") {
		name, deps, _ := strings.Cut(part, ":")
		if name = strings.TrimSpace(name); name != "" {
			nodes = append(nodes, dag.Node{Name: name, DependsOn: strings.Fields(deps)})
		}
	}
	return nodes
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const fullStack = `dns; postgresql: dns; caddy: dns; authentik: postgresql caddy;
	vaultwarden: postgresql caddy authentik; media: postgresql caddy; mail: postgresql caddy dns`

func TestOrder(t *testing.T) {
	for _, tt := range []struct{ name, graph, order, unordered string }{
		{"nothing has no order", "", "", ""},
		{"independent nodes come by name", "c; a; b", "a b c", ""},
		{"a dependency comes first whatever its name", "a: z; z", "z a", ""},
		{"levels come before names", "a: c; b; c", "b c a", ""},
		{"the sample stack", fullStack, "dns caddy postgresql authentik mail media vaultwarden", ""},
		{"a cycle is left out, and what is behind it", "a: b; b: a; c: b; d: c; e", "e", "a b c d"},
		{"what a cycle needs is not behind it", "a: b x; b: a; x", "x", "a b"},
		{"a node that needs itself is a cycle", "a: a; b", "b", "a"},
		{"a missing target holds nothing back here", "a: gone; b: a", "a b", ""},
		{"a name given twice has the dependencies of both", "a: b; a: c; b; c: b", "b c a", ""},
		{"a dependency named twice is one", "a: b b; b", "b a", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := dag.New(parse(tt.graph))
			same(t, "order", tt.order, strings.Join(g.Order(), " "))
			same(t, "unordered", tt.unordered, strings.Join(g.Unordered(), " "))
		})
	}
}

func TestCycles(t *testing.T) {
	for _, tt := range []struct {
		name, graph string
		paths       []string
		members     []string
	}{
		{"none in a diamond", "a: b c; b: d; c: d; d", nil, nil},
		{"two that need each other, from the smaller name", "b: a; a: b", []string{"a -> b -> a"}, []string{"a b"}},
		{"one that needs itself", "a: a", []string{"a -> a"}, []string{"a"}},
		{"the path follows the dependencies", "a: c; c: b; b: a", []string{"a -> c -> b -> a"}, []string{"a b c"}},
		{"the shortest way round is shown", "a: b c; b: c; c: a", []string{"a -> c -> a"}, []string{"a b c"}},
		{"two circles through one node are one cycle", "m: a z; a: m; z: m", []string{"a -> m -> a"}, []string{"a m z"}},
		{"two apart are two", "x: y; y: x; a: b; b: a; c: a x", []string{"a -> b -> a", "x -> y -> x"}, []string{"a b", "x y"}},
		{"one that depends on the other", "a: b x; b: a; x: y; y: x", []string{"a -> b -> a", "x -> y -> x"}, []string{"a b", "x y"}},
		{"a self edge inside a larger cycle", "a: b; b: a b", []string{"a -> b -> a"}, []string{"a b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var paths, members []string
			for _, c := range dag.New(parse(tt.graph)).Cycles() {
				paths = append(paths, c.String())
				members = append(members, strings.Join(c.Members, " "))
			}
			same(t, "paths", tt.paths, paths)
			same(t, "members", tt.members, members)
		})
	}
}

func TestMissingTargetsAreData(t *testing.T) {
	g := dag.New(parse("b: y a x x; a; c: y"))
	same(t, "missing", []dag.Missing{
		{Node: "b", Targets: []string{"x", "y"}},
		{Node: "c", Targets: []string{"y"}},
	}, g.Missing())
	same(t, "direct dependencies of b", []string{"a"}, g.DirectDependencies("b"))
}

func TestReach(t *testing.T) {
	g := dag.New(parse(fullStack))
	same(t, "dependencies", []string{"caddy", "dns", "postgresql"}, g.Dependencies("authentik"))
	same(t, "direct dependencies", []string{"caddy", "postgresql"}, g.DirectDependencies("authentik"))
	same(t, "dependents", []string{"authentik", "mail", "media", "vaultwarden"}, g.Dependents("caddy"))
	same(t, "direct dependents", []string{"caddy", "mail", "postgresql"}, g.DirectDependents("dns"))
	same(t, "of an unknown name", []string(nil), g.Dependencies("gone"))

	loop := dag.New(parse("a: b; b: c; c: b"))
	same(t, "a node in a cycle is not its own dependency", []string{"c"}, loop.Dependencies("b"))
}

func TestHeights(t *testing.T) {
	g := dag.New([]dag.Node{{"a", []string{"b"}}, {"b", []string{"c"}}, {"c", nil}, {"lone", nil}, {"wide", []string{"c"}}, {"below", nil}, {"x", []string{"y", "below"}}, {"y", []string{"x"}}})
	got := map[string]int{}
	for i := range int32(g.Len()) {
		got[g.Name(i)] = g.Height(i)
	}
	same(t, "heights", map[string]int{"a": 1, "b": 2, "c": 3, "lone": 1, "wide": 1, "below": 0, "x": 0, "y": 0}, got)
}

func TestLevels(t *testing.T) {
	g := dag.New(parse("a: b; b: c; c; x: y; y: x"))
	same(t, "levels", map[string]int{"c": 1, "b": 2, "a": 3}, g.Levels())
}

func TestAnIndexedGraphKeepsItsNumbering(t *testing.T) {
	g := dag.NewIndexed([]string{"z", "y", "a"}, [][]int32{nil, nil, {0, 1, 0}}, nil)
	same(t, "order", []int32{0, 1, 2}, g.OrderIndices())
	same(t, "dependencies by index", []int32{0, 1}, g.DependenciesOf(2))
	same(t, "dependencies by name", []string{"z", "y"}, g.Dependencies("a"))
}
