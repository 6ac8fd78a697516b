package fidelity

import (
	"fmt"
	"io"
)

// Report writes how a scenario compares: a line for it, and for each step that differs what was asked and where the
// answer differs.
func Report(to io.Writer, scenario *Scenario, verdicts []Verdict) {
	fmt.Fprintf(to, "%-26s %3d of %d steps equal\n", scenario.Name, Count(verdicts), len(verdicts))
	for _, verdict := range verdicts {
		switch {
		case verdict.Equal():
		case verdict.Skipped:
			fmt.Fprintf(to, "  skipped %s: it needs --hook %s\n", verdict.Step, scenario.describe(verdict.Step))
		default:
			fmt.Fprintf(to, "  differs %s: %s\n", verdict.Step, scenario.describe(verdict.Step))
			for _, line := range verdict.Differences {
				fmt.Fprintf(to, "      %s\n", line)
			}
		}
	}
}

// describe is what a step asks.
func (s *Scenario) describe(id string) string {
	for _, step := range s.Steps {
		switch {
		case step.ID != id:
		case step.Hook != "":
			return fmt.Sprintf("%s=COMMAND", step.Hook)
		case step.Wait.Step != "":
			return "wait for the task of " + step.Wait.Step
		default:
			return step.describe()
		}
	}
	return "no such step"
}

func (s *Step) describe() string {
	text := s.Method + " " + s.Path
	for _, part := range []struct {
		name   string
		values map[string]any
	}{{"query", s.Query}, {"form", s.Form}, {"json", s.JSON}} {
		if part.values != nil {
			text += " " + part.name + " " + show(part.values)
		}
	}
	if s.Raw != nil {
		text += " raw " + show(*s.Raw)
	}
	return text
}
