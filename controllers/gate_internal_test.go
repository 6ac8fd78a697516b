package controllers

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// readySince is a service that is ready for its spec, since some time before noon; a recovery when it was ready before.
func readySince(name string, since time.Duration, recovered bool) *v1alpha1.NixMoxService {
	at := metav1.NewTime(noon.Add(-since))
	svc := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, Generation: 3}}
	svc.Status.ObservedGeneration, svc.Status.ObservedHostGeneration = 3, 7
	svc.Status.FirstReadyTime = &at
	if recovered {
		first := metav1.NewTime(noon.Add(-time.Hour))
		svc.Status.FirstReadyTime = &first
	}
	svc.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonHealthy, ObservedGeneration: 3, LastTransitionTime: at,
	}}
	return svc
}

func hostAt(generation int64) *v1alpha1.NixMoxHost {
	return &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Generation: generation}}
}

func TestOthersBuildOnAServiceOnlyWhenItIsSettled(t *testing.T) {
	type edit = func(*v1alpha1.NixMoxService)
	no := false
	for what, c := range map[string]struct {
		since     time.Duration
		recovered bool
		edit      edit
		ok, waits bool
	}{
		"ready for the first time counts at once":     {since: 0, ok: true},
		"after an illness it has to stay ready":       {since: time.Second, recovered: true, waits: true},
		"two seconds, and one for what was cut off":   {since: 2900 * time.Millisecond, recovered: true, waits: true},
		"long enough after an illness":                {since: 3 * time.Second, recovered: true, ok: true},
		"not ready":                                   {edit: func(s *v1alpha1.NixMoxService) { s.Status.Conditions[0].Status = metav1.ConditionFalse }},
		"nobody knows":                                {edit: func(s *v1alpha1.NixMoxService) { s.Status.Conditions[0].Status = metav1.ConditionUnknown }},
		"never looked at":                             {edit: func(s *v1alpha1.NixMoxService) { s.Status = v1alpha1.NixMoxServiceStatus{} }},
		"ready for the spec before":                   {edit: func(s *v1alpha1.NixMoxService) { s.Generation = 4 }},
		"the condition is of the spec before":         {edit: func(s *v1alpha1.NixMoxService) { s.Status.Conditions[0].ObservedGeneration = 2 }},
		"steps remain":                                {edit: func(s *v1alpha1.NixMoxService) { s.Status.Plan = []string{"Configure: memory"} }},
		"disabled, however good that is":              {edit: func(s *v1alpha1.NixMoxService) { s.Spec.Enable = &no }},
		"on its way out":                              {edit: func(s *v1alpha1.NixMoxService) { s.DeletionTimestamp = &metav1.Time{Time: noon} }},
		"not yet as the host says now":                {edit: func(s *v1alpha1.NixMoxService) { s.Status.ObservedHostGeneration = 6 }},
		"a clock that went back does not open a gate": {since: -time.Minute, recovered: true, waits: true},
	} {
		svc := readySince("a", c.since, c.recovered)
		if c.edit != nil {
			c.edit(svc)
		}
		ok, wait := settledAt(svc, hostAt(7), noon)
		if ok != c.ok || (wait > 0) != c.waits {
			t.Errorf("%s: settled %v, wait %v", what, ok, wait)
		}
	}
}

// gateCase is a host with services; sick are those that are not ready.
type gateCase struct {
	gate      v1alpha1.Gate
	phases    []manifest.Phase
	services  map[string][]string // with what they depend on
	sick      string
	disabled  string
	deleted   string
	recovers  bool
	updates   bool
	asks      string
	reason    string
	message   string
	waitsFor  string
	looksSoon bool
}

