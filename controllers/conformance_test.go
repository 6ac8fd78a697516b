package controllers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// row is one line of the situation table of the API: what a reason of Ready comes with, and what kstatus makes of it.
type row struct {
	ready   metav1.ConditionStatus
	beside  string // Reconciling, Stalled or neither
	kstatus status.Status
}

var (
	notLookedAt = row{metav1.ConditionUnknown, "", status.InProgressStatus}
	onItsWay    = row{metav1.ConditionFalse, v1alpha1.ConditionReconciling, status.InProgressStatus}
	inTheDark   = row{metav1.ConditionUnknown, v1alpha1.ConditionReconciling, status.InProgressStatus}
	needsEdit   = row{metav1.ConditionFalse, v1alpha1.ConditionStalled, status.FailedStatus}
	isIll       = row{metav1.ConditionFalse, "", status.InProgressStatus}
	isGood      = row{metav1.ConditionTrue, "", status.CurrentStatus}
)

// table is the whole of it: a reason may stand in several rows, such as a circle before and after its grace.
var table = map[string][]row{
	v1alpha1.ReasonPending: {notLookedAt, onItsWay}, // the second: suspended before anything was made

	v1alpha1.ReasonWaitingForDependency: {onItsWay},
	v1alpha1.ReasonWaitingForPhase:      {onItsWay},
	v1alpha1.ReasonWaitingForSlot:       {onItsWay},
	v1alpha1.ReasonWaitingForLock:       {onItsWay},
	v1alpha1.ReasonWaitingForAddress:    {onItsWay},
	v1alpha1.ReasonMissingDependency:    {onItsWay},
	v1alpha1.ReasonDisabledDependency:   {onItsWay},
	v1alpha1.ReasonHostNotFound:         {onItsWay},
	v1alpha1.ReasonNodeUnavailable:      {onItsWay},
	v1alpha1.ReasonVMIDRangeExhausted:   {onItsWay},
	v1alpha1.ReasonCredentials:          {onItsWay}, // of a host

	v1alpha1.ReasonCreating:         {onItsWay},
	v1alpha1.ReasonStarting:         {onItsWay},
	v1alpha1.ReasonUpdating:         {onItsWay},
	v1alpha1.ReasonStopping:         {onItsWay},
	v1alpha1.ReasonDeleting:         {onItsWay, isIll}, // the second: protected on Proxmox
	v1alpha1.ReasonResolving:        {onItsWay},
	v1alpha1.ReasonRetrying:         {onItsWay},
	v1alpha1.ReasonWaitingForHealth: {onItsWay},

	v1alpha1.ReasonHostUnreachable:  {inTheDark},
	v1alpha1.ReasonHostUnauthorized: {inTheDark},

	v1alpha1.ReasonCircularDependency: {onItsWay, needsEdit},
	v1alpha1.ReasonDuplicateIP:        {onItsWay, needsEdit},
	v1alpha1.ReasonDuplicateHostname:  {onItsWay, needsEdit},
	v1alpha1.ReasonPhaseContradiction: {onItsWay, needsEdit},
	v1alpha1.ReasonInvalid:            {needsEdit},
	v1alpha1.ReasonChangeRefused:      {needsEdit},
	v1alpha1.ReasonVMIDConflict:       {needsEdit},
	v1alpha1.ReasonOwnedElsewhere:     {needsEdit},

	v1alpha1.ReasonStartupTimeout:  {isIll},
	v1alpha1.ReasonUnhealthy:       {isIll},
	v1alpha1.ReasonStopped:         {isIll},
	v1alpha1.ReasonCrashLoop:       {isIll},
	v1alpha1.ReasonContainerGone:   {isIll},
	v1alpha1.ReasonLockLeftBehind:  {isIll},
	v1alpha1.ReasonOperationFailed: {isIll},
	v1alpha1.ReasonRefusedByMode:   {isIll}, // of a host
	v1alpha1.ReasonUnsupported:     {isIll}, // of a host

	v1alpha1.ReasonHealthy:          {isGood},
	v1alpha1.ReasonRunningUnchecked: {isGood},
	v1alpha1.ReasonDisabled:         {isGood},
	v1alpha1.ReasonConnected:        {isGood}, // of a host
}

// version is one version of an object that the API server held.
type version struct {
	kind, name, resourceVersion string
	row                         row
	reason, message             string
	plan                        string
}

func (v version) says(parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(v.message, part) })
}

// conformance watches the hosts and services of a lab and holds every version of every status against the table.
type conformance struct {
	mu       sync.Mutex
	versions []version
	errs     []error
}

// conform watches until the test ends, and then says what was wrong.
func (l *lab) conform() *conformance {
	l.t.Helper()
	c := &conformance{}
	watching, err := client.NewWithWatch(l.api.Config, client.Options{Scheme: l.api.Client.Scheme()})
	if err != nil {
		l.t.Fatal(err)
	}
	var done sync.WaitGroup
	var watches []watch.Interface
	for _, kind := range []string{"NixMoxHost", "NixMoxService"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		w, err := watching.Watch(context.Background(), list, client.InNamespace(l.namespace))
		if err != nil {
			l.t.Fatal(err)
		}
		watches = append(watches, w)
		done.Go(func() {
			for e := range w.ResultChan() {
				c.take(e)
			}
		})
	}
	l.t.Cleanup(func() {
		for _, w := range watches {
			w.Stop()
		}
		done.Wait()
		for _, err := range c.errs {
			l.t.Error(err)
		}
	})
	return c
}

