package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The marks of a line, by which whoever has the lines alone knows what they are.
const (
	refused  = "Refused: "
	disrupts = " (disrupts)"
)

// IsRefusal is whether a line of a plan is a refusal, and no step.
func IsRefusal(line string) bool { return strings.HasPrefix(line, refused) }

// Interrupts is whether a line of a plan is a step that interrupts the service.
func Interrupts(line string) bool {
	kind, _, _ := strings.Cut(line, ":")
	return strings.HasSuffix(kind, disrupts)
}

// String is the change as people read it: "memory 1024 MiB -> 2048 MiB".
func (c Change) String() string {
	name := string(c.Field)
	if c.Volume != "" {
		name += " " + c.Volume
	}
	text := fmt.Sprintf("%s %s -> %s", name, orNone(c.From), orNone(c.To))
	if c.OwesRestart {
		text += " (owes a restart)"
	}
	return text
}

// String is the step with its causes on one line.
func (s Step) String() string {
	var causes []string
	for _, c := range s.Changes {
		causes = append(causes, c.String())
	}
	if s.Cause != "" {
		causes = append(causes, s.Cause)
	}
	text := string(s.Kind)
	if s.Disrupts {
		text += disrupts
	}
	return text + ": " + strings.Join(causes, ", ")
}

// String is the refusal with its reason.
func (r Refusal) String() string {
	return refused + r.Change.String() + ": " + r.Why
}

// String is the whole plan, a line a step; "nothing to do" for an empty one.
func (p Plan) String() string {
	lines := p.Lines()
	if len(lines) == 0 {
		return "nothing to do"
	}
	return strings.Join(lines, "\n")
}

// Lines are the refusals and the steps, one line each.
func (p Plan) Lines() []string {
	var lines []string
	for _, r := range p.Refused {
		lines = append(lines, r.String())
	}
	for _, s := range p.Steps {
		lines = append(lines, s.String())
	}
	return lines
}

// Empty is true when nothing remains to be done and nothing is refused.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && len(p.Refused) == 0 }

// Disrupts is true when a step interrupts the service.
func (p Plan) Disrupts() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Disrupts })
}

// String is the share as Kubernetes writes it: 2 or 1500m.
func (c CPU) String() string {
	if c.LimitMilli == 0 || c.LimitMilli == int64(c.Cores)*1000 {
		return fmt.Sprint(c.Cores)
	}
	return fmt.Sprintf("%dm on %d cores", c.LimitMilli, c.Cores)
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n) }

// size prefers the largest unit that leaves a whole number.
func size(bytes int64) string {
	for _, unit := range []struct {
		name  string
		shift uint
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if bytes > 0 && bytes%(1<<unit.shift) == 0 {
			return fmt.Sprintf("%d %s", bytes>>unit.shift, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func addr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func prefix(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func join(names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), ", ")
}
