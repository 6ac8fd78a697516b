package plan

import (
	"slices"
	"strings"
)

// Compute is the plan that turns observed into desired. It is deterministic, and after all of its steps it is empty.
func Compute(d Desired, o Observed) Plan {
	if !o.Exists {
		return createPlan(d)
	}
	var p Plan
	p.Refused = refusals(d, o)
	if changes := configChanges(d, o); len(changes) > 0 {
		p.Steps = append(p.Steps, Step{Kind: Configure, Changes: changes})
	}
	grow, owed := growSteps(d, o), owed(o, p.Steps)
	power := powerSteps(d, o, owed)
	if pendingVolume(o, owed) {
		p.Steps = append(append(p.Steps, power...), grow...)
		return p
	}
	p.Steps = append(append(p.Steps, grow...), power...)
	return p
}

// pendingVolume is whether a changed mount point waits for the container to stop. It holds the size that the disk had when it was
// written, and would be read as that for ever if the disk grew meanwhile: so the disk grows afterwards.
func pendingVolume(o Observed, owed []string) bool {
	return o.Running && slices.ContainsFunc(owed, func(name string) bool {
		return name == string(FieldVolume) || strings.HasPrefix(name, PendingPrefix+"mp")
	})
}

func createPlan(d Desired) Plan {
	if !d.Run {
		// A service that was never deployed and is disabled needs no container.
		return Plan{}
	}
	return Plan{Steps: []Step{
		{Kind: Create, Cause: "no container yet"},
		{Kind: Start, Cause: "created"},
	}}
}

func owed(o Observed, steps []Step) []string {
	owed := append([]string(nil), o.RestartOwed...)
	for _, s := range steps {
		owed = append(owed, OwedBy(s)...)
	}
	return owed
}

// OwedBy names the settings of a step that a running container takes up only at its next start. They are remembered before the step is
// taken, since Proxmox does not show them.
func OwedBy(s Step) []string {
	var names []string
	for _, c := range s.Changes {
		if c.OwesRestart {
			names = append(names, string(c.Field))
		}
	}
	return names
}

func powerSteps(d Desired, o Observed, owed []string) []Step {
	switch {
	case !d.Run && o.Running:
		return []Step{{Kind: Shutdown, Disrupts: true, Cause: "disabled"}}
	case !d.Run:
		return nil
	case !o.Running && d.KeepStopped:
		return nil
	case !o.Running:
		return []Step{{Kind: Start, Cause: "stopped"}}
	case len(owed) > 0:
		return []Step{
			{Kind: Shutdown, Disrupts: true, Cause: "restart to bring into effect: " + join(owed)},
			{Kind: Start, Cause: "second half of the restart"},
		}
	}
	return nil
}
