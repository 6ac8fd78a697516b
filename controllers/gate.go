package controllers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// calm is how long a service that was ill must be ready again before others build on it. The first time counts at once: a roll-out
// would otherwise lose this time in every phase.
const calm = 2 * time.Second

// settledAt is whether others may build on a service: Ready for its current spec and that of its host, with nothing left to do. If it only
// has to stay so for a while, wait says how long.
func settledAt(svc *v1alpha1.NixMoxService, host *v1alpha1.NixMoxHost, now time.Time) (ok bool, wait time.Duration) {
	ready := readyCondition(svc)
	if svc.Status.ObservedHostGeneration != host.Generation {
		return false, 0 // it was not judged by what the host says now
	}
	if svc.DeletionTimestamp != nil || ready.Status != metav1.ConditionTrue || ready.ObservedGeneration != svc.Generation ||
		svc.Status.ObservedGeneration != svc.Generation || !desired.Enabled(svc) || len(svc.Status.Plan) > 0 {
		return false, 0
	}
	if first := svc.Status.FirstReadyTime; first != nil && first.Equal(&ready.LastTransitionTime) {
		return true, 0
	}
	// API times are whole seconds, cut off: one more makes sure.
	if since := now.Sub(ready.LastTransitionTime.Time); since < calm+time.Second {
		return false, calm + time.Second - since
	}
	return true, 0
}

// gateInput is what the gate looks at. It is pure: whoever calls it brings the time and the objects.
type gateInput struct {
	host   *v1alpha1.NixMoxHost
	svc    *v1alpha1.NixMoxService
	key    manifest.Key
	report *manifest.Report
	lookup func(manifest.Key) *v1alpha1.NixMoxService
	now    time.Time
	// memo gives the hold by a phase from memory, or computes it: it is the same for all services of later phases. Nil computes.
	memo func(phase int, compute func() *Outcome) *Outcome
	// update is whether a running, healthy service is to be changed.
	update bool
}

// hold is what keeps a service from its first start or from an update; nil when nothing does. A service that was ready before and is
// stopped or ill recovers: it waits for its direct dependencies at most.
func hold(in gateInput) *Outcome {
	if o := in.holdByDependencies(); o != nil {
		return o
	}
	if in.host.Spec.Rollout.Gate == v1alpha1.GateDependencies || in.svc.Status.FirstReadyTime != nil && !in.update {
		return nil
	}
	return in.holdByPhase()
}

func (in gateInput) holdByDependencies() *Outcome {
	var waitFor []manifest.Key
	var again time.Duration
	for _, dep := range in.report.Dependencies(in.key) {
		ok, wait := in.settled(dep)
		if !ok {
			waitFor = append(waitFor, dep)
			again = shorter(again, wait)
		}
	}
	if len(waitFor) == 0 {
		return nil
	}
	names := namesOf(waitFor)
	o := waiting(v1alpha1.ReasonWaitingForDependency, "Waiting for %s to be ready", list(names)).again(again)
	o.WaitingFor, o.On = capped(names), in.on(waitFor)
	return &o
}

func (in gateInput) holdByPhase() *Outcome {
	mine := in.report.Phase(in.key)
	for _, phase := range in.report.Phases() {
		if phase.Number >= mine {
			return nil
		}
		compute := func() *Outcome { return in.holdBy(phase) }
		o := (*Outcome)(nil)
		if in.memo != nil {
			o = in.memo(phase.Number, compute)
		} else {
			o = compute()
		}
		if o != nil {
			return o
		}
	}
	return nil
}

// holdBy is the hold by one earlier phase: services of it that are not settled, or names in it that do not exist yet.
func (in gateInput) holdBy(phase manifest.PhaseServices) *Outcome {
	var waitFor []manifest.Key
	var again time.Duration
	for _, key := range phase.Services {
		svc := in.lookup(key)
		if _, blocked := in.report.Block(key); svc == nil || blocked || !desired.Enabled(svc) || svc.DeletionTimestamp != nil {
			continue
		}
		if ok, wait := in.settled(key); !ok {
			waitFor = append(waitFor, key)
			again = shorter(again, wait)
		}
	}
	names := namesOf(waitFor)
	for _, problem := range in.report.Problems {
		if problem.Kind == manifest.UnknownPhaseService && problem.Phase == phase.Number {
			names = append(names, problem.Names...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	o := waiting(v1alpha1.ReasonWaitingForPhase, "Waiting for phase %s: %s", phaseTitle(phase), list(names)).again(again)
	o.WaitingFor, o.On = capped(names), in.on(waitFor)
	return &o
}

func (in gateInput) settled(key manifest.Key) (bool, time.Duration) {
	svc := in.lookup(key)
	if svc == nil {
		return false, 0
	}
	ok, wait := settledAt(svc, in.host, in.now)
	return ok, wait
}

// on are those of the awaited services that are worth another look. Where many are awaited it is one of them, the last in the order of work:
// when it is ready, another is picked. Looking at each of them would cost the square of their number, in passes and in writes.
func (in gateInput) on(waitFor []manifest.Key) []types.NamespacedName {
	if len(waitFor) > mostNamed {
		waitFor = waitFor[len(waitFor)-1:]
	}
	on := make([]types.NamespacedName, len(waitFor))
	for i, key := range waitFor {
		on[i] = types.NamespacedName{Namespace: key.Namespace, Name: key.Name}
	}
	return on
}

func namesOf(keys []manifest.Key) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.Name
	}
	slices.Sort(names)
	return names
}

// capped keeps a list of thousands out of the status of thousands.
func capped(names []string) []string { return names[:min(len(names), 16)] }

func phaseTitle(phase manifest.PhaseServices) string {
	if phase.Name == "" {
		return fmt.Sprint(phase.Number)
	}
	return fmt.Sprintf("%d (%s)", phase.Number, phase.Name)
}

// mostNamed is how many names a message holds.
const mostNamed = 5

// list names the first few, for a message that stays readable.
func list(names []string) string {
	if len(names) > mostNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), len(names)-mostNamed)
	}
	return strings.Join(names, ", ")
}

// shorter of two waits, where zero is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// readiness is the part of a status that others wait for: when it changes, they are woken.
func readiness(svc *v1alpha1.NixMoxService) string {
	ready := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	return fmt.Sprint(ready.Status, ready.ObservedGeneration, svc.DeletionTimestamp != nil, len(svc.Status.Plan) == 0, svc.Status.ObservedHostGeneration)
}
