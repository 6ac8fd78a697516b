package controllers_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/samples"
	"github.com/nixmox/nixmox-controller/internal/demo"
)

const ill = "systemctl is-active --quiet nothing"

// phased lists services by phase, as in "infra: a b".
func phased(phases ...string) func(*v1alpha1.NixMoxHost) {
	return func(h *v1alpha1.NixMoxHost) {
		h.Spec.Phases = nil
		for _, text := range phases {
			name, services, _ := strings.Cut(text, ": ")
			h.Spec.Phases = append(h.Spec.Phases, v1alpha1.Phase{Name: name, Services: strings.Fields(services)})
		}
	}
}

// heal lets a service's check pass from now on.
func (l *lab) heal(name string) {
	l.t.Helper()
	l.edit(name, func(s *v1alpha1.NixMoxService) { s.Spec.HealthCheck = "systemctl is-active --quiet " + name })
}

// judged has the judge of the demo look at the whole roll-out.
func (l *lab) judged(names ...string) {
	l.t.Helper()
	r := demo.Rollout{Slots: 4, Log: l.log.entries()}
	for _, name := range names {
		s := l.get(name)
		r.Services = append(r.Services, demo.Service{Name: name, VMID: int(s.Status.VMID), Phase: int(s.Status.Phase), DependsOn: s.Spec.DependsOn})
	}
	for _, violation := range demo.Judge(r).Violations {
		l.t.Error(violation)
	}
}

func TestANamedPhaseWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a", "apps: b c"))
	l.service("a", service(11, "hostname: a, healthCheck: "+ill))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ", dependsOn: [b]"))
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (infra): a")
	l.situated("c", v1alpha1.ReasonWaitingForDependency, onItsWay, "Waiting for b to be ready")
	l.situated("a", v1alpha1.ReasonWaitingForHealth, onItsWay, "first success of its check")
	if b := l.get("b"); b.Status.Phase != 2 || len(b.Status.WaitingFor) != 1 || b.Status.WaitingFor[0] != "a" || b.Status.VMID != 0 {
		t.Errorf("b is in phase %d with VMID %d and waits for %q", b.Status.Phase, b.Status.VMID, b.Status.WaitingFor)
	}
	l.heal("a")
	l.ready("a", "b", "c")
	l.judged("a", "b", "c")
}

func TestPhasesFollowFromDependencies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, "hostname: a, healthCheck: "+ill))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ", dependsOn: [b]"))
	// c depends on b alone, but a is in the phase before it.
	l.situated("c", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1: a")
	l.heal("a")
	l.ready("a", "b", "c")
	l.judged("a", "b", "c")
}

func TestWithTheGateOfDependenciesNobodyWaitsForStrangers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a", "apps: b c"))
	l.service("a", service(11, "hostname: a, healthCheck: "+ill))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ", dependsOn: [a]"))
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay)
	// An edit of the host opens it for those who wait.
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.Gate = v1alpha1.GateDependencies })
	l.ready("b")
	l.situated("c", v1alpha1.ReasonWaitingForDependency, onItsWay, "Waiting for a to be ready")
	l.heal("a")
	l.ready("a", "c")
}

func TestAListedNameThatDoesNotExistHoldsLaterPhases(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a ghost", "apps: b"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a")
	l.situated("b", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (infra): ghost")
	l.eventually("the host reports the name", func() bool {
		problems := l.getHost().Status.Problems
		return len(problems) == 1 && problems[0].Message == "Unknown services in phases: ghost" &&
			strings.Contains(problems[0].Detail, "phase 1 (infra) lists ghost; no later phase starts for the first time until it exists")
	})
	l.service("ghost", checked(13, "c", ""))
	l.ready("ghost", "b")
	l.judged("a", "ghost", "b")

	// What runs is not held by a name that comes later.
	l.editHost(phased("infra: a ghost another", "apps: b"))
	l.must(l.pve.Stop(int(l.get("b").Status.VMID)))
	l.eventually("b is started again", func() bool { return l.begun("vzstart", int(l.get("b").Status.VMID)) == 2 })
	l.ready("b")
}

func TestRecoveryDoesNotWaitForPhases(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a", "apps: b c"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b")
	a, b := int(l.get("a").Status.VMID), int(l.get("b").Status.VMID)
	l.must(l.pve.SetHealthy(a, "", false))
	l.situated("a", v1alpha1.ReasonUnhealthy, isIll)
	l.must(l.pve.Stop(b))
	// b recovers although a is ill; c, which never ran, has to wait.
	l.eventually("b is started again", func() bool { return l.begun("vzstart", b) == 2 })
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	l.service("c", checked(13, "c", ""))
	l.situated("c", v1alpha1.ReasonWaitingForPhase, onItsWay, "Waiting for phase 1 (infra): a")
	l.must(l.pve.SetHealthy(a, "", true))
	l.ready("a", "b", "c")
	if n := l.begun("vzstart", a); n != 1 {
		t.Errorf("a was started %d times", n)
	}
}

