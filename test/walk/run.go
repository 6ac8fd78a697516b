package walk

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
)

const (
	scale    = 50
	patience = 90 * time.Second
	// Steps are the changes of one walk.
	Steps = 20
	first = `{ip: 192.168.99.21, hostname: a, healthCheck: systemctl is-active --quiet a, resources: {memory: 512Mi, storage: 8Gi}, volumes: [{name: data, mountPath: /data, size: 1Gi}]}`
)

var timing = controllers.Timing{LostReply: 1200 * time.Millisecond, Retry: 50 * time.Millisecond, BootGrace: 100 * time.Millisecond, LongestPause: 150 * time.Millisecond,
	Telling: 10 * time.Millisecond}

// Counts are what happened in a walk.
type Counts struct {
	// Transitions that the API server accepted and that came to rest; Refused ones by its rules; Invalid ones by its schema.
	Transitions, Refused, Invalid int
	// Moves that were asked for and came to rest, Moved those that arrived.
	Moves, Moved int
	// Hands and Faults in between.
	Hands, Faults int
	// Back is whether the first spec could be applied again, and led to the first container.
	Back bool
	// Ends are the reasons in which transitions came to rest.
	Ends map[string]int
}

type walk struct {
	*lab.Lab
	random *rand.Rand
	counts Counts
	path   []string
}

// Run is one walk, decided by its seed.
func Run(t lab.T, api *apiserver.Server, seed uint64) Counts {
	all, err := fields()
	if err != nil {
		t.Fatalf("%v", err)
	}
	// Every other walk is one of root@pam in person, who may do what Proxmox lets no token do.
	w := &walk{Lab: lab.New(t, api, lab.Options{World: lab.TwoNodes(lab.World), TimeScale: scale, InPerson: seed%2 == 0}), random: rand.New(rand.NewPCG(seed, 7)), counts: Counts{Ends: map[string]int{}}}
	log := funcr.New(func(prefix, args string) { t.Logf("%s %s %s", time.Now().Format("05.000"), prefix, args) }, funcr.Options{})
	controller := w.StartController(lab.ControllerOptions{Log: log, Timing: lab.WithIDs(timing, seed%4 < 2), Grace: 200 * time.Millisecond})
	t.Cleanup(func() {
		if err := controller.Stop(); err != nil {
			t.Errorf("the controller ended: %v", err)
		}
		for _, err := range w.Broken() {
			t.Errorf("%v; the way: %s", err, strings.Join(w.path, ", "))
		}
	})
	w.Host(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.HostPaths = []string{"/tank"} })
	w.Service("a", first)
	w.rest()
	began := w.container()
	for range Steps {
		w.move()
		w.disturb()
		w.step(all[w.random.IntN(len(all))])
	}
	w.PVE.RemoveFault("")
	w.back(began)
	return w.counts
}

// move asks for another node, or for one that does not exist, now and then. A request that is refused, and one in three, is taken back before the next
// step.
func (w *walk) move() {
	if w.random.IntN(6) > 0 {
		return
	}
	before := w.Get("a").Status.Node
	target := []string{"pve1", "pve2", "pve2", "pve1", "pve3"}[w.random.IntN(5)]
	w.request(target)
	w.rest()
	w.counts.Moves++
	s := w.Get("a")
	if s.Annotations[v1alpha1.MigrateAnnotation] == "" && s.Status.Node == target && target != before {
		w.counts.Moved++
	}
	if lab.Reason(s) == v1alpha1.ReasonChangeRefused || w.random.IntN(3) == 0 {
		w.request("")
		w.rest()
	}
}

// request asks for a node, or takes the request back.
func (w *walk) request(node string) {
	w.path = append(w.path, "move to "+node)
	w.T.Logf("%s move to %q", time.Now().Format("05.000"), node)
	s := w.Get("a")
	before := s.DeepCopy()
	delete(s.Annotations, v1alpha1.MigrateAnnotation)
	if node != "" {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.MigrateAnnotation, node)
	}
	if err := w.API.Client.Patch(w.T.Context(), s, client.MergeFrom(before)); err != nil {
		w.T.Fatalf("ask for a move to %q: %v", node, err)
	}
}

