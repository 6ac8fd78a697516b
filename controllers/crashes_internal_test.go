package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// crashing is a pass over a service whose container was seen running and is stopped, after so many crashes, the last restart some time ago.
func crashing(count int32, since time.Duration) *pass {
	svc := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: "a", Generation: 3}}
	svc.Status.Observed = &v1alpha1.ObservedContainer{Running: true}
	if count > 0 {
		svc.Status.Crashes = &v1alpha1.Crashes{Count: count, RestartAt: metav1.NewTime(noon.Add(-since)), Generation: 3}
	}
	return &pass{now: noon, svc: svc, base: svc.DeepCopy(), observed: plan.Observed{Exists: true}}
}

func TestThePauseAfterCrashesDoublesUpToFiveMinutes(t *testing.T) {
	r := &ServiceReconciler{}
	for count, want := range map[int32]time.Duration{0: 0, 1: 10 * time.Second, 2: 20 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 40: 5 * time.Minute} {
		p := crashing(count, time.Minute)
		r.noteCrash(p)
		if got := p.svc.Status.Crashes; got.Count != count+1 || got.RestartAt.Sub(noon) != want {
			t.Errorf("after %d crashes: %d, again in %v", count, got.Count, got.RestartAt.Sub(noon))
		}
	}
	p := crashing(7, 10*time.Minute)
	r.noteCrash(p)
	if got := p.svc.Status.Crashes; got.Count != 1 || !got.RestartAt.Time.Equal(noon) {
		t.Errorf("after ten minutes it is the first again, not %+v", got)
	}
}

func TestCrashesAreForgiven(t *testing.T) {
	r := &ServiceReconciler{}
	for what, c := range map[string]struct {
		since time.Duration
		edit  func(*pass)
		want  bool
	}{
		"not at once":                     {edit: func(*pass) {}},
		"when the spec changes":           {edit: func(p *pass) { p.svc.Generation++ }, want: true},
		"when a start is asked for":       {edit: func(p *pass) { p.svc.Annotations = map[string]string{v1alpha1.StartAnnotation: "now"} }, want: true},
		"when it runs":                    {since: 9 * time.Minute, edit: func(p *pass) { p.observed.Running = true }},
		"when it has run for ten minutes": {since: 10 * time.Minute, edit: func(p *pass) { p.observed.Running = true }, want: true},
	} {
		p := crashing(3, c.since)
		c.edit(p)
		r.forgiveCrashes(p)
		if forgiven := p.svc.Status.Crashes == nil; forgiven != c.want {
			t.Errorf("%s: %v", what, forgiven)
		}
	}
}

func TestOnlyAStopThatNobodyAskedForIsACrash(t *testing.T) {
	for what, c := range map[string]struct {
		edit func(*pass)
		want bool
	}{
		"it was seen running":            {edit: func(*pass) {}, want: true},
		"it was seen stopped before":     {edit: func(p *pass) { p.base.Status.Observed.Running = false }},
		"never seen":                     {edit: func(p *pass) { p.base.Status.Observed = nil }},
		"it runs":                        {edit: func(p *pass) { p.observed.Running = true }},
		"our shutdown has just ended":    {edit: func(p *pass) { p.base.Status.Operation = &v1alpha1.Operation{Kind: "Shutdown"} }},
		"the first half of our restart":  {edit: func(p *pass) { p.svc.Status.RestartOwed = []string{"hostname"} }},
		"the container is not there now": {edit: func(p *pass) { p.observed.Exists = false }},
	} {
		p := crashing(0, 0)
		c.edit(p)
		if p.fell() != c.want {
			t.Errorf("%s: %v", what, p.fell())
		}
	}
}