func TestADisabledServiceHoldsNoPhase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(phased("infra: a", "apps: b c"))
	l.service("a", checked(11, "a", ", enable: false"))
	l.service("b", checked(12, "b", ""))
	l.service("c", checked(13, "c", ", dependsOn: [a]"))
	l.ready("b")
	l.situated("c", v1alpha1.ReasonDisabledDependency, onItsWay, "Disabled service dependencies: a")
	if c := l.get("c"); len(c.Status.WaitingFor) != 1 || c.Status.WaitingFor[0] != "a" {
		t.Errorf("c waits for %q", c.Status.WaitingFor)
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(true) })
	l.ready("a", "c")
}

func TestPhasesThatContradictDependenciesNeedAnEdit(t *testing.T) {
	t.Parallel()
	l := newLab(t, shortGrace)
	l.host(phased("first: b", "second: a c"))
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.service("c", checked(13, "c", ""))
	l.situated("b", v1alpha1.ReasonPhaseContradiction, needsEdit, "Services in a phase before their dependencies: b", "phase 1 (first)", "a in phase 2 (second)")
	l.ready("a", "c")
	l.editHost(phased("first: a c", "second: b"))
	l.ready("b")
	l.judged("a", "b", "c")
}

func TestAnyOrderOfApplyingLeadsToTheSameEnd(t *testing.T) {
	t.Parallel()
	const seed, rounds = 1, 6
	stack := map[string]string{
		"a": checked(11, "a", ""), "b": checked(12, "b", ""),
		"c": checked(13, "c", ", dependsOn: [a]"), "d": checked(14, "d", ", dependsOn: [c]"),
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		order := []string{"host", "a", "b", "c", "d"}
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		named := round%2 == 1
		t.Run(fmt.Sprintf("%s named %v", strings.Join(order, " "), named), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, func(_ *lab, world *string) {
				*world = strings.Replace(*world, `"services": [`, `"services": [{"hostname": "d.lan", "ready_after": 0.5, "units": ["d"]}, `, 1)
			})
			for _, name := range order {
				switch {
				case name != "host":
					l.service(name, stack[name])
				case named:
					l.host(phased("one: a b", "two: c", "three: d"))
				default:
					l.host()
				}
			}
			l.ready("a", "b", "c", "d")
			l.judged("a", "b", "c", "d")
			for name, phase := range map[string]int32{"a": 1, "b": 1, "c": 2, "d": 3} {
				if s := l.get(name); s.Status.Phase != phase || len(s.Status.Plan) > 0 || len(s.Status.WaitingFor) > 0 {
					t.Errorf("%s is in phase %d, waits for %q, plans %q", name, s.Status.Phase, s.Status.WaitingFor, s.Status.Plan)
				}
			}
		})
	}
}

// The sample stack, its objects applied in a random order with the host anywhere among them: the same end, and never an early start.
// NIXMOX_ORDERS asks for more orders than the usual two, and NIXMOX_SEED for other ones.
func TestTheSampleStackInAnyOrder(t *testing.T) {
	t.Parallel()
	orders, seed := fromEnvironment(t, "NIXMOX_ORDERS", 2), fromEnvironment(t, "NIXMOX_SEED", 1)
	stack := sampleStack(t)
	names := slices.Sorted(maps.Keys(stack.services))
	random := rand.New(rand.NewPCG(uint64(seed), 6))
	for range orders {
		order := append(slices.Clone(names), "host")
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, func(_ *lab, world *string) {
				var services []string
				for name := range stack.services {
					services = append(services, fmt.Sprintf(`{"hostname": %q, "ready_after": 0.5, "units": [%q]}`, stack.services[name].Hostname, name))
				}
				from, to := strings.Index(*world, `"services": [`), strings.LastIndex(*world, "]")
				*world = (*world)[:from] + `"services": [` + strings.Join(services, ", ") + (*world)[to:]
			})
			for _, name := range order {
				if name == "host" {
					l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Phases = stack.phases })
					continue
				}
				s := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: stack.services[name]}
				s.Spec.HealthCheck = "systemctl is-active --quiet " + name
				l.create(s)
			}
			l.ready(names...)
			l.judged(names...)
			l.eventually("the host is through", func() bool {
				h := l.getHost().Status
				return h.Services == fmt.Sprintf("%d/%d", len(names), len(names)) && len(h.Problems) == 0 && h.Changes == nil
			})
			if len(l.pve.Containers()) != len(names) || l.begun("vzcreate", 0) != len(names) || l.begun("vzstart", 0) != len(names) || l.begun("vzshutdown", 0) > 0 {
				t.Errorf("tasks: %v", l.tasksOf("vzcreate", "vzstart", "vzshutdown"))
			}
		})
	}
}

type stack struct {
	services map[string]v1alpha1.NixMoxServiceSpec
	phases   []v1alpha1.Phase
}

func sampleStack(t *testing.T) stack {
	t.Helper()
	s := stack{services: map[string]v1alpha1.NixMoxServiceSpec{}}
	files, err := fs.Glob(samples.FS, "stack/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(samples.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		var h v1alpha1.NixMoxHost
		var svc v1alpha1.NixMoxService
		if path.Base(file) == "host.yaml" {
			if err := yaml.Unmarshal(text, &h); err != nil {
				t.Fatal(err)
			}
			s.phases = h.Spec.Phases
			continue
		}
		if err := yaml.Unmarshal(text, &svc); err != nil {
			t.Fatal(err)
		}
		s.services[svc.Name] = svc.Spec
	}
	return s
}

func fromEnvironment(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