func (c *conformance) take(e watch.Event) {
	u, ok := e.Object.(*unstructured.Unstructured)
	if !ok || e.Type == watch.Deleted {
		return
	}
	v, err := judge(u)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions = append(c.versions, v)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s %s at version %s (%s %s: %q): %w", v.kind, v.name, v.resourceVersion, v.row.ready, v.reason, v.message, err))
	}
}

// saw is whether a service was once in a row with a reason, and said all these parts.
func (c *conformance) saw(name, reason string, r row, says ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.versions {
		if v.kind == "NixMoxService" && v.name == name && v.reason == reason && v.row == r && v.says(says) {
			return true
		}
	}
	return false
}

// planned is whether a service once had this plan.
func (c *conformance) planned(name, plan string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.versions, func(v version) bool { return v.kind == "NixMoxService" && v.name == name && v.plan == plan })
}

func planText(lines any) string {
	list, _ := lines.([]any)
	texts := make([]string, len(list))
	for i, line := range list {
		texts[i] = fmt.Sprint(line)
	}
	return strings.Join(texts, "\n")
}

// count is how many versions there were so far.
func (c *conformance) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.versions)
}

// judge reads a status the way that Flux does, and compares with the table.
func judge(u *unstructured.Unstructured) (version, error) {
	v := version{kind: u.GetKind(), name: u.GetName(), resourceVersion: u.GetResourceVersion()}
	var s struct {
		ObservedGeneration *int64             `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
		Plan               any                `json:"plan"`
	}
	text, _, _ := unstructured.NestedMap(u.Object, "status")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(text, &s); err != nil {
		return v, err
	}
	if s.ObservedGeneration == nil {
		return v, errors.New("no observedGeneration")
	}
	v.plan = planText(s.Plan)
	current := *s.ObservedGeneration == u.GetGeneration()
	if *s.ObservedGeneration > u.GetGeneration() {
		return v, fmt.Errorf("observedGeneration %d is ahead of generation %d", *s.ObservedGeneration, u.GetGeneration())
	}
	for _, c := range s.Conditions {
		switch c.Type {
		case v1alpha1.ConditionReady:
			v.row.ready, v.reason, v.message = c.Status, c.Reason, c.Message
		case v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled:
			if v.row.beside != "" {
				return v, errors.New("both Reconciling and Stalled")
			}
			if v.row.beside = c.Type; c.Status != metav1.ConditionTrue {
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
	v.row.kstatus = result.Status
	return v, compare(v, current, u.GetDeletionTimestamp() != nil)
}

func compare(v version, current, deleting bool) error {
	rows, known := table[v.reason]
	if !known {
		return errors.New("the table has no such reason")
	}
	for _, r := range rows {
		switch {
		case deleting:
			r.kstatus = status.TerminatingStatus
		case !current:
			r.kstatus = status.InProgressStatus
		}
		if r == v.row {
			return nil
		}
	}
	return fmt.Errorf("it stands for %+v, the table says %+v", v.row, rows)
}

// situated waits until a service is in a row of the table, with a reason, at its current generation, and says all the parts that help a
// person.
func (l *lab) situated(name, reason string, r row, says ...string) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%s is %s with %+v and says %q", name, reason, r, says), func() bool {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("NixMoxService"))
		if err := l.api.Client.Get(context.Background(), client.ObjectKey{Namespace: l.namespace, Name: name}, u); err != nil {
			return false
		}
		last, _ := judge(u)
		observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
		return last.reason == reason && last.row == r && (observed == u.GetGeneration() || r == notLookedAt) &&
			last.says(says)
	})
}

func TestTheTableRefusesWhatItShould(t *testing.T) {
	t.Parallel()
	object := func(observed int64, conditions ...map[string]any) *unstructured.Unstructured {
		list := make([]any, len(conditions))
		for i, c := range conditions {
			c["lastTransitionTime"], c["message"] = time.Now().UTC().Format(time.RFC3339), "something"
			list[i] = c
		}
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.GroupVersion.String(), "kind": "NixMoxService", "metadata": map[string]any{"name": "a", "generation": int64(1)},
			"status": map[string]any{"observedGeneration": observed, "conditions": list},
		}}
	}
	condition := func(kind, status, reason string) map[string]any {
		return map[string]any{"type": kind, "status": status, "reason": reason}
	}
	for what, u := range map[string]*unstructured.Unstructured{
		"ready and reconciling":          object(1, condition("Ready", "True", "Healthy"), condition("Reconciling", "True", "Healthy")),
		"stalled and reconciling":        object(1, condition("Ready", "False", "Invalid"), condition("Reconciling", "True", "Invalid"), condition("Stalled", "True", "Invalid")),
		"a stalled that is not true":     object(1, condition("Ready", "False", "Unhealthy"), condition("Stalled", "False", "Unhealthy")),
		"waiting without reconciling":    object(1, condition("Ready", "False", "WaitingForPhase")),
		"a reason that nobody knows":     object(1, condition("Ready", "False", "Whatever")),
		"a generation that is not there": object(2, condition("Ready", "True", "Healthy")),
	} {
		if v, err := judge(u); err == nil {
			t.Errorf("%s was accepted: %+v", what, v)
		}
	}
	if v, err := judge(object(1, condition("Ready", "True", "Healthy"))); err != nil {
		t.Errorf("%+v: %v", v, err)
	}
}
