package fidelity

import (
	"fmt"
	"slices"
)

// Verdict is how one step compares.
type Verdict struct {
	Step string
	// Skipped steps count as not equal: nothing was shown.
	Skipped bool
	// Differences has a line for each place where answer and recording differ; none for a step that is equal.
	Differences []string
}

// Equal says whether the endpoint answered as recorded.
func (v *Verdict) Equal() bool { return !v.Skipped && len(v.Differences) == 0 }

// Compare holds what was seen against a recording: a verdict for each step of either.
func Compare(recording *Recording, seen []Observation) []Verdict {
	recorded := make(map[string]map[string]any)
	for _, step := range recording.Steps {
		recorded[step.ID] = step.Seen
	}
	var verdicts []Verdict
	for _, step := range seen {
		verdict := Verdict{Step: step.ID, Skipped: step.Skipped}
		want, known := recorded[step.ID]
		delete(recorded, step.ID)
		switch {
		case !known:
			verdict.Differences = []string{"not in the recording"}
		case !step.Skipped:
			verdict.Differences = differences("", want, step.Seen)
		}
		verdicts = append(verdicts, verdict)
	}
	for _, id := range sortedKeys(recorded) {
		verdicts = append(verdicts, Verdict{Step: id, Differences: []string{"recorded, but not run"}})
	}
	return verdicts
}

// Count says how many verdicts are equal.
func Count(verdicts []Verdict) (equal int) {
	for _, verdict := range verdicts {
		if verdict.Equal() {
			equal++
		}
	}
	return equal
}

func differences(path string, want, got any) []string {
	if same(want, got) {
		return nil
	}
	switch left := want.(type) {
	case map[string]any:
		if right, ok := got.(map[string]any); ok {
			return memberDifferences(path, left, right)
		}
	case []any:
		if right, ok := got.([]any); ok {
			return rowDifferences(path, left, right)
		}
	}
	return []string{fmt.Sprintf("%s: recorded %s, answered %s", path, show(want), show(got))}
}

func memberDifferences(path string, want, got map[string]any) []string {
	keys := sortedKeys(want)
	for _, key := range sortedKeys(got) {
		if _, both := want[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var lines []string
	for _, key := range keys {
		below := key
		if path != "" {
			below = path + "." + key
		}
		left, wanted := want[key]
		right, found := got[key]
		switch {
		case !found:
			lines = append(lines, fmt.Sprintf("%s: recorded %s, answered nothing", below, show(left)))
		case !wanted:
			lines = append(lines, fmt.Sprintf("%s: recorded nothing, answered %s", below, show(right)))
		default:
			lines = append(lines, differences(below, left, right)...)
		}
	}
	return lines
}

// rowDifferences tells only of rows that do not stand in both lists, so that one change is one line.
func rowDifferences(path string, want, got []any) []string {
	missing, extra := subtract(want, got), subtract(got, want)
	var lines []string
	switch {
	case len(missing) == 0 && len(extra) == 0:
		lines = append(lines, path+": the same rows in another order")
	case len(missing) == len(extra):
		for i := range missing {
			lines = append(lines, differences(fmt.Sprintf("%s[%d]", path, indexOf(want, missing[i])), missing[i], extra[i])...)
		}
	default:
		lines = append(lines, fmt.Sprintf("%s: recorded %d rows, answered %d", path, len(want), len(got)))
		for _, row := range missing {
			lines = append(lines, fmt.Sprintf("%s: recorded row that was not answered: %s", path, show(row)))
		}
		for _, row := range extra {
			lines = append(lines, fmt.Sprintf("%s: answered row that was not recorded: %s", path, show(row)))
		}
	}
	return lines
}

// subtract is what is left of rows when each of others took one like itself.
func subtract(rows, others []any) []any {
	taken := make(map[string]int)
	for _, row := range others {
		taken[canonical(row)]++
	}
	var left []any
	for _, row := range rows {
		if text := canonical(row); taken[text] > 0 {
			taken[text]--
		} else {
			left = append(left, row)
		}
	}
	return left
}

func indexOf(rows []any, row any) int {
	return slices.IndexFunc(rows, func(other any) bool { return same(other, row) })
}

// show is a value for a person, who does not read pages of it.
func show(value any) string {
	const enough = 240
	text := []rune(canonical(value))
	if len(text) > enough {
		return string(text[:enough]) + " ..."
	}
	return string(text)
}
