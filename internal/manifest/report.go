package manifest

import "github.com/nixmox/nixmox-controller/internal/dag"

// Report is the judgement of a set. It never changes and may be read by many
// goroutines; its methods take the key of a service of the set and answer
// nothing, or zero, for any other.
type Report struct {
	// Problems are all that is wrong, by kind, then by name.
	Problems []Problem

	set     *set
	phases  []Phase
	phasing dag.Phasing
	blocks  blocks

	handovers map[int32]Handover
}

// PhaseServices is one deployment phase.
type PhaseServices struct {
	// Number counts from 1.
	Number int
	// Name is the host's name for it; empty if phases follow from dependencies.
	Name string
	// Services are in deployment order; at the end those listed here that have
	// none because of a circle.
	Services []Key
}

// Phase is the deployment phase of k, from 1. It is 0 for a service that no
// phase lists and that is in a circle or depends on one.
func (r *Report) Phase(k Key) int {
	if i, ok := r.set.find(k); ok {
		return r.phasing.Number(i)
	}
	return 0
}

// Level is one more than the highest level among the dependencies of k, 1
// without any: Proxmox's boot order. It is 0 in or behind a circle.
func (r *Report) Level(k Key) int {
	if i, ok := r.set.find(k); ok {
		return r.set.graph.Level(i)
	}
	return 0
}

// Chain is how many services, k among them, come up one after the other at
// the longest because each waits for the one before. It is 0 for a service
// that is in a circle or has one waiting for it.
func (r *Report) Chain(k Key) int {
	if i, ok := r.set.find(k); ok {
		return r.set.graph.Height(i)
	}
	return 0
}

// Dependencies lists the services that k depends on directly and that exist,
// sorted.
func (r *Report) Dependencies(k Key) []Key {
	if i, ok := r.set.find(k); ok {
		return r.set.keys(r.set.graph.DependenciesOf(i))
	}
	return nil
}

// Dependents lists the services that depend on k directly, sorted.
func (r *Report) Dependents(k Key) []Key {
	if i, ok := r.set.find(k); ok {
		return r.set.keys(r.set.graph.DependentsOf(i))
	}
	return nil
}

// Order is the deployment order: by phase, inside a phase by level, then key.
// Every service comes after all it depends on. Those in a circle or behind one
// have no place in it, see Unordered. Teardown is the same in reverse.
func (r *Report) Order() []Key { return r.set.keys(r.phasing.OrderIndices()) }

// Unordered lists the services in a circle or behind one, sorted.
func (r *Report) Unordered() []Key { return r.set.keys(r.set.graph.UnorderedIndices()) }

// PhaseCount is the number of deployment phases.
func (r *Report) PhaseCount() int { return r.phasing.Count }

// Phases lists the deployment phases with their services.
func (r *Report) Phases() []PhaseServices {
	phases := make([]PhaseServices, r.phasing.Count)
	for at := range phases {
		phases[at].Number = at + 1
		if at < len(r.phases) {
			phases[at].Name = r.phases[at].Name
		}
	}
	for at, group := range r.phasing.GroupsIndices() {
		phases[at].Services = r.set.keys(group)
	}
	return phases
}

// HoldAfter is the first phase that lists a name that no service has: services
// of later phases do not start for the first time. 0 if there is none.
func (r *Report) HoldAfter() int {
	for i := range r.Problems {
		if r.Problems[i].Kind == UnknownPhaseService {
			return r.Problems[i].Phase
		}
	}
	return 0
}

// Graph is the graph of the services, for drawing and for questions beyond
// direct neighbours. Its nodes are called by name, or by namespace/name where
// several namespaces share the host.
func (r *Report) Graph() *dag.Graph { return r.set.graph }

// Clusters are the phases as boxes in a drawing of Graph.
func (r *Report) Clusters() []dag.Cluster {
	titles := make([]string, len(r.phases))
	for i, phase := range r.phases {
		titles[i] = phase.Name
	}
	return r.phasing.Clusters(titles)
}
