package manifest

import (
	"fmt"
	"strings"
)

func (s *set) circularDependencies() []Problem {
	var problems []Problem
	for _, cycle := range s.graph.Cycles() {
		detail := wayRound(cycle.Path)
		if rest := without(cycle.Members, cycle.Path); len(rest) > 0 {
			detail += fmt.Sprintf("; %s %s part of it too", join(rest), choose(len(rest), "is", "are"))
		}
		smallest := s.services[cycle.Indices[0]].Name
		problems = append(problems, newProblem(CircularDependency, []string{smallest}, s.keys(cycle.Indices), detail))
	}
	return problems
}

// wayRound writes a circle, a very long one without its middle.
func wayRound(path []string) string {
	if len(path) > 2*maxNamed {
		path = append(append(path[:maxNamed:maxNamed], "..."), path[len(path)-maxNamed:]...)
	}
	return strings.Join(path, " -> ")
}

// without returns the names that are not in other.
func without(names, other []string) []string {
	skip := make(map[string]bool, len(other))
	for _, name := range other {
		skip[name] = true
	}
	var rest []string
	for _, name := range names {
		if !skip[name] {
			rest = append(rest, name)
		}
	}
	return rest
}

func (s *set) missingDependencies() []Problem {
	var problems []Problem
	for _, m := range s.graph.Missing() {
		i, _ := s.graph.Index(m.Node)
		if !s.services[i].Enabled {
			continue
		}
		detail := fmt.Sprintf("%s depends on %s, which %s on this host%s; apply what is missing or remove it from dependsOn",
			m.Node, join(m.Targets), choose(len(m.Targets), "is not", "are not"), s.inNamespaceOf(i))
		problems = append(problems, newProblem(MissingDependency, m.Targets, s.keys([]int32{i}), detail))
	}
	return problems
}

// inNamespaceOf reminds of the namespace where several share the host: the
// name may well exist in another.
func (s *set) inNamespaceOf(i int32) string {
	if len(s.index) < 2 {
		return ""
	}
	return " in namespace " + s.services[i].Namespace
}

func (s *set) disabledDependencies() []Problem {
	var problems []Problem
	for i := range s.services {
		if !s.services[i].Enabled {
			continue
		}
		var names []string
		for _, d := range s.graph.DependenciesOf(int32(i)) {
			if !s.services[d].Enabled {
				names = append(names, s.services[d].Name)
			}
		}
		if len(names) == 0 {
			continue
		}
		detail := fmt.Sprintf("%s depends on %s, which %s; enable what is disabled or remove it from dependsOn",
			s.names[i], join(names), choose(len(names), "is disabled", "are disabled"))
		problems = append(problems, newProblem(DisabledDependency, names, s.keys([]int32{int32(i)}), detail))
	}
	return problems
}
