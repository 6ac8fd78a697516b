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
	if d.HandOver != "" && d.Run && o.Running {
		return handOver(d, o)
	}
	volumes := volumeChanges(d, o)
	changes, refused := allowed(d, configChanges(d, o), o.Unprivileged)
	p := Plan{Refused: slices.Concat(refusals(d, o), refused, volumes.refused)}
	p.Steps = configures(append(changes, volumes.now...))
	grow, owed := growSteps(d, o), owed(o, p.Steps)
	if len(volumes.stopped) > 0 {
		owed = append(owed, string(FieldVolume))
	}
	power := powerSteps(d, o, owed)
	if volumes.lost && !o.Running {
		power = nil // without its data the service would begin anew on its root disk
	}
	power = withMove(d, o, whileStopped(power, configures(volumes.stopped)), owed)
	if pendingVolume(o, owed) {
		p.Steps = append(append(p.Steps, power...), grow...)
		return p
	}
	p.Steps = append(append(p.Steps, grow...), power...)
	return p
}

// secondHalf is the cause of the start that follows a shutdown of ours.
const secondHalf = "second half of the restart"

// handOver stops the container before anything else: everything that it lacks then costs no further restart.
func handOver(d Desired, o Observed) Plan {
	cause := d.HandOver
	d.HandOver, d.KeepStopped, o.Running = "", false, false
	p := Compute(d, o)
	for i := range p.Steps {
		if p.Steps[i].Kind == Start {
			p.Steps[i].Cause = secondHalf
		}
	}
	p.Steps = slices.Insert(p.Steps, 0, Step{Kind: Shutdown, Disrupts: true, Cause: cause, Owes: []string{string(FieldIP)}})
	return p
}

// pendingVolume is whether a changed mount point waits for the container to stop. It holds the size that the disk had when it was
// written, and would be read as that for ever if the disk grew meanwhile: so the disk grows afterwards.
func pendingVolume(o Observed, owed []string) bool {
	return o.Running && slices.ContainsFunc(owed, func(name string) bool {
		return name == string(FieldVolume) || strings.HasPrefix(name, PendingPrefix+"mp")
	})
}

// configures are the calls that make changes of the configuration: one for all, except that each new volume has its own. What is
// allocated for a call that fails for another reason would stay behind, with nobody who knows of it. A path that is not there on the node
// keeps nothing else back either.
func configures(changes []Change) []Step {
	var steps []Step
	var together []Change
	for _, c := range changes {
		if c.Disk.Action == VolumeNew || c.Disk.Action == VolumeBind {
			steps = append(steps, Step{Kind: Configure, Changes: []Change{c}})
			continue
		}
		together = append(together, c)
	}
	if len(together) > 0 {
		steps = append([]Step{{Kind: Configure, Changes: together}}, steps...)
	}
	return steps
}

// whileStopped puts steps between the two halves of a restart.
func whileStopped(power, steps []Step) []Step {
	at := slices.IndexFunc(power, func(s Step) bool { return s.Kind == Shutdown }) + 1
	return slices.Insert(slices.Clone(power), at, steps...)
}

func createPlan(d Desired) Plan {
	if !d.Run {
		// A service that was never deployed and is disabled needs no container.
		return Plan{}
	}
	// What may not be set is said before anything is made that would have to be thrown away.
	nothing := Observed{Options: Options{}.TakeBack(optionNames()), Unprivileged: d.Unprivileged}
	_, refused := allowed(d, configChanges(d, nothing), d.Unprivileged)
	if refused = append(refused, volumeChanges(d, nothing).refused...); len(refused) > 0 {
		return Plan{Refused: refused}
	}
	return Plan{Steps: []Step{
		{Kind: Create, Cause: "no container yet"},
		{Kind: Start, Cause: "created"},
	}}
}

// allowed takes out of the changes what the credentials may not do.
func allowed(d Desired, changes []Change, unprivileged bool) ([]Change, []Refusal) {
	if d.AsRoot {
		return changes, nil
	}
	return withoutFeatures(changes, unprivileged)
}

func owed(o Observed, steps []Step) []string {
	owed := slices.Clone(o.RestartOwed)
	if o.Running {
		owed = slices.DeleteFunc(owed, func(name string) bool { return name == string(FieldNode) }) // a move that came to nothing
	}
	for _, s := range steps {
		owed = append(owed, OwedBy(s)...)
	}
	return owed
}

// OwedBy names the settings of a step that a container takes up only at its next start. They are remembered before the step is taken,
// since Proxmox does not show them; and after the first half of a restart nothing else tells that the second is to follow.
func OwedBy(s Step) []string {
	names := slices.Clone(s.Owes)
	for _, c := range s.Changes {
		if c.OwesRestart {
			names = append(names, string(c.Field))
		}
	}
	return names
}

// OwedByIllness stands among the settings that a restart is owed for when the service is to be started anew because it is ill.
const OwedByIllness = "unhealthy"

func whyRestart(owed []string) string {
	if len(owed) == 1 && owed[0] == OwedByIllness {
		return "restart, since it is unhealthy"
	}
	return "restart to bring into effect: " + join(owed)
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
			{Kind: Shutdown, Disrupts: true, Cause: whyRestart(owed), Owes: owed},
			{Kind: Start, Cause: secondHalf},
		}
	}
	return nil
}
