package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/test/invariants"
)

// row is one line of the situation table of the API: what a reason of Ready comes with, and what kstatus makes of it. The table itself
// and the way it is read belong to the oracle.
type row = invariants.Row

var (
	notLookedAt = invariants.NotLookedAt
	onItsWay    = invariants.OnItsWay
	inTheDark   = invariants.InTheDark
	needsEdit   = invariants.NeedsEdit
	isIll       = invariants.IsIll
	isGood      = invariants.IsGood
)

// version is one version of an object that the API server held.
type version struct {
	kind, name, plan string
	invariants.Verdict
}

func says(v invariants.Verdict, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(v.Message, part) })
}

// conformance remembers every version of every status that the lab's watch told. The oracle holds them against the table.
type conformance struct {
	mu       sync.Mutex
	versions []version
}

func (c *conformance) take(u *unstructured.Unstructured) {
	verdict, _ := invariants.Judge(u)
	lines, _, _ := unstructured.NestedStringSlice(u.Object, "status", "plan")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions = append(c.versions, version{u.GetKind(), u.GetName(), strings.Join(lines, "\n"), verdict})
}

// saw is whether a service was once in a row with a reason, and said all these parts.
func (c *conformance) saw(name, reason string, r row, parts ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.versions {
		if v.kind == "NixMoxService" && v.name == name && v.Reason == reason && v.Row == r && says(v.Verdict, parts) {
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

// count is how many versions there were so far.
func (c *conformance) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.versions)
}

// situated waits until a service is in a row of the table, with a reason, at its current generation, and says all the parts that help a
// person.
func (l *lab) situated(name, reason string, r row, parts ...string) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%s is %s with %+v and says %q", name, reason, r, parts), func() bool {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("NixMoxService"))
		if err := l.api.Client.Get(context.Background(), client.ObjectKey{Namespace: l.namespace, Name: name}, u); err != nil {
			return false
		}
		last, _ := invariants.Judge(u)
		observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
		return last.Reason == reason && last.Row == r && (observed == u.GetGeneration() || r == notLookedAt) &&
			says(last, parts)
	})
}
