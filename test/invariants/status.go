package invariants

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Row is one line of the situation table of the API: what a reason of Ready comes with, and what kstatus makes of it.
type Row struct {
	Ready   metav1.ConditionStatus
	Beside  string // Reconciling, Stalled or neither
	KStatus status.Status
}

// The rows.
var (
	NotLookedAt = Row{metav1.ConditionUnknown, "", status.InProgressStatus}
	OnItsWay    = Row{metav1.ConditionFalse, v1alpha1.ConditionReconciling, status.InProgressStatus}
	InTheDark   = Row{metav1.ConditionUnknown, v1alpha1.ConditionReconciling, status.InProgressStatus}
	NeedsEdit   = Row{metav1.ConditionFalse, v1alpha1.ConditionStalled, status.FailedStatus}
	IsIll       = Row{metav1.ConditionFalse, "", status.InProgressStatus}
	IsGood      = Row{metav1.ConditionTrue, "", status.CurrentStatus}
)

// Table is the whole of it: a reason may stand in several rows, such as a circle before and after its grace.
var Table = map[string][]Row{
	v1alpha1.ReasonPending: {NotLookedAt, OnItsWay}, // the second: suspended before anything was made

	v1alpha1.ReasonWaitingForDependency: {OnItsWay},
	v1alpha1.ReasonWaitingForPhase:      {OnItsWay},
	v1alpha1.ReasonWaitingForSlot:       {OnItsWay},
	v1alpha1.ReasonWaitingForLock:       {OnItsWay},
	v1alpha1.ReasonWaitingForAddress:    {OnItsWay},
	v1alpha1.ReasonMissingDependency:    {OnItsWay},
	v1alpha1.ReasonDisabledDependency:   {OnItsWay},
	v1alpha1.ReasonWaitingForConfirm:    {OnItsWay},
	v1alpha1.ReasonHostNotFound:         {OnItsWay},
	v1alpha1.ReasonNodeUnavailable:      {OnItsWay},
	v1alpha1.ReasonVMIDRangeExhausted:   {OnItsWay},
	v1alpha1.ReasonCredentials:          {OnItsWay}, // of a host

	v1alpha1.ReasonEnvironment:      {OnItsWay},
	v1alpha1.ReasonCreating:         {OnItsWay},
	v1alpha1.ReasonStarting:         {OnItsWay},
	v1alpha1.ReasonUpdating:         {OnItsWay},
	v1alpha1.ReasonStopping:         {OnItsWay},
	v1alpha1.ReasonMigrating:        {OnItsWay},
	v1alpha1.ReasonDeleting:         {OnItsWay, IsIll}, // the second: protected on Proxmox
	v1alpha1.ReasonResolving:        {OnItsWay},
	v1alpha1.ReasonRetrying:         {OnItsWay},
	v1alpha1.ReasonWaitingForHealth: {OnItsWay},

	v1alpha1.ReasonHostUnreachable:  {InTheDark},
	v1alpha1.ReasonHostUnauthorized: {InTheDark},
	v1alpha1.ReasonIllTogether:      {InTheDark},

	v1alpha1.ReasonCircularDependency: {OnItsWay, NeedsEdit},
	v1alpha1.ReasonDuplicateIP:        {OnItsWay, NeedsEdit},
	v1alpha1.ReasonDuplicateHostname:  {OnItsWay, NeedsEdit},
	v1alpha1.ReasonPhaseContradiction: {OnItsWay, NeedsEdit},
	v1alpha1.ReasonInvalid:            {NeedsEdit},
	v1alpha1.ReasonChangeRefused:      {NeedsEdit},
	v1alpha1.ReasonPolicyRefused:      {NeedsEdit},
	v1alpha1.ReasonVMIDConflict:       {NeedsEdit},
	v1alpha1.ReasonOwnedElsewhere:     {NeedsEdit},

	v1alpha1.ReasonStartupTimeout:  {IsIll},
	v1alpha1.ReasonUnhealthy:       {IsIll},
	v1alpha1.ReasonStopped:         {IsIll},
	v1alpha1.ReasonCrashLoop:       {IsIll},
	v1alpha1.ReasonContainerGone:   {IsIll},
	v1alpha1.ReasonLockLeftBehind:  {IsIll},
	v1alpha1.ReasonOperationFailed: {IsIll},
	v1alpha1.ReasonRefusedByMode:   {IsIll}, // of a host
	v1alpha1.ReasonUnsupported:     {IsIll}, // of a host

	v1alpha1.ReasonHealthy:          {IsGood},
	v1alpha1.ReasonDegraded:         {IsGood, IsIll}, // the second: spec.rollout.degraded is Hold
	v1alpha1.ReasonRunningUnchecked: {IsGood},
	v1alpha1.ReasonDisabled:         {IsGood},
	v1alpha1.ReasonConnected:        {IsGood}, // of a host
}

