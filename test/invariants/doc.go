// Package invariants is the oracle: the rules that no change may break, as predicates over what can be seen from outside the
// controller. Every harness, the demo's check and the controllers' tests ask it the same questions. A rule reads a Record, which
// package lab collects, and tells each violation in a sentence.
package invariants

import "fmt"

// Rule is one promise.
type Rule struct {
	Name string
	// Broken tells each violation; empty when the rule is kept.
	Broken func(*Record) []string
}

// Rules are all promises, those about data first.
func Rules() []Rule {
	return []Rule{
		{"one container for a service", OneContainer},
		{"no container is leaked", NoLeak},
		{"no volume is lost or swapped", VolumesKept},
		{"no stranger's container is touched", StrangersUntouched},
		{"nothing is destroyed that was not given up", OnlyTheDoomedDestroyed},
		{"every step is written down before its call", WrittenAhead},
		{"no step counts as done while its task runs", DoneWhenEnded},
		{"no call is sent twice on one decision", SentOnce},
		{"no start comes before what it builds on is ready", GatesKept},
		{"no container is stopped right after its start", NotStoppedInItsStart},
		{"every status stands in the table", StatusInTable},
	}
}

// Check asks all rules.
func Check(r *Record) []error {
	r.prepare()
	var broken []error
	for _, rule := range Rules() {
		for _, violation := range rule.Broken(r) {
			broken = append(broken, fmt.Errorf("%s: %s", rule.Name, violation))
		}
	}
	return broken
}
