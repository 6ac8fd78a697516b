package faults

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
)

const (
	scale    = 50
	patience = 90 * time.Second
	// while is how long a fault lasts that lasts, from the first call that it meets.
	while = 1500 * time.Millisecond
	// budget is how often one call may be made while a fault lasts: once per pause, by the two controllers and the poller.
	budget = 60
)

var timing = controllers.Timing{LostReply: 1200 * time.Millisecond, Retry: 100 * time.Millisecond, BootGrace: 100 * time.Millisecond, LongestPause: 150 * time.Millisecond,
	Telling: 10 * time.Millisecond}

// life is one run.
type life struct {
	*lab.Lab
	c Case
}

// Run plays a service's life with one fault in it. met is how many calls the fault could meet while it lasted.
func Run(t lab.T, api *apiserver.Server, c Case) (met int) {
	world := lab.World
	if c.Call.moves() {
		world = lab.TwoNodes(world)
	}
	l := &life{lab.New(t, api, lab.Options{TimeScale: scale, Hands: true, World: world}), c}
	if err := l.PVE.AddFault(c.fault()); err != nil {
		t.Fatalf("%v", err)
	}
	log := funcr.New(func(prefix, args string) { t.Logf("%s %s %s", time.Now().Format("05.000"), prefix, args) }, funcr.Options{})
	controller := l.StartController(lab.ControllerOptions{Log: log, Timing: lab.WithIDs(timing, c.Times != 1)})
	stop := func() {
		if err := controller.Stop(); err != nil {
			t.Errorf("the controller ended: %v", err)
		}
	}
	t.Cleanup(stop)
	over, counted := make(chan struct{}), make(chan int, 1)
	if c.Times == 0 {
		go func() { counted <- l.endFault(over) }()
	}
	l.live()
	close(over)
	met = l.calls(time.Time{}, time.Now())
	if c.Times == 0 {
		if meanwhile := <-counted; meanwhile > budget {
			t.Errorf("%d calls in %v while they went wrong", meanwhile, while)
		}
	}
	stop()
	if made := l.created(); made != 2 {
		t.Errorf("%d containers were made, not one and then one more when it was destroyed", made)
	}
	for _, err := range l.Broken() {
		t.Errorf("%v", err)
	}
	return met
}

// endFault switches the fault off a while after the first call that it met, and counts the calls meanwhile.
func (l *life) endFault(over <-chan struct{}) int {
	for {
		if n := l.calls(time.Time{}, time.Now()); n > 0 {
			break
		}
		select {
		case <-over:
			return 0
		case <-time.After(20 * time.Millisecond):
		}
	}
	began := time.Now()
	select {
	case <-over:
	case <-time.After(while):
	}
	l.PVE.RemoveFault("matrix")
	return l.calls(began, began.Add(while))
}

// calls counts those of the case's call.
func (l *life) calls(from, to time.Time) int {
	n := 0
	for _, e := range l.Log.Entries() {
		if e.Kind == calllog.KindCall && l.c.Call.matches(e.Method, e.Path) && !e.Time.Before(from) && !e.Time.After(to) {
			n++
		}
	}
	return n
}

func (l *life) created() int {
	n := 0
	for _, e := range l.Log.Entries() {
		if e.Kind == calllog.KindTaskEnd && e.Type == "vzcreate" && e.ExitStatus == "OK" {
			n++
		}
	}
	return n
}

// live is the life: created, changed with growth and a restart, destroyed by somebody, made anew on request, deleted for good.
func (l *life) live() {
	l.Host()
	l.Service("a", `{ip: 192.168.99.11, hostname: a, deletionPolicy: Delete, volumes: [{name: data, mountPath: /data, size: 1Gi}]}`)
	l.eventually("created", l.ready)
	memory, storage := resource.MustParse("1Gi"), resource.MustParse("20Gi")
	l.Edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Hostname, s.Spec.Resources.Memory, s.Spec.Resources.Storage = "other", &memory, &storage
	})
	l.eventually("changed", func() error {
		c, _ := l.PVE.Container(900)
		if c.Config["memory"] != "1024" || c.Config["hostname"] != "other.lan" || !strings.Contains(c.Config["rootfs"], "size=20G") {
			return fmt.Errorf("it is %v", c.Config)
		}
		return l.ready()
	})
	if l.c.Call.moves() {
		l.move()
	}
	if err := l.PVE.Delete(900); err != nil {
		l.T.Fatalf("%v", err)
	}
	l.Edit("a", func(s *v1alpha1.NixMoxService) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, controllers.RecreateAnnotation, "900")
	})
	l.eventually("made anew", func() error {
		if n := l.created(); n < 2 {
			return fmt.Errorf("%d creations", n)
		}
		return l.ready()
	})
	l.Delete("a")
	l.eventually("deleted", func() error {
		if s, left := l.Get("a"), len(l.PVE.Containers())+len(l.PVE.Volumes()); s != nil || left > 0 {
			return fmt.Errorf("it is %s, %d containers and volumes are left", lab.Reason(s), left)
		}
		return nil
	})
}

// move has the container moved, and asks anew where the message of a failed attempt says that it waits for that.
func (l *life) move() {
	l.Edit("a", func(s *v1alpha1.NixMoxService) {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.MigrateAnnotation, "pve2")
	})
	asked := time.Now()
	l.eventually("moved", func() error {
		if f := l.Get("a").Status.Failure; f != nil && f.Kind == "Migrate" && time.Since(asked) > time.Second {
			asked = time.Now()
			l.Edit("a", func(s *v1alpha1.NixMoxService) {
				metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.RequestedAtAnnotation, asked.String())
			})
		}
		if c, _ := l.PVE.Container(900); c.Node != "pve2" || l.Get("a").Status.Node != "pve2" {
			return fmt.Errorf("it is on %s, %s", c.Node, lab.Reason(l.Get("a")))
		}
		return l.ready()
	})
}

func (l *life) ready() error {
	s := l.Get("a")
	if !lab.IsReady(s) || s.Status.Operation != nil || len(s.Status.Plan) > 0 {
		return fmt.Errorf("it is %s", lab.Reason(s))
	}
	if c, ok := l.PVE.Container(int(s.Status.VMID)); !ok || !c.Running {
		return fmt.Errorf("container %d does not run", s.Status.VMID)
	}
	return nil
}

func (l *life) eventually(what string, missing func() error) {
	l.T.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := missing()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.T.Fatalf("never %s: %v", what, err)
		}
		select {
		case <-l.T.Context().Done():
			l.T.Fatalf("interrupted while waiting until it is %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