// Verdict is what one version of an object says.
type Verdict struct {
	Row             Row
	Reason, Message string
}

type conditions struct {
	ObservedGeneration *int64             `json:"observedGeneration"`
	Conditions         []metav1.Condition `json:"conditions"`
}

func statusOf(u *unstructured.Unstructured) (conditions, error) {
	var s conditions
	text, _, _ := unstructured.NestedMap(u.Object, "status")
	return s, runtime.DefaultUnstructuredConverter.FromUnstructured(text, &s)
}

func reasonOf(s conditions) string {
	for _, c := range s.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

func gateOf(host *unstructured.Unstructured) string {
	gate, _, _ := unstructured.NestedString(host.Object, "spec", "rollout", "gate")
	return gate
}

// StatusInTable is that every version of every status stands for what the situation table says.
func StatusInTable(r *Record) []string {
	r.prepare()
	var found []string
	for _, v := range r.Versions {
		if v.Deleted {
			continue
		}
		if verdict, err := Judge(v.Object); err != nil {
			found = append(found, fmt.Sprintf("%s %s at version %s (%s %s: %q): %s", v.Object.GetKind(), v.Object.GetName(), v.Object.GetResourceVersion(),
				verdict.Row.Ready, verdict.Reason, verdict.Message, err))
		}
	}
	return found
}

// Judge reads a status the way that Flux does, and compares with the table.
func Judge(u *unstructured.Unstructured) (Verdict, error) {
	var v Verdict
	s, err := statusOf(u)
	if err != nil {
		return v, err
	}
	if s.ObservedGeneration == nil {
		return v, errors.New("no observedGeneration")
	}
	current := *s.ObservedGeneration == u.GetGeneration()
	if *s.ObservedGeneration > u.GetGeneration() {
		return v, fmt.Errorf("observedGeneration %d is ahead of generation %d", *s.ObservedGeneration, u.GetGeneration())
	}
	for _, c := range s.Conditions {
		switch c.Type {
		case v1alpha1.ConditionReady:
			v.Row.Ready, v.Reason, v.Message = c.Status, c.Reason, c.Message
		case v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled:
			if v.Row.Beside != "" {
				return v, errors.New("both Reconciling and Stalled")
			}
			if v.Row.Beside = c.Type; c.Status != metav1.ConditionTrue {
				return v, fmt.Errorf("%s exists and is %s", c.Type, c.Status)
			}
		}
		if c.ObservedGeneration > u.GetGeneration() {
			return v, fmt.Errorf("condition %s judges generation %d of %d", c.Type, c.ObservedGeneration, u.GetGeneration())
		}
		if c.LastTransitionTime.Unix() <= 0 && c.Reason != v1alpha1.ReasonPending || c.Reason == "" || (c.Message == "" && c.Type == v1alpha1.ConditionReady) {
			return v, fmt.Errorf("condition %s says too little: %+v", c.Type, c)
		}
	}
	result, err := status.Compute(u)
	if err != nil {
		return v, err
	}
	v.Row.KStatus = result.Status
	return v, compare(v, current, u.GetDeletionTimestamp() != nil)
}

func compare(v Verdict, current, deleting bool) error {
	rows, known := Table[v.Reason]
	if !known {
		return errors.New("the table has no such reason")
	}
	for _, r := range rows {
		switch {
		case deleting:
			r.KStatus = status.TerminatingStatus
		case !current:
			r.KStatus = status.InProgressStatus
		}
		if r == v.Row {
			return nil
		}
	}
	return fmt.Errorf("it stands for %+v, the table says %+v", v.Row, rows)
}
