// Package forecast says what the controller will do with a set of services, before it does it: phase by phase and service by service,
// each with its cause. It is pure and decides nothing of its own: desired, plan and manifest do. What Proxmox has comes from the
// services' status, so that no credentials are needed. The kubectl plugin prints it.
package forecast

import (
	"fmt"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// Action is what will happen to a service, in one word.
type Action string

// The actions. A service of which something is refused may have steps beside.
const (
	Create  Action = "create"
	Adopt   Action = "adopt"  // a container that exists
	Change  Action = "change" // in place
	Restart Action = "restart"
	Start   Action = "start"
	Stop    Action = "stop"
	Refused Action = "refused"
	Blocked Action = "blocked" // by a problem of the set, or suspended
	Nothing Action = "nothing"
)

// Actions are all of them, in the order of summaries.
var Actions = []Action{Create, Adopt, Change, Restart, Start, Stop, Refused, Blocked, Nothing}

// Host is the forecast of one host.
type Host struct {
	Host   string  `json:"host"`
	Phases []Phase `json:"phases"`
	// Summary counts the services by action.
	Summary map[Action]int `json:"summary"`
}

// Phase is one deployment phase; 0 holds the services that have none because of a circle.
type Phase struct {
	Number   int       `json:"number"`
	Name     string    `json:"name,omitempty"`
	Services []Service `json:"services"`
}

// Service is what will happen to one service.
type Service struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Action    Action `json:"action"`
	// Disrupts is whether a step interrupts the service.
	Disrupts bool `json:"disrupts"`
	// Steps in the order in which they are taken.
	Steps []Step `json:"steps,omitempty"`
	// Refused are differences that no step may remove.
	Refused []string `json:"refused,omitempty"`
	// Cause says why it is blocked, or why there is nothing to do.
	Cause string `json:"cause,omitempty"`
}

// Step is one call to Proxmox.
type Step struct {
	Kind     string   `json:"kind"`
	Disrupts bool     `json:"disrupts"`
	Causes   []string `json:"causes"`
}

// Changes is whether anything will happen.
func (h Host) Changes() bool {
	for action, n := range h.Summary {
		if n > 0 && action != Nothing && action != Blocked && action != Refused {
			return true
		}
	}
	return false
}

// Input is what a forecast is made of.
type Input struct {
	// Host and Services as they are wished for.
	Host     *v1alpha1.NixMoxHost
	Services []v1alpha1.NixMoxService
	// Live are the host and the services as the cluster has them, with their status; nil: there is nothing yet.
	LiveHost *v1alpha1.NixMoxHost
	Live     []v1alpha1.NixMoxService
}

// Of is the forecast.
func Of(in Input) Host {
	f := forecast{Input: in, live: map[manifest.Key]*v1alpha1.NixMoxService{}, report: topology.Validate(in.Host, in.Services)}
	if in.LiveHost != nil {
		f.liveReport = topology.Validate(in.LiveHost, in.Live)
	}
	for i := range in.Live {
		f.live[topology.KeyOf(&in.Live[i])] = &in.Live[i]
	}
	h := Host{Host: in.Host.Namespace + "/" + in.Host.Name, Phases: []Phase{}, Summary: map[Action]int{}}
	seen := map[manifest.Key]bool{}
	for _, p := range f.report.Phases() {
		phase := Phase{Number: p.Number, Name: p.Name, Services: []Service{}}
		for _, k := range p.Services {
			seen[k] = true
			phase.Services = append(phase.Services, f.service(k))
		}
		h.Phases = append(h.Phases, phase)
	}
	var rest []Service
	for _, k := range f.report.Unordered() {
		if !seen[k] {
			rest = append(rest, f.service(k))
		}
	}
	if len(rest) > 0 {
		h.Phases = append(h.Phases, Phase{Services: rest})
	}
	for _, phase := range h.Phases {
		for _, s := range phase.Services {
			h.Summary[s.Action]++
		}
	}
	return h
}

type forecast struct {
	Input
	live               map[manifest.Key]*v1alpha1.NixMoxService
	report, liveReport *manifest.Report
}