// step changes one field: to something valid, to something invalid, or to nothing.
func (w *walk) step(f field) {
	kind, value := "valid", f.valid(w.random)
	switch choice := w.random.IntN(10); {
	case choice < 2:
		kind, value = "invalid", f.invalid(w.random)
	case choice < 4 && f.path != "ip":
		kind, value = "removed", nil
	}
	text, err := json.Marshal(nested(f.path, value))
	if err != nil {
		w.T.Fatalf("%v", err)
	}
	w.path = append(w.path, string(text))
	w.T.Logf("%s %s %s", time.Now().Format("05.000"), kind, text)
	err = w.API.Client.Patch(w.T.Context(), w.Get("a"), client.RawPatch(types.MergePatchType, text))
	refused := apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
	switch {
	case kind == "invalid" && !refused:
		w.T.Fatalf("the API server took %s: %v", text, err)
	case kind == "invalid":
		w.counts.Invalid++
	case refused:
		w.counts.Refused++
	case err != nil:
		w.T.Fatalf("%s: %v", text, err)
	default:
		w.rest()
		w.counts.Transitions++
		w.counts.Ends[lab.Reason(w.Get("a"))]++
	}
}

func nested(path string, value any) map[string]any {
	at := value
	for _, name := range slices.Backward(strings.Split(path, ".")) {
		at = map[string]any{name: at}
	}
	return map[string]any{"spec": at}
}

// disturb is somebody else at Proxmox, or a fault, now and then.
func (w *walk) disturb() {
	vmid := int(w.Get("a").Status.VMID)
	choice := w.random.IntN(12)
	w.PVE.RemoveFault("")
	switch choice {
	case 0:
		_ = w.PVE.Stop(vmid) // it may be stopped already
		w.counts.Hands++
	case 1:
		_ = w.PVE.Edit(vmid, map[string]string{"memory": "777", "tags": "mine;nixmox"})
		w.counts.Hands++
	case 2:
		_ = w.PVE.Edit(vmid, map[string]string{"cores": "3", "onboot": "0"})
		w.counts.Hands++
	case 3, 4:
		faults := []pvesim.Fault{
			{Status: 595}, {Status: 500, Text: "cluster not ready - no quorum?"}, {Lost: true, AfterEffect: true}, {Lost: true}, {Garble: "truncated"},
		}
		f := faults[w.random.IntN(len(faults))]
		f.Times = 1 + w.random.IntN(3)
		if err := w.PVE.AddFault(f); err != nil {
			w.T.Fatalf("%v", err)
		}
		w.counts.Faults++
	}
}

// passing are reasons that nobody may stay in.
var passing = []string{
	v1alpha1.ReasonPending, v1alpha1.ReasonCreating, v1alpha1.ReasonStarting, v1alpha1.ReasonUpdating, v1alpha1.ReasonStopping, v1alpha1.ReasonRetrying,
	v1alpha1.ReasonResolving, v1alpha1.ReasonWaitingForSlot, v1alpha1.ReasonMigrating, v1alpha1.ReasonHostUnreachable, v1alpha1.ReasonHostUnauthorized,
}

