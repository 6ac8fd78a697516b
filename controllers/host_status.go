package controllers

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// The states of a phase in the host's status.
const (
	phaseReady       = "Ready"
	phaseProgressing = "Progressing"
	phaseWaiting     = "Waiting"
)

// surveyInto fills in what the host's status says of its services.
func surveyInto(s *v1alpha1.NixMoxHostStatus, report *manifest.Report, services []v1alpha1.NixMoxService, now time.Time) {
	byKey := make(map[manifest.Key]*v1alpha1.NixMoxService, len(services))
	enabled, ready := 0, 0
	for i := range services {
		svc := &services[i]
		byKey[keyOf(svc)] = svc
		if desired.Enabled(svc) {
			enabled++
			if readyCondition(svc).Status == metav1.ConditionTrue {
				ready++
			}
		}
	}
	s.Services = fmt.Sprintf("%d/%d", ready, enabled)
	s.DeploymentOrder = nil
	for _, key := range report.Order() {
		if _, blocked := report.Block(key); !blocked && byKey[key] != nil && desired.Enabled(byKey[key]) {
			s.DeploymentOrder = append(s.DeploymentOrder, key.Name)
		}
	}
	s.Problems = problemsOf(report)
	s.Changes = changesOf(services)
	s.Phases, s.Phase = phasesOf(report, byKey, now)
}

// changesOf counts the containers that are still to be changed; nil when there are none.
func changesOf(services []v1alpha1.NixMoxService) *v1alpha1.ChangesStatus {
	var c v1alpha1.ChangesStatus
	for i := range services {
		s := services[i].Status
		if s.Observed == nil || services[i].DeletionTimestamp != nil {
			continue
		}
		if slices.ContainsFunc(s.Plan, func(line string) bool { return !plan.IsRefusal(line) }) {
			c.Containers++
		}
		if slices.ContainsFunc(s.Plan, plan.Interrupts) {
			c.Disrupted++
		}
	}
	if c.Containers == 0 {
		return nil
	}
	return &c
}

// phasesOf are the phases with their state; current is the first that is not ready, out of how many.
func phasesOf(report *manifest.Report, byKey map[manifest.Key]*v1alpha1.NixMoxService, now time.Time) (phases []v1alpha1.PhaseStatus, current string) {
	all := report.Phases()
	at := len(all)
	for _, phase := range all {
		status := v1alpha1.PhaseStatus{Number: int32(phase.Number), Name: phase.Name, State: phaseReady}
		for _, key := range phase.Services {
			status.Services = append(status.Services, key.Name)
			svc := byKey[key]
			if svc == nil || !desired.Enabled(svc) {
				continue
			}
			if _, blocked := report.Block(key); blocked {
				continue
			}
			if readyCondition(svc).Status != metav1.ConditionTrue {
				status.State = phaseProgressing
			}
		}
		if status.State == phaseProgressing {
			if phase.Number > at {
				status.State = phaseWaiting
			}
			at = min(at, phase.Number)
		}
		phases = append(phases, status)
	}
	return phases, fmt.Sprintf("%d/%d", at, len(all))
}

// reportHost turns an outcome into the host's conditions, of which it is the only writer.
func reportHost(host *v1alpha1.NixMoxHost, o Outcome) {
	s := &host.Status
	s.ObservedGeneration = host.Generation
	s.LastHandledReconcileAt = host.Annotations[v1alpha1.RequestedAtAnnotation]
	summarize(&s.Conditions, host.Generation, o, o.Message)
	warnOfTLS(host)
}

func announceHost(recorder events.EventRecorder, before, host *v1alpha1.NixMoxHost) {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(host.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || was != nil && was.Reason == is.Reason && was.Status == is.Status {
		return
	}
	kind := "Normal"
	if is.Status != metav1.ConditionTrue {
		kind = "Warning"
	}
	recorder.Eventf(host, nil, kind, is.Reason, "Connect", "%s", is.Message)
}