func TestTheGate(t *testing.T) {
	list := func(names string) manifest.Phase {
		title, services, _ := strings.Cut(names, ": ")
		return manifest.Phase{Name: title, Services: strings.Fields(services)}
	}
	stack := map[string][]string{"dns": nil, "db": {"dns"}, "app": {"db"}, "lone": nil}
	named := []manifest.Phase{list("infra: dns db"), list("apps: app lone")}
	for what, c := range map[string]gateCase{
		"nothing before it":                             {services: stack, asks: "dns"},
		"all before it is settled":                      {services: stack, asks: "app"},
		"a dependency is ill":                           {services: stack, asks: "db", sick: "dns", reason: "WaitingForDependency", message: "Waiting for dns to be ready", waitsFor: "dns"},
		"a dependency comes before a phase":             {services: stack, phases: named, asks: "app", sick: "db dns", reason: "WaitingForDependency", waitsFor: "db"},
		"what it does not depend on is ill":             {services: stack, phases: named, asks: "lone", sick: "dns", reason: "WaitingForPhase", message: "Waiting for phase 1 (infra): dns", waitsFor: "dns"},
		"phases without names have numbers":             {services: stack, asks: "app", sick: "lone", reason: "WaitingForPhase", message: "Waiting for phase 1: lone", waitsFor: "lone"},
		"its own phase does not hold it":                {services: stack, phases: named, asks: "lone", sick: "app"},
		"a later phase does not hold it":                {services: stack, phases: named, asks: "db", sick: "lone"},
		"the gate of dependencies has no phases":        {gate: v1alpha1.GateDependencies, services: stack, phases: named, asks: "lone", sick: "dns"},
		"but it has dependencies":                       {gate: v1alpha1.GateDependencies, services: stack, phases: named, asks: "db", sick: "dns", reason: "WaitingForDependency", waitsFor: "dns"},
		"recovery does not wait for phases":             {services: stack, phases: named, asks: "lone", sick: "dns", recovers: true},
		"recovery waits for its direct dependencies":    {services: stack, phases: named, asks: "db", sick: "dns", recovers: true, reason: "WaitingForDependency", waitsFor: "dns"},
		"recovery does not wait for indirect ones":      {services: stack, phases: named, asks: "app", sick: "dns", recovers: true},
		"an update of what is healthy waits for phases": {services: stack, phases: named, asks: "lone", sick: "dns", updates: true, reason: "WaitingForPhase", waitsFor: "dns"},
		"but not for its own":                           {services: stack, phases: named, asks: "db", sick: "lone", updates: true},
		"nor with the gate of dependencies":             {gate: v1alpha1.GateDependencies, services: stack, phases: named, asks: "lone", sick: "dns", updates: true},
		"a disabled service holds no phase":             {services: stack, phases: named, asks: "lone", disabled: "db"},
		"one on its way out holds no phase":             {services: stack, phases: named, asks: "lone", deleted: "db"},
		"but those that depend on it":                   {services: stack, phases: named, asks: "app", deleted: "db", reason: "WaitingForDependency", waitsFor: "db"},
		"a name that does not exist holds":              {services: stack, phases: []manifest.Phase{list("infra: dns ghost"), list("apps: lone")}, asks: "lone", reason: "WaitingForPhase", message: "Waiting for phase 1 (infra): ghost", waitsFor: "ghost"},
		"it holds nobody of its own phase":              {services: stack, phases: []manifest.Phase{list("infra: dns ghost"), list("apps: lone")}, asks: "dns"},
		"a circle holds no phase, it is held itself":    {services: map[string][]string{"x": {"y"}, "y": {"x"}, "lone": nil}, phases: []manifest.Phase{list("one: x y"), list("two: lone")}, asks: "lone"},
		"more than five are counted, and all named":     {services: map[string][]string{"a": nil, "b": nil, "c": nil, "d": nil, "e": nil, "f": nil, "g": nil, "z": nil}, phases: []manifest.Phase{list("one: a b c d e f g"), list("two: z")}, asks: "z", sick: "a b c d e f g", reason: "WaitingForPhase", message: "Waiting for phase 1 (one): a, b, c, d, e and 2 more", waitsFor: "a b c d e f g"},
		"an earlier phase is named before a later":      {services: stack, phases: []manifest.Phase{list("one: dns"), list("two: db"), list("three: lone")}, asks: "lone", sick: "db dns", reason: "WaitingForPhase", waitsFor: "dns"},
		"of one that recovers it knows when to look":    {services: map[string][]string{"just": nil, "z": {"just"}}, asks: "z", reason: "WaitingForDependency", waitsFor: "just", looksSoon: true},
		"and in a phase":                                {services: map[string][]string{"just": nil, "z": nil}, phases: []manifest.Phase{list("one: just"), list("two: z")}, asks: "z", reason: "WaitingForPhase", waitsFor: "just", looksSoon: true},
	} {
		checkGate(t, what, c)
	}
}

func checkGate(t *testing.T, what string, c gateCase) {
	t.Helper()
	objects, set := map[manifest.Key]*v1alpha1.NixMoxService{}, []manifest.Service{}
	no := false
	for name, dependsOn := range c.services {
		svc := readySince(name, time.Minute, name == "just")
		if name == "just" {
			svc = readySince(name, time.Second, true)
		}
		if strings.Contains(" "+c.sick+" ", " "+name+" ") {
			svc.Status.Conditions[0].Status = metav1.ConditionFalse
		}
		if name == c.disabled {
			svc.Spec.Enable = &no
		}
		if name == c.deleted {
			svc.DeletionTimestamp = &metav1.Time{Time: noon}
		}
		if name == c.asks && !c.recovers && !c.updates {
			svc.Status.FirstReadyTime = nil
		}
		objects[keyOf(svc)] = svc
		set = append(set, manifest.Service{Key: keyOf(svc), DependsOn: dependsOn, Enabled: name != c.disabled})
	}
	host := hostAt(7)
	host.Spec.Rollout.Gate = c.gate
	key := manifest.Key{Namespace: "n", Name: c.asks}
	o := hold(gateInput{host: host, svc: objects[key], key: key, report: manifest.Validate(set, c.phases), now: noon, update: c.updates,
		lookup: func(k manifest.Key) *v1alpha1.NixMoxService { return objects[k] }})
	if o == nil {
		o = &Outcome{}
	}
	if o.Reason != c.reason || c.message != "" && o.Message != c.message || strings.Join(o.WaitingFor, " ") != c.waitsFor || (o.Again > 0) != c.looksSoon {
		t.Errorf("%s: it is held by %q for %q, says %q, looks again in %v", what, o.Reason, o.WaitingFor, o.Message, o.Again)
	}
}
