package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Kind says what is wrong. The kinds that stop a service are also reasons of
// its conditions.
type Kind string

// The kinds of problems, in the order in which they are reported.
const (
	CircularDependency   Kind = "CircularDependency"
	MissingDependency    Kind = "MissingDependency"
	DuplicateIP          Kind = "DuplicateIP"
	DuplicateHostname    Kind = "DuplicateHostname"
	DuplicateService     Kind = "DuplicateService" // only files can hold one object twice
	PhaseContradiction   Kind = "PhaseContradiction"
	RepeatedPhaseService Kind = "RepeatedPhaseService"
	UnknownPhaseService  Kind = "UnknownPhaseService"
	DisabledDependency   Kind = "DisabledDependency"
)

// kinds gives the order of reports and the start of each message. The first
// four messages are those of NixMox, to the letter: people search for them.
var kinds = []struct {
	kind  Kind
	says  string
	waits bool
}{
	{CircularDependency, "Circular dependency detected", false},
	{MissingDependency, "Missing service dependencies", true},
	{DuplicateIP, "Duplicate IP addresses", false},
	{DuplicateHostname, "Duplicate hostnames", false},
	{DuplicateService, "Duplicate services", false},
	{PhaseContradiction, "Services in a phase before their dependencies", false},
	{RepeatedPhaseService, "Services in several phases", false},
	{UnknownPhaseService, "Unknown services in phases", true},
	{DisabledDependency, "Disabled service dependencies", true},
}

// Problem is one thing that is wrong with the set: one circle, one address
// asked for twice, the missing dependencies of one service.
type Problem struct {
	Kind Kind
	// Message is the sentence that people know, with the names of this problem:
	// "Duplicate IP addresses: 192.168.1.10".
	Message string
	// Names are the names in Message, sorted: of a circle its smallest service,
	// else what is missing, asked for twice, misplaced or unknown.
	Names []string
	// Detail says where it is and what mends it; of a circle the way round,
	// "a -> b -> a".
	Detail string
	// Services are those that it stops, sorted. What depends on them is stopped
	// too, see Report.Block. A problem of the host's phase lists may stop none.
	Services []Key
	// Keeper is, of a duplicate, the one service that keeps it and goes on.
	Keeper Key
	// Waits says that the problem may go away without an edit, when something
	// else is applied or enabled: manifests are applied in any order.
	Waits bool
	// Phase is, of an UnknownPhaseService, the phase that lists it.
	Phase int
}

// String is the message with its detail in brackets.
func (p *Problem) String() string { return p.Message + " (" + p.Detail + ")" }

func newProblem(kind Kind, names []string, services []Key, detail string) Problem {
	slices.Sort(names)
	names = slices.Compact(names)
	p := Problem{Kind: kind, Names: names, Services: services, Detail: detail}
	for _, k := range kinds {
		if k.kind == kind {
			p.Message = k.says + ": " + strings.Join(names, ", ")
			p.Waits = k.waits
		}
	}
	return p
}

// Messages are the problems of the whole set as NixMox reports them: one
// sentence a kind, the names of all its problems sorted and joined.
func (r *Report) Messages() []string {
	byKind := map[Kind][]string{}
	for i := range r.Problems {
		p := &r.Problems[i]
		byKind[p.Kind] = append(byKind[p.Kind], p.Names...)
	}
	var messages []string
	for _, k := range kinds {
		if names := byKind[k.kind]; len(names) > 0 {
			p := newProblem(k.kind, names, nil, "")
			messages = append(messages, p.Message)
		}
	}
	return messages
}

// maxNamed bounds the names in a detail, which ends up in a condition.
const maxNamed = 10

// join writes names as a person would: "a", "a and b", "a, b and c".
func join(names []string) string {
	if len(names) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return strings.Join(names, "")
}

// choose picks the form of a word or clause that fits a number of things.
func choose(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}
