package invariants

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/demo"
)

// knownFor is how long others must have been judged to count: a pass that began a moment before saw less.
const knownFor = time.Second

// GatesKept is that the first creation and start of a service come after what it depends on, and every service of an earlier phase,
// was ready once. It is the demo's rule for the order, with the times at which objects became ready.
func GatesKept(r *Record) []string {
	r.prepare()
	var found []string
	for _, c := range r.Calls {
		kind, vmid := c.step()
		if kind != "Create" && kind != "Start" {
			continue
		}
		name, svc := r.announcer(kind, vmid, c.Time)
		if svc == nil || svc.Status.FirstReadyTime != nil {
			continue // a recovery: it waits for less
		}
		members := []demo.Member{{Name: svc.Name, Phase: int(svc.Status.Phase), DependsOn: svc.Spec.DependsOn, Began: []time.Time{c.Time}}}
		for other := range r.services {
			if s, counts := r.before(other, svc, c.Time); counts && other != name {
				members = append(members, s)
			}
		}
		found = append(found, demo.EarlyBirds(members)...)
	}
	return found
}

// announcer is the service whose operation announces a call.
func (r *Record) announcer(kind string, vmid int, when time.Time) (string, *v1alpha1.NixMoxService) {
	for name, versions := range r.services {
		for i := len(versions) - 1; i >= 0; i-- {
			v := versions[i]
			if op := v.service.Status.Operation; op != nil && op.Kind == kind && int(op.VMID) == vmid && !v.Time.After(when.Add(knownFor)) {
				return name, v.service
			}
		}
	}
	return "", nil
}

// before is another service of the same host as it was a moment before a call, and whether it counts for whoever waits: since then it
// was valid, wanted, and judged. What is depended on by name counts as long as it is there.
func (r *Record) before(key string, waiting *v1alpha1.NixMoxService, when time.Time) (demo.Member, bool) {
	s := r.at(key, when.Add(-knownFor))
	if s == nil || s.Namespace != waiting.Namespace || s.Spec.HostRef.Name != waiting.Spec.HostRef.Name {
		return demo.Member{}, false
	}
	other := demo.Member{Name: s.Name, Phase: int(s.Status.Phase), Ready: r.firstReady(key)}
	named := slices.Contains(waiting.Spec.DependsOn, s.Name)
	counts := func(s *v1alpha1.NixMoxService) bool {
		judged := s.Status.Phase == int32(other.Phase) && other.Phase > 0 && s.Status.ObservedGeneration == s.Generation
		wanted := s.Spec.Enable == nil || *s.Spec.Enable
		return s.DeletionTimestamp == nil && (named || judged && wanted && !heldBack(s))
	}
	if !named && !r.gatedByPhase(waiting) || !counts(s) {
		return other, false
	}
	for _, v := range r.services[key] {
		if v.Time.After(when.Add(-knownFor)) && !v.Time.After(when) && !counts(v.service) {
			return other, false
		}
	}
	return other, true
}

// heldBack is whether a service says that it cannot go on because of a problem of the set, its own or one of what it builds on. Nobody
// waits for such a one.
func heldBack(s *v1alpha1.NixMoxService) bool {
	if meta.IsStatusConditionFalse(s.Status.Conditions, v1alpha1.ConditionValid) || meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionStalled) {
		return true
	}
	ready := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonMissingDependency || ready.Reason == v1alpha1.ReasonDisabledDependency ||
		strings.HasPrefix(ready.Message, "Depends on "))
}

func (r *Record) gatedByPhase(s *v1alpha1.NixMoxService) bool {
	hosts := r.hosts[s.Namespace+"/"+s.Spec.HostRef.Name]
	if len(hosts) == 0 {
		return true
	}
	return gateOf(hosts[len(hosts)-1].Object) != string(v1alpha1.GateDependencies)
}

// firstReady is when an object became ready for the first time. Watches and answers to writes tell a moment late, on a busy machine, which
// is no reason to accuse anybody.
func (r *Record) firstReady(key string) time.Time {
	for _, v := range r.services[key] {
		if meta.IsStatusConditionTrue(v.service.Status.Conditions, v1alpha1.ConditionReady) {
			return v.Time.Add(-knownFor)
		}
	}
	return time.Now()
}
