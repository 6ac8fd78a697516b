package controllers

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
	"github.com/nixmox/nixmox-controller/internal/guest"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// verdict judges a service whose container is as desired.
func (r *ServiceReconciler) verdict(p *pass) Outcome { return p.noteNode(r.judge(p)) }

func (r *ServiceReconciler) judge(p *pass) Outcome {
	s := &p.svc.Status
	if !p.observed.Running {
		r.stopChecks(p.key)
		s.Health, s.Checks = "", nil
	}
	if len(p.plan.Refused) > 0 {
		return stalled(v1alpha1.ReasonChangeRefused, "%s", p.plan.Refused[0])
	}
	if len(p.plan.Steps) == 0 && p.observed.Exists && !p.onTrust {
		grant(p)
	}
	switch {
	case !p.desired.Run:
		return settled(v1alpha1.ReasonDisabled, "Disabled; %s", p.containerInWords())
	case !p.observed.Running:
		return p.leftStopped()
	}
	if o := r.writeEnvironment(p); o != nil {
		return *o
	}
	return p.withEnvironment(r.judgeHealth(p))
}

func (p *pass) containerInWords() string {
	if !p.observed.Exists {
		return "there is no container"
	}
	return fmt.Sprintf("container %d is stopped and kept", p.svc.Status.VMID)
}

// judgeHealth keeps the checks of a running container going and says what their verdict means.
func (r *ServiceReconciler) judgeHealth(p *pass) Outcome {
	checks, err := checkup.Of(p.svc, r.executor(p) != nil)
	if err != nil {
		p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "%s", err)
		return stalled(v1alpha1.ReasonInvalid, "%s", err)
	}
	if p.elsewhere() {
		r.Scheduler.Pause(p.key.String()) // what a check finds now says nothing of the service; the list tells when that is over
		return Outcome{Keep: true}
	}
	r.Scheduler.Set(p.key.String(), r.healthSpec(p, checks))
	state, known := r.Scheduler.Verdict(p.key.String())
	if o := r.together(p, state); o != nil {
		return *o
	}
	o := meaning(p, checks, state, known)
	p.svc.Status.Health = state.Verdict.String()
	p.svc.Status.Checks = checkStatus(state.Layers)
	if o.Class == Settled && state.Verdict == health.Unknown && !state.CannotRun {
		p.svc.Status.Health, p.svc.Status.Checks = p.base.Status.Health, p.base.Status.Checks // as judged before the controller was restarted
	}
	p.mark(v1alpha1.ConditionDependenciesReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "What it builds on was ready when it started")
	status := metav1.ConditionFalse
	switch {
	case o.Class == Settled:
		status = metav1.ConditionTrue
	case state.Verdict == health.Unknown:
		status = metav1.ConditionUnknown
	}
	p.mark(v1alpha1.ConditionHealthy, status, o.Reason, "%s", o.Message)
	if _, wait := r.restartDue(p); wait > 0 {
		o = o.again(wait)
	}
	return o
}

// elsewhere is whether somebody else works on the container: a backup, a snapshot, a migration.
func (p *pass) elsewhere() bool {
	return slices.Contains([]string{"backup", "snapshot", "snapshot-delete", "migrate"}, p.guest.Lock)
}

func checkStatus(layers []health.LayerResult) []v1alpha1.CheckStatus {
	results := map[health.Outcome]string{health.Passed: "Passed", health.Partly: "Failed", health.Failed: "Failed", health.NotRun: "NotRun"}
	var all []v1alpha1.CheckStatus
	for _, l := range layers {
		all = append(all, v1alpha1.CheckStatus{Name: l.Name, Check: l.Check.String(), Result: results[l.Result.Outcome], Message: l.Result.Message})
	}
	return all
}

// meaning is what a verdict means for the service.
func meaning(p *pass, checks checkup.Checks, state health.Observation, known bool) Outcome {
	was := readyCondition(p.base)
	check := checks.Text(state.StartupPassed)
	switch {
	case state.Verdict == health.Unknown && state.CannotRun && p.host.Spec.Rollout.UnknownHealth == v1alpha1.UnknownProceed:
		return settled(v1alpha1.ReasonRunningUnchecked, "Running; its health is not known: %s", state.Message)
	case state.Verdict == health.Unknown && state.CannotRun:
		return waiting(v1alpha1.ReasonWaitingForHealth, "The check cannot be run: %s (spec.rollout.unknownHealth of host %s is Hold)", state.Message, p.host.Name)
	case state.Verdict == health.Unknown && was.Status == metav1.ConditionTrue && (!known || state.StartupPassed):
		// We were restarted: it stays what it was until the check says otherwise.
		return settled(was.Reason, "%s", was.Message)
	case state.Verdict == health.Unknown:
		return waiting(v1alpha1.ReasonWaitingForHealth, "Waiting for the first success of its check: %s", check)
	case state.Verdict == health.Healthy:
		return settled(v1alpha1.ReasonHealthy, "Healthy: %s", state.Message)
	case state.Verdict == health.Degraded && p.host.Spec.Rollout.Degraded == v1alpha1.DegradedHold:
		return failing(v1alpha1.ReasonDegraded, "Degraded: %s (spec.rollout.degraded of host %s is Hold)", state.Message, p.host.Name)
	case state.Verdict == health.Degraded:
		return settled(v1alpha1.ReasonDegraded, "Degraded: %s", state.Message)
	case state.StartupTimedOut:
		return failing(v1alpha1.ReasonStartupTimeout, "Not healthy within the startup timeout: %s (%s)", state.Message, check)
	}
	return failing(v1alpha1.ReasonUnhealthy, "Unhealthy: %s (%s)", state.Message, check)
}

// inStartup are the reasons of a service whose startup check has not passed: after a restart of the controller it begins again.
var inStartup = []string{
	v1alpha1.ReasonPending, v1alpha1.ReasonCreating, v1alpha1.ReasonStarting, v1alpha1.ReasonMigrating, v1alpha1.ReasonWaitingForHealth, v1alpha1.ReasonStartupTimeout,
}

func (r *ServiceReconciler) healthSpec(p *pass, checks checkup.Checks) health.Spec {
	was := readyCondition(p.base)
	spec := checkup.Spec(p.host, p.svc, checks)
	spec.Target = health.Target{
		Address: p.observed.Net.IP.Addr(), Hostname: p.desired.Hostname, Exec: r.executor(p),
		Node: p.guest.Node, VMID: int(p.guest.VMID),
		AllowedHosts: p.host.Spec.Policy.ProbeHosts,
	}
	// A container that somebody restarted starts its check again.
	spec.Startup = p.guest.Starts > 0 || p.svc.Status.FirstReadyTime == nil || slices.Contains(inStartup, was.Reason)
	spec.Epoch = fmt.Sprint(p.guest.Starts)
	return spec
}

// executor is the way into the container; nil, not an interface that holds nil, when there is none.
func (r *ServiceReconciler) executor(p *pass) guest.Executor {
	if e := r.Guests.Executor(hostOf(p.svc)); e != nil {
		return e
	}
	return nil
}
