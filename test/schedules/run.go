package schedules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
)

const (
	scale    = 50
	patience = 90 * time.Second
)

var timing = controllers.Timing{LostReply: 1200 * time.Millisecond, Retry: 50 * time.Millisecond, BootGrace: 100 * time.Millisecond, LongestPause: 150 * time.Millisecond,
	Telling: 10 * time.Millisecond}

// Kinds of bad schedules; a seed takes one.
var Kinds = []string{"stale cache", "missed states", "conflict storm", "two leaders", "all of it"}

// schedule is one run, decided by its seed.
type schedule struct {
	*lab.Lab
	random   *rand.Rand
	seed     uint64
	kind     string
	troubles []*trouble
	exists   map[string]bool
}

// KindOf is the kind of a seed's schedule.
func KindOf(seed uint64) string { return Kinds[seed%uint64(len(Kinds))] }

// Run plays the schedule of a seed.
func Run(t lab.T, api *apiserver.Server, seed uint64) {
	s := &schedule{
		Lab: lab.New(t, api, lab.Options{TimeScale: scale}), random: rand.New(rand.NewPCG(seed, 5)), seed: seed, kind: KindOf(seed),
		exists: map[string]bool{},
	}
	leaders := 1
	if s.kind == "two leaders" || s.kind == "all of it" {
		leaders = 2
	}
	var running []*lab.Controller
	for range leaders {
		running = append(running, s.controller())
	}
	stop := func() {
		for _, c := range running {
			if err := c.Stop(); err != nil {
				t.Errorf("the controller ended: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	s.Host()
	for range 4 + s.random.IntN(6) {
		s.act()
		time.Sleep(time.Duration(s.random.IntN(250)) * time.Millisecond) // the schedule's own time
	}
	for _, trouble := range s.troubles {
		trouble.over.Store(true)
	}
	s.settle()
	stop()
	for _, err := range s.Broken() {
		t.Errorf("%v", err)
	}
}

// controller starts one with its trouble.
func (s *schedule) controller() *lab.Controller {
	r := s.random
	trouble := &trouble{random: rand.New(rand.NewPCG(r.Uint64(), 6)), hold: time.Duration(20+r.IntN(400)) * time.Millisecond}
	if s.kind == "stale cache" || s.kind == "all of it" || s.kind == "two leaders" {
		trouble.lag = 1 + r.IntN(6)
	}
	if s.kind == "missed states" || s.kind == "all of it" {
		trouble.blind, trouble.lag = 0.5+r.Float64()/2, 1+r.IntN(6)
	}
	if s.kind == "conflict storm" || s.kind == "all of it" {
		trouble.conflicts = 10 + r.IntN(50)
	}
	s.troubles = append(s.troubles, trouble)
	log := funcr.New(func(prefix, args string) {
		s.T.Logf("%s %d %s %s", time.Now().Format("05.000"), len(s.troubles), prefix, args)
	}, funcr.Options{})
	return s.StartController(lab.ControllerOptions{Log: log, Timing: lab.WithIDs(timing, s.seed%4 < 2), Wrap: trouble.wrap})
}

// act is something that a person does.
func (s *schedule) act() {
	name := []string{"a", "b"}[s.random.IntN(2)]
	switch choice := s.random.IntN(10); {
	case !s.exists[name]:
		s.again(name)
	case choice < 3:
		s.remove(name)
	case choice < 6:
		// Between two looks of a controller that lags.
		s.remove(name)
		s.again(name)
	case choice < 8:
		s.edit(name, func(x *v1alpha1.NixMoxService) {
			q := resource.MustParse(fmt.Sprintf("%dMi", 256+64*s.random.IntN(20)))
			x.Spec.Resources.Memory = &q
		})
	default:
		s.edit(name, func(x *v1alpha1.NixMoxService) {
			metav1.SetMetaDataAnnotation(&x.ObjectMeta, "example.com/touched", fmt.Sprint(s.random.Uint64()))
		})
	}
}

func (s *schedule) edit(name string, change func(*v1alpha1.NixMoxService)) {
	if x := s.Get(name); x != nil && x.DeletionTimestamp == nil {
		s.Edit(name, change)
	}
}

func (s *schedule) create(name string) {
	policy := []string{"Retain", "Delete"}[s.random.IntN(2)]
	depends := ""
	if name == "b" && s.random.IntN(2) == 0 {
		depends = ", dependsOn: [a]"
	}
	s.T.Logf("%s create %s, %s%s", time.Now().Format("05.000"), name, policy, depends)
	s.Service(name, fmt.Sprintf("{ip: 192.168.99.%d, hostname: %s, deletionPolicy: %s, volumes: [{name: data, mountPath: /data, size: 1Gi}]%s}",
		map[string]int{"a": 11, "b": 12}[name], name, policy, depends))
	s.exists[name] = true
}

func (s *schedule) remove(name string) {
	if x := s.Get(name); x != nil && x.DeletionTimestamp == nil {
		s.T.Logf("%s delete %s", time.Now().Format("05.000"), name)
		s.Delete(name)
	}
	s.exists[name] = false
}

// again creates a service as soon as its last object is gone, if that does not take too long.
func (s *schedule) again(name string) {
	for began := time.Now(); time.Since(began) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
		if s.Get(name) == nil {
			s.create(name)
			return
		}
	}
}

// settle waits until nothing remains to be done: what exists is ready, what was deleted is gone. b cannot be ready without its a.
func (s *schedule) settle() {
	deadline := time.Now().Add(patience)
	for {
		var missing []string
		for _, name := range []string{"a", "b"} {
			x := s.Get(name)
			waits := x != nil && len(x.Spec.DependsOn) > 0 && !s.exists["a"] && lab.Reason(x) == v1alpha1.ReasonMissingDependency
			switch {
			case s.exists[name] && !waits && (!lab.IsReady(x) || x.Status.Operation != nil || len(x.Status.Plan) > 0):
				missing = append(missing, name+" is "+lab.Reason(x))
			case !s.exists[name] && x != nil:
				missing = append(missing, name+" is still there: "+lab.Reason(x))
			}
		}
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.T.Fatalf("never at rest: %s", strings.Join(missing, ", "))
		}
		select {
		case <-s.T.Context().Done():
			s.T.Fatalf("interrupted")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
