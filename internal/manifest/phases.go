package manifest

import (
	"fmt"
	"slices"
)

// resolvePhases turns the names of each phase into indices.
func (s *set) resolvePhases(phases []Phase) [][]int32 {
	mentions := mentionsOf(phases)
	lists := make([][]int32, len(phases))
	if len(mentions) == 0 {
		return lists
	}
	for i := range s.services {
		for _, p := range mentions[s.services[i].Name] {
			lists[p] = append(lists[p], int32(i))
		}
	}
	return lists
}

// mentionsOf gives for each listed name the positions of the phases that list
// it.
func mentionsOf(phases []Phase) map[string][]int {
	mentions := map[string][]int{}
	for p, phase := range phases {
		for _, name := range phase.Services {
			mentions[name] = append(mentions[name], p)
		}
	}
	return mentions
}

// phaseContradictions is a problem for each enabled service that is listed in
// a phase before one that it depends on.
func (r *Report) phaseContradictions() []Problem {
	var problems []Problem
	early := r.phasing.TooEarly
	for len(early) > 0 {
		node := early[0].NodeIndex
		n := 1
		for n < len(early) && early[n].NodeIndex == node {
			n++
		}
		if r.set.services[node].Enabled {
			detail := fmt.Sprintf("%s is in %s and depends on", r.set.names[node], r.phaseTitle(early[0].Phase))
			for at, e := range early[:n] {
				detail += fmt.Sprintf("%s %s in %s", choose(at+1, "", ","), e.Dependency, r.phaseTitle(e.DependencyPhase))
			}
			detail += "; change the host's phases or dependsOn"
			problems = append(problems, newProblem(PhaseContradiction, []string{r.set.services[node].Name}, r.set.keys([]int32{node}), detail))
		}
		early = early[n:]
	}
	return problems
}

func (r *Report) repeatedPhaseServices() []Problem {
	var names []string
	mentions := mentionsOf(r.phases)
	for name, positions := range mentions {
		if len(positions) > 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var problems []Problem
	for _, name := range names {
		var titles []string
		for _, p := range mentions[name] {
			titles = append(titles, r.phaseTitle(p+1))
		}
		problems = append(problems, newProblem(RepeatedPhaseService, []string{name}, nil,
			fmt.Sprintf("%s is listed in %s; the first counts", name, join(titles))))
	}
	return problems
}

// unknownPhaseServices is a problem for each phase that lists names that no
// service has.
func (r *Report) unknownPhaseServices() []Problem {
	if len(r.phases) == 0 {
		return nil
	}
	known := make(map[string]bool, len(r.set.services))
	for i := range r.set.services {
		known[r.set.services[i].Name] = true
	}
	var problems []Problem
	for p, phase := range r.phases {
		var names []string
		for _, name := range phase.Services {
			if !known[name] {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		problem := newProblem(UnknownPhaseService, names, nil, "")
		problem.Detail = fmt.Sprintf("%s lists %s; no later phase starts for the first time until %s",
			r.phaseTitle(p+1), join(problem.Names), choose(len(problem.Names), "it exists", "they exist"))
		problem.Phase = p + 1
		problems = append(problems, problem)
	}
	return problems
}

// phaseTitle is "phase 2 (identity)", or "phase 2" without a name.
func (r *Report) phaseTitle(number int) string {
	title := fmt.Sprintf("phase %d", number)
	if number <= len(r.phases) && r.phases[number-1].Name != "" {
		title += " (" + r.phases[number-1].Name + ")"
	}
	return title
}
