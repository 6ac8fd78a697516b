package manifest

import (
	"slices"

	"github.com/nixmox/nixmox-controller/internal/dag"
)

// Validate judges the services of one host and the phases that the host names
// (none: they follow from the dependencies). It finds all problems at once, in
// an order that does not depend on the order of its input, and takes time
// linear in services and dependencies, the sort by key aside.
//
// A disabled service is asked for little: it takes no address or host name
// from anyone, and what it lacks itself is reported when it is enabled. Its
// part in a circle is reported, because that leaves others without an order.
func Validate(services []Service, phases []Phase) *Report {
	return ValidateAmong(services, phases, nil)
}

// ValidateAmong is Validate where guests of somebody else have addresses too.
func ValidateAmong(services []Service, phases []Phase, foreign []Foreign) *Report {
	s := newSet(services)
	r := &Report{set: s, phases: phases}
	r.phasing = s.graph.PhasesIndexed(s.resolvePhases(phases))

	for _, check := range []func() []Problem{
		s.circularDependencies,
		s.missingDependencies,
		s.duplicateIPs,
		func() []Problem { return s.foreignIPs(foreign) },
		s.duplicateHostnames,
		s.duplicateServices,
		r.phaseContradictions,
		r.repeatedPhaseServices,
		r.unknownPhaseServices,
		s.disabledDependencies,
	} {
		r.Problems = append(r.Problems, check()...)
	}
	r.block()
	r.handOver()
	return r
}

// set is the services sorted by key, one entry each, with their names resolved
// to indices. Everything else works on the indices.
type set struct {
	services []Service
	index    map[string]map[string]int32 // namespace -> name -> index
	names    []string                    // as details and drawings show them
	graph    *dag.Graph
	repeated []repeated
}

// repeated is a service that was given more than once.
type repeated struct {
	index int32
	times int
}

func newSet(services []Service) *set {
	s := &set{index: map[string]map[string]int32{}}
	s.sort(services)
	s.name()
	dependsOn, missing := s.resolve()
	s.graph = dag.NewIndexed(s.names, dependsOn, missing)
	return s
}

// sort fills services and index. Of a service given more than once the first
// definition in the order of compareDefinitions stands, with the dependencies
// of all.
func (s *set) sort(services []Service) {
	order := make([]int32, len(services))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &services[i], &services[j]
		if c := a.Compare(b.Key); c != 0 {
			return c
		}
		return compareDefinitions(a, b)
	})
	s.services = make([]Service, 0, len(services))
	for _, i := range order {
		last := int32(len(s.services) - 1)
		if last >= 0 && s.services[last].Key == services[i].Key {
			s.merge(last, services[i].DependsOn)
			continue
		}
		s.services = append(s.services, services[i])
	}
	for from := 0; from < len(s.services); {
		from = s.indexNamespace(from)
	}
}

// indexNamespace fills index for the namespace whose services begin at from,
// and returns where they end.
func (s *set) indexNamespace(from int) (end int) {
	namespace := s.services[from].Namespace
	for end = from; end < len(s.services) && s.services[end].Namespace == namespace; end++ {
		continue
	}
	index := make(map[string]int32, end-from)
	for i := from; i < end; i++ {
		index[s.services[i].Name] = int32(i)
	}
	s.index[namespace] = index
	return end
}

func (s *set) merge(i int32, dependsOn []string) {
	s.services[i].DependsOn = slices.Concat(s.services[i].DependsOn, dependsOn)
	if last := len(s.repeated) - 1; last >= 0 && s.repeated[last].index == i {
		s.repeated[last].times++
		return
	}
	s.repeated = append(s.repeated, repeated{index: i, times: 2})
}

// name decides how services are called: by name while they share a namespace,
// else by namespace and name.
func (s *set) name() {
	s.names = make([]string, len(s.services))
	for i := range s.services {
		if len(s.index) > 1 {
			s.names[i] = s.services[i].Key.String()
		} else {
			s.names[i] = s.services[i].Name
		}
	}
}

// resolve turns the names in DependsOn into indices.
func (s *set) resolve() (dependsOn [][]int32, missing []dag.Missing) {
	total := 0
	for i := range s.services {
		total += len(s.services[i].DependsOn)
	}
	all := make([]int32, 0, total)
	dependsOn = make([][]int32, len(s.services))
	for i := range s.services {
		service := &s.services[i]
		inNamespace := s.index[service.Namespace]
		from := len(all)
		var absent []string
		for _, name := range service.DependsOn {
			if d, ok := inNamespace[name]; ok {
				all = append(all, d)
			} else {
				absent = append(absent, name)
			}
		}
		dependsOn[i] = all[from:len(all):len(all)]
		if len(absent) > 0 {
			slices.Sort(absent)
			missing = append(missing, dag.Missing{Node: s.names[i], Targets: slices.Compact(absent)})
		}
	}
	return dependsOn, missing
}

func (s *set) find(k Key) (int32, bool) {
	i, ok := s.index[k.Namespace][k.Name]
	return i, ok
}

func (s *set) keys(indices []int32) []Key {
	keys := make([]Key, len(indices))
	for at, i := range indices {
		keys[at] = s.services[i].Key
	}
	return keys
}

func (s *set) namesOf(indices []int32) []string {
	names := make([]string, len(indices))
	for at, i := range indices {
		names[at] = s.names[i]
	}
	return names
}
