package manifest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func (s *set) duplicateIPs() []Problem {
	groups := duplicates(s.services, func(v *Service) (netip.Addr, bool) {
		return v.IP.Unmap(), v.IP.IsValid()
	}, netip.Addr.Compare)
	var problems []Problem
	for _, g := range groups {
		problems = append(problems, s.duplicate(DuplicateIP, g.value.String(), g.members, func(v *Service) bool { return v.HoldsIP }))
	}
	return problems
}

// foreignIPs are the services that ask for the address of somebody else's
// guest. One whose container has it already keeps it: stopping it would help
// nobody. One that asks for this very guest, to adopt it or to take it over,
// is judged by whose it is, not by its address.
func (s *set) foreignIPs(foreign []Foreign) []Problem {
	if len(foreign) == 0 {
		return nil
	}
	held := make(map[netip.Addr]Foreign, len(foreign))
	for _, f := range foreign {
		held[f.IP] = f
	}
	var problems []Problem
	for i := range s.services {
		service := &s.services[i]
		f, taken := held[service.IP.Unmap()]
		if !taken || !service.Enabled || service.HoldsIP || f.Service == service.Key || f.VMID != 0 && f.VMID == service.VMID {
			continue
		}
		problems = append(problems, newProblem(DuplicateIP, []string{f.IP.String()}, s.keys([]int32{int32(i)}),
			fmt.Sprintf("asked for by %s; %s has it, which is not managed here: give one of them another address, or stop that guest", s.names[i], f.What)))
	}
	return problems
}

func (s *set) duplicateHostnames() []Problem {
	groups := duplicates(s.services, func(v *Service) (string, bool) {
		return strings.ToLower(v.Hostname), v.Hostname != ""
	}, strings.Compare)
	var problems []Problem
	for _, g := range groups {
		problems = append(problems, s.duplicate(DuplicateHostname, g.value, g.members, func(v *Service) bool { return v.HoldsHostname }))
	}
	return problems
}

// shared is a value that several services ask for.
type shared[V comparable] struct {
	value   V
	members []int32
}

// duplicates finds the values that several enabled services ask for, sorted.
func duplicates[V comparable](services []Service, valueOf func(*Service) (V, bool), compare func(a, b V) int) []shared[V] {
	first := make(map[V]int32, len(services))
	members := map[V][]int32{}
	for i := range services {
		value, ok := valueOf(&services[i])
		if !ok || !services[i].Enabled {
			continue
		}
		earlier, taken := first[value]
		if !taken {
			first[value] = int32(i)
			continue
		}
		if members[value] == nil {
			members[value] = []int32{earlier}
		}
		members[value] = append(members[value], int32(i))
	}
	var found []shared[V]
	for value, m := range members {
		found = append(found, shared[V]{value: value, members: m})
	}
	slices.SortFunc(found, func(a, b shared[V]) int { return compare(a.value, b.value) })
	return found
}

// duplicate stops all members but one: the one whose container holds the value
// today (moving it would take the value from a running service), then the
// older object, then the smaller key.
func (s *set) duplicate(kind Kind, value string, members []int32, holds func(*Service) bool) Problem {
	ranked := slices.Clone(members)
	slices.SortStableFunc(ranked, func(a, b int32) int {
		x, y := &s.services[a], &s.services[b]
		if c := compareTrueFirst(holds(x), holds(y)); c != 0 {
			return c
		}
		return compareAge(x, y)
	})
	keeper := &s.services[ranked[0]]
	losers := slices.DeleteFunc(slices.Clone(members), func(i int32) bool { return i == ranked[0] })
	detail := fmt.Sprintf("asked for by %s; %s keeps it: %s",
		join(s.namesOf(members)), s.names[ranked[0]], whyKept(keeper, &s.services[ranked[1]], holds))
	p := newProblem(kind, []string{value}, s.keys(losers), detail)
	p.Keeper = keeper.Key
	return p
}

// whyKept says what put the keeper before the next in line.
func whyKept(keeper, next *Service, holds func(*Service) bool) string {
	older := compareAge(keeper, next) != 0
	switch {
	case holds(keeper) && !holds(next):
		return "its container has it today"
	case holds(keeper) && older:
		return "it is the oldest whose container has it"
	case older:
		return "it is the oldest"
	default:
		return "its name sorts first"
	}
}

func (s *set) duplicateServices() []Problem {
	var problems []Problem
	for _, d := range s.repeated {
		problems = append(problems, newProblem(DuplicateService, []string{s.services[d.index].Name}, s.keys([]int32{d.index}),
			fmt.Sprintf("%s is defined %d times; keep one", s.names[d.index], d.times)))
	}
	return problems
}

// compareDefinitions orders definitions of one service by all that a later
// step reads, so that it does not matter which came first in the input.
func compareDefinitions(a, b *Service) int {
	return cmp.Or(
		compareAge(a, b),
		a.IP.Compare(b.IP),
		strings.Compare(a.Hostname, b.Hostname),
		compareTrueFirst(a.Enabled, b.Enabled),
		compareTrueFirst(a.HoldsIP, b.HoldsIP),
		compareTrueFirst(a.HoldsHostname, b.HoldsHostname),
	)
}

// compareAge puts the older object first. A service that is not created yet
// is younger than any that is.
func compareAge(a, b *Service) int {
	if c := compareTrueFirst(!a.Created.IsZero(), !b.Created.IsZero()); c != 0 {
		return c
	}
	return a.Created.Compare(b.Created)
}

func compareTrueFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}