// rest waits until the service has come to an end: ready with nothing left, or in a situation that lasts.
func (w *walk) rest() {
	w.T.Helper()
	const enough = 4 // looks in a row
	same, last := 0, ""
	for deadline := time.Now().Add(patience); ; {
		s := w.Get("a")
		reason := lab.Reason(s)
		current := s.Status.ObservedGeneration == s.Generation && s.Status.Operation == nil
		switch {
		case current && lab.IsReady(s) && (len(s.Status.Plan) == 0 && s.Annotations[v1alpha1.MigrateAnnotation] == "" || s.Spec.Suspend):
			return
		case current && !lab.IsReady(s) && reason == last && (!slices.Contains(passing, reason) || s.Spec.Suspend):
			if same++; same >= enough {
				return
			}
		default:
			same = 0
		}
		last = reason
		if time.Now().After(deadline) {
			w.T.Fatalf("never at rest: %s, plan %q; the way: %s", reason, s.Status.Plan, strings.Join(w.path, ", "))
		}
		select {
		case <-w.T.Context().Done():
			w.T.Fatalf("interrupted")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *walk) container() map[string]string {
	c, ok := w.PVE.Container(int(w.Get("a").Status.VMID))
	if !ok {
		w.T.Fatalf("there is no container")
	}
	return c.Config
}

// kept are the keys that the first spec decides alone. Disks only grow, and a volume that was added once stays.
var kept = []string{"hostname", "memory", "swap", "cores", "cpulimit", "net0", "nameserver", "searchdomain", "features", "onboot", "startup", "tags", "timezone"}

// back applies the first spec again, with what can only grow as it is. A spec that the rules forbid to leave is not left.
func (w *walk) back(began map[string]string) {
	s := w.Get("a")
	before := s.DeepCopy()
	// A path of the node holds nothing of the container's own: it goes with the spec that asked for it.
	own := slices.DeleteFunc(slices.Clone(s.Spec.Volumes), func(v v1alpha1.Volume) bool { return v.HostPath != "" })
	grown, volumes, vmid := s.Spec.Resources.Storage, own, s.Spec.VMID
	delete(s.Annotations, v1alpha1.MigrateAnnotation)
	s.Spec = v1alpha1.NixMoxServiceSpec{}
	w.Parse(first, &s.Spec)
	s.Spec.Resources.Storage, s.Spec.Volumes, s.Spec.VMID = grown, volumes, vmid
	if err := w.API.Client.Patch(w.T.Context(), s, client.MergeFrom(before)); err != nil {
		w.T.Logf("not back: %v", err)
		return
	}
	w.rest()
	onTheWay := append([]string{v1alpha1.ReasonWaitingForHealth, v1alpha1.ReasonEnvironment}, passing...) // a wait may end in a restart
	for deadline := time.Now().Add(patience); slices.Contains(onTheWay, lab.Reason(w.Get("a"))) && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond) // elsewhere these may last; the first spec's check passes, and its environment is empty
		w.rest()
	}
	s = w.Get("a")
	if !lab.IsReady(s) {
		if slices.Contains([]string{v1alpha1.ReasonChangeRefused, v1alpha1.ReasonVMIDConflict}, lab.Reason(s)) {
			return // what data safety forbids
		}
		w.T.Errorf("back at the first spec it is %s; the way: %s", lab.Reason(s), strings.Join(w.path, ", "))
		return
	}
	now := w.container()
	// What a hand did at the very end is noticed a little later.
	differs := func(key string) bool { return key != "net0" && began[key] != now[key] }
	for deadline := time.Now().Add(patience); slices.ContainsFunc(kept, differs) && time.Now().Before(deadline); now = w.container() {
		time.Sleep(100 * time.Millisecond)
	}
	if strings.Contains(strings.Join(w.path, " "), `"macAddress":"`) {
		// A container keeps the address that it was once asked to have.
		for _, config := range []map[string]string{began, now} {
			config["net0"] = regexp.MustCompile(`,hwaddr=[^,]*`).ReplaceAllString(config["net0"], "")
		}
	}
	if net := strings.Split(now["net0"], ","); !maps.Equal(set(net), set(strings.Split(began["net0"], ","))) {
		w.T.Errorf("net0 was %s and is %s; the way: %s", began["net0"], now["net0"], strings.Join(w.path, ", "))
	}
	for _, key := range kept {
		if differs(key) {
			w.T.Errorf("%s was %q and is %q; the way: %s", key, began[key], now[key], strings.Join(w.path, ", "))
		}
	}
	w.counts.Back = true
}

func set(parts []string) map[string]bool {
	all := map[string]bool{}
	for _, p := range parts {
		all[p] = true
	}
	return all
}

// Add adds the counts of another walk.
func (c *Counts) Add(other Counts) {
	c.Transitions, c.Refused, c.Invalid = c.Transitions+other.Transitions, c.Refused+other.Refused, c.Invalid+other.Invalid
	c.Moves, c.Moved = c.Moves+other.Moves, c.Moved+other.Moved
	c.Hands, c.Faults = c.Hands+other.Hands, c.Faults+other.Faults
	for reason, n := range other.Ends {
		c.Ends[reason] += n
	}
}

// String sums up.
func (c Counts) String() string {
	var ends []string
	for _, reason := range slices.Sorted(maps.Keys(c.Ends)) {
		ends = append(ends, fmt.Sprintf("%s %d", reason, c.Ends[reason]))
	}
	return fmt.Sprintf("%d transitions came to rest (%s), %d refused by the API's rules, %d by its schema, %d of %d moves arrived, %d outside hands, %d faults",
		c.Transitions, strings.Join(ends, ", "), c.Refused, c.Invalid, c.Moved, c.Moves, c.Hands, c.Faults)
}
