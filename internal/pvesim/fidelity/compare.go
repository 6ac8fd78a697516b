package fidelity

import (
	"fmt"
	"maps"
	"slices"
)

// Difference is a step whose answer is not the recorded one.
type Difference struct {
	Step  string
	Lines []string
}

// Compare holds what was seen against a recording; it returns the steps that differ, and how many there are in all.
func Compare(scenario *Scenario, recording Recording, seen []Observation) ([]Difference, int) {
	wanted := make(map[string]map[string]any)
	for _, step := range recording.Steps {
		wanted[step.ID] = step.Seen
	}
	var found []Difference
	for i, step := range seen {
		want, recorded := wanted[step.ID]
		if !recorded {
			found = append(found, Difference{Step: step.ID, Lines: []string{"not in the recording"}})
			continue
		}
		var left, right any = want, step.Seen
		if !scenario.Steps[i].Ordered {
			left, right = resorted(left), resorted(right) // recordings were sorted by another program
		}
		if canonical(left) == canonical(right) {
			continue
		}
		found = append(found, Difference{Step: step.ID, Lines: differences(left, right, "")})
	}
	return found, len(seen)
}

func resorted(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(typed))
		for key, member := range typed {
			copied[key] = resorted(member)
		}
		return copied
	case []any:
		copied := make([]any, len(typed))
		for i, item := range typed {
			copied[i] = resorted(item)
		}
		sortRows(copied)
		return copied
	}
	return value
}

// differences has a line for each place where two values differ.
func differences(want, got any, path string) []string {
	left, isObject := want.(map[string]any)
	right, bothObjects := got.(map[string]any)
	if !isObject || !bothObjects {
		if canonical(want) == canonical(got) {
			return nil
		}
		return []string{fmt.Sprintf("%s: want %s, got %s", path, canonical(want), canonical(got))}
	}
	keys := maps.Clone(left)
	maps.Copy(keys, right)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		below := key
		if path != "" {
			below = path + "." + key
		}
		_, wanted := left[key]
		_, seen := right[key]
		switch {
		case !seen:
			lines = append(lines, fmt.Sprintf("%s: missing, want %s", below, canonical(left[key])))
		case !wanted:
			lines = append(lines, fmt.Sprintf("%s: unexpected %s", below, canonical(right[key])))
		default:
			lines = append(lines, differences(left[key], right[key], below)...)
		}
	}
	return lines
}
