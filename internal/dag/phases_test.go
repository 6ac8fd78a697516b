package dag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/dag"
)

// parseLists reads "dns db | app" as two phase lists.
func parseLists(text string) [][]string {
	if text == "" {
		return nil
	}
	var lists [][]string
	for part := range strings.SplitSeq(text, "|") {
		lists = append(lists, strings.Fields(part))
	}
	return lists
}

func TestPhases(t *testing.T) {
	for _, tt := range []struct {
		name, graph, lists string
		phases             string // phase by phase, what has none behind " / "
		problems           string
	}{
		{"without lists they follow from the dependencies", fullStack, "",
			"dns | caddy postgresql | authentik mail media | vaultwarden", ""},
		{"without lists a cycle and what is behind it have none", "a; b: a; x: x; y: x b", "",
			"a | b / x y", ""},
		{"a list decides, and inside a phase the dependencies order", fullStack, "postgresql dns caddy | authentik | mail vaultwarden media",
			"dns caddy postgresql | authentik | mail media vaultwarden", ""},
		{"an unlisted node takes the highest phase of its dependencies", "a; b: a; c: a b; d: c", "a | b",
			"a | b c d", ""},
		{"an unlisted node without dependencies stands in phase 1", "a; b", "| b", "a | b", ""},
		{"a phase may be empty", "a; b: a", "a || b", "a |  | b", ""},
		{"a listed node may not stand before its dependency", "a: b; b", "a | b", "a | b",
			"a in 1 before b in 2"},
		{"nor before an unlisted one that is held by a third", "a: b; b: c; c", "a | c", "a | c b",
			"a in 1 before b in 2"},
		{"a listed name may not exist", "a", "gone a | more gone", "a | ",
			"unknown in 1: gone; unknown in 2: gone more"},
		{"the first of two mentions counts", "a; b", "a | b a | a a", "a | b | ",
			"a listed in [1 2 3 3]"},
		{"a listed node in a cycle keeps its phase, an unlisted one behind it has none", "a: b; b: a; c: a", "a | b", "a | b / c",
			"a in 1 before b in 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := dag.New(parse(tt.graph))
			p := g.Phases(parseLists(tt.lists))
			same(t, "phases", tt.phases, describe(g, p))
			same(t, "problems", tt.problems, problems(p))
		})
	}
}

func describe(g *dag.Graph, p dag.Phasing) string {
	var groups, none []string
	for _, group := range p.Groups() {
		groups = append(groups, strings.Join(group, " "))
	}
	for _, name := range append(g.Order(), g.Unordered()...) {
		if p.Of(name) == 0 {
			none = append(none, name)
		}
	}
	text := strings.Join(groups, " | ")
	if len(none) > 0 {
		text += " / " + strings.Join(none, " ")
	}
	return text
}

func problems(p dag.Phasing) string {
	var found []string
	for _, e := range p.TooEarly {
		found = append(found, fmt.Sprintf("%s in %d before %s in %d", e.Node, e.Phase, e.Dependency, e.DependencyPhase))
	}
	for _, e := range p.Twice {
		found = append(found, fmt.Sprintf("%s listed in %v", e.Node, e.Phases))
	}
	for _, e := range p.Unknown {
		found = append(found, fmt.Sprintf("unknown in %d: %s", e.Phase, strings.Join(e.Names, " ")))
	}
	return strings.Join(found, "; ")
}

func TestAnOrderByPhaseRespectsEveryEdgeEvenAgainstTheLists(t *testing.T) {
	p := dag.New(parse("a: b; b; c: a")).Phases(parseLists("a c | b"))
	same(t, "order", []string{"b", "a", "c"}, p.Order())
}