func (f *forecast) service(k manifest.Key) Service {
	s := Service{Namespace: k.Namespace, Name: k.Name}
	svc := f.wished(k)
	if block, blocked := f.report.Block(k); blocked {
		s.Action, s.Cause = Blocked, block.Message()
		return s
	}
	if svc.Spec.Suspend {
		s.Action, s.Cause = Blocked, "suspended: it is observed, and nothing is changed"
		return s
	}
	f.steps(&s, k, svc)
	if s.Action == "" {
		s.Action = s.action()
	}
	if s.Action == Nothing && s.Cause == "" {
		s.Cause = f.whyNothing(k, svc)
	}
	return s
}

// steps are those of the controller's own plan where it has judged this very spec, else what plan.Compute says.
func (f *forecast) steps(s *Service, k manifest.Key, svc *v1alpha1.NixMoxService) {
	live := f.live[k]
	if live != nil && live.Status.ObservedGeneration == live.Generation && f.unchanged(svc, live) {
		s.take(live.Status.Plan)
		return
	}
	d, err := desired.Container(f.Host, svc, f.report.Level(k))
	if err != nil {
		s.Refused = []string{err.Error()}
		return
	}
	var o plan.Observed
	if live != nil {
		o = f.observed(live)
		d.Node, o.Node = live.Annotations[v1alpha1.MigrateAnnotation], live.Status.Node
	}
	if svc.Spec.Adopt && svc.Spec.VMID != nil && !o.Exists {
		s.Action, s.Cause = Adopt, fmt.Sprintf("container %d is taken over; `adopt %d` says what would change on it", *svc.Spec.VMID, *svc.Spec.VMID)
		return
	}
	desired.AsFound(f.Host, svc, &d, o)
	// Without a cluster it is not known who asks Proxmox: what root@pam in person alone may do is told beside the step.
	d.AsRoot = f.LiveHost == nil || f.LiveHost.Status.Identity == "root@pam"
	p := plan.Compute(d, o)
	s.take(p.Lines())
	if !o.Exists && len(s.Steps) > 0 {
		s.Steps[0].Causes = append(s.Steps[0].Causes, describe(d)...)
	}
	if f.LiveHost == nil && len(s.Steps) > 0 {
		d.AsRoot = false
		for _, r := range plan.Compute(d, o).Refused {
			s.Steps[0].Causes = append(s.Steps[0].Causes, "for root@pam in person, no API token: "+r.Change.String())
		}
	}
}

func (f *forecast) whyNothing(k manifest.Key, svc *v1alpha1.NixMoxService) string {
	switch live := f.live[k]; {
	case !desired.Enabled(svc):
		return "disabled"
	case live != nil && svc.Spec.Node != "" && live.Status.Node != "" && svc.Spec.Node != live.Status.Node:
		return fmt.Sprintf("as it should be, but on node %s, not %s: spec.node alone moves nothing, `kubectl nixmox migrate %s` does", live.Status.Node, svc.Spec.Node, svc.Name)
	case live != nil:
		return "as it should be"
	}
	return ""
}

func (f *forecast) wished(k manifest.Key) *v1alpha1.NixMoxService {
	for i := range f.Services {
		if topology.KeyOf(&f.Services[i]) == k {
			return &f.Services[i]
		}
	}
	return &v1alpha1.NixMoxService{}
}

// action is the one word for the steps.
func (s *Service) action() Action {
	has := map[string]bool{}
	for _, step := range s.Steps {
		has[step.Kind] = true
	}
	switch {
	case len(s.Refused) > 0:
		return Refused
	case has[string(plan.Create)]:
		return Create
	case has[string(plan.Shutdown)] && has[string(plan.Start)]:
		return Restart
	case s.Disrupts && !has[string(plan.Shutdown)]:
		return Restart
	case has[string(plan.Shutdown)]:
		return Stop
	case len(s.Steps) == 1 && has[string(plan.Start)]:
		return Start
	case len(s.Steps) > 0:
		return Change
	}
	return Nothing
}
