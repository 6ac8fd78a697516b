package plan

import (
	"fmt"
	"slices"
)

// moves is whether somebody asked for the container to be on another node.
func moves(d Desired, o Observed) bool { return d.Node != "" && d.Node != o.Node }

// withMove has the container moved to the node that somebody asked for. One that runs is restarted by the move itself, which also brings
// into effect what a restart is owed for. One that stands still, or is stopped on the way for a reason of its own, is moved meanwhile.
func withMove(d Desired, o Observed, power []Step, owed []string) []Step {
	if !moves(d, o) || d.NodeRefused != "" {
		return power
	}
	move := Step{Kind: Migrate, Node: d.Node, Changes: []Change{{Field: FieldNode, From: o.Node, To: d.Node}}}
	if o.Running && (len(power) == 0 || len(power) == 2 && power[1].Kind == Start) {
		move.Disrupts, move.Owes = true, append(slices.Clone(owed), string(FieldNode))
		move.Cause = fmt.Sprintf("by a restart, killed if it does not stop within %s", d.ShutdownTimeout)
		if len(owed) > 0 {
			move.Cause += ", that also brings into effect: " + join(owed)
		}
		return []Step{move}
	}
	at := slices.IndexFunc(power, func(s Step) bool { return s.Kind == Start })
	if at < 0 {
		at = len(power)
	}
	return slices.Insert(power, at, move)
}
