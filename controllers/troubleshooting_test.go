package controllers_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/test/invariants"
)

var updatePage = flag.Bool("update", false, "write docs/troubleshooting.md anew")

// trouble is one section of the page: a service that gets there in a test, what people see, and what they can do.
type trouble struct {
	title, name, reason string
	row                 row
	// says is a part of the message, where that takes a while to settle.
	says   string
	advice string
	shown  string
}

// The page's chapters, with a lab for each.
var chapters = []struct {
	title    string
	run      func(t *testing.T, troubles []trouble)
	troubles []trouble
}{
	{"It waits for something else", waitingLab, []trouble{
		{title: "A dependency is not ready", name: "app", reason: v1alpha1.ReasonWaitingForDependency, row: onItsWay,
			advice: "Look at the service that it waits for: this one goes on by itself."},
		{title: "An earlier phase is not ready", name: "late", reason: v1alpha1.ReasonWaitingForPhase, row: onItsWay,
			says:   "grown, holder, locked, mover, placed and 2 more",
			advice: "Look at the services that are named. If later phases should not wait for them, give the host `rollout.gate: Dependencies`."},
		{title: "A dependency does not exist", name: "missing", reason: v1alpha1.ReasonMissingDependency, row: onItsWay,
			advice: "Apply what is missing, or take it out of `dependsOn`. While manifests are being applied this passes by itself."},
		{title: "A dependency is disabled", name: "behind", reason: v1alpha1.ReasonDisabledDependency, row: onItsWay,
			advice: "Enable the dependency, or take it out of `dependsOn`."},
		{title: "The first success of its check", name: "slow", reason: v1alpha1.ReasonWaitingForHealth, row: onItsWay,
			advice: "Give it time. If it never passes, `StartupTimeout` follows, see below."},
		{title: "An address that another container still has", name: "mover", reason: v1alpha1.ReasonWaitingForAddress, row: onItsWay,
			advice: "It goes on when the other has moved. If that is suspended or cannot move, mend that, or ask for another address."},
		{title: "A node that is not there", name: "placed", reason: v1alpha1.ReasonNodeUnavailable, row: onItsWay,
			advice: "Bring the node back, or correct `spec.node`, or the host's `nodes`."},
		{title: "No VMID is free", name: "numbered", reason: v1alpha1.ReasonVMIDRangeExhausted, row: onItsWay,
			advice: "Widen the host's `vmidRange`, or remove guests from it."},
		{title: "A lock on the container", name: "locked", reason: v1alpha1.ReasonWaitingForLock, row: onItsWay,
			advice: "A backup, snapshot or migration ends by itself. A lock that nothing holds any more has to be cleared on the node; Proxmox's API cannot."},
		{title: "A Secret of its environment is not there", name: "settings", reason: v1alpha1.ReasonEnvironment, row: onItsWay,
			advice: "Apply what is missing, or mark it `optional`. Before its first start a container is not made without its environment; later the file stays as it is."},
		{title: "Somebody's yes to an adoption that interrupts", name: "grown", reason: v1alpha1.ReasonWaitingForConfirm, row: onItsWay,
			advice: "Either write into the spec what the container has, so that nothing is left to change, or give the annotation of the message. The number in it stands for this very plan: " +
				"if the plan changes, another is asked for."},
	}},
	{"Its spec, or that of another, has to be edited", editLab, []trouble{
		{title: "A circle of dependencies", name: "egg", reason: v1alpha1.ReasonCircularDependency, row: needsEdit,
			advice: "Take one of the dependencies out. The detail shows the way round."},
		{title: "An address twice", name: "twin", reason: v1alpha1.ReasonDuplicateIP, row: needsEdit,
			advice: "Give this service another address, or the other one. Who keeps it: whose container has it, then the older object, then the smaller name."},
		{title: "A hostname twice", name: "alias", reason: v1alpha1.ReasonDuplicateHostname, row: needsEdit,
			advice: "Give one of the two another hostname."},
		{title: "A phase before that of a dependency", name: "early", reason: v1alpha1.ReasonPhaseContradiction, row: needsEdit,
			advice: "Move it to a later phase in the host's `phases`, or the dependency to an earlier one."},
		{title: "A spec that does not add up", name: "odd", reason: v1alpha1.ReasonInvalid, row: needsEdit,
			advice: "The message says which field and what to write there."},
		{title: "A change that is not made", name: "shrunk", reason: v1alpha1.ReasonChangeRefused, row: needsEdit,
			advice: "Set the field back. Nothing was changed, and the container runs on. Disks never shrink, and a template or `unprivileged` is for new containers."},
		{title: "A feature that an API token may not set", name: "docker", reason: v1alpha1.ReasonChangeRefused, row: needsEdit,
			advice: "Take the feature out of the spec, or set it on the node with `pct set VMID --features ...`, after which the service is content."},
		{title: "A move that is not made", name: "moved", reason: v1alpha1.ReasonChangeRefused, row: needsEdit,
			advice: "Mend what the message says, or take the request back as it says. The container runs on where it is."},
		{title: "A VMID that belongs to somebody else", name: "claim", reason: v1alpha1.ReasonVMIDConflict, row: needsEdit,
			advice: "Choose another `vmid` or none. The guest that has it is not touched."},
		{title: "A container that is another controller's", name: "wiki", reason: v1alpha1.ReasonOwnedElsewhere, row: needsEdit,
			advice: "If the other controller is still there, choose another `vmid`, or none. If it is gone for good, the annotation of the message hands the container over, with its volumes."},
		{title: "The host does not allow it", name: "foreign", reason: v1alpha1.ReasonPolicyRefused, row: needsEdit,
			advice: "Ask for what the host allows, or have whoever keeps the host widen its `policy`, or its `allowedNamespaces`."},
	}},
	{"It failed", failingLab, []trouble{
		{title: "Unhealthy", name: "ill", reason: v1alpha1.ReasonUnhealthy, row: isIll,
			advice: "Run the check by hand in the container: `pct enter VMID` on the node. It is ready again as soon as the check passes."},
		{title: "Not healthy in time after its start", name: "never", reason: v1alpha1.ReasonStartupTimeout, row: isIll,
			advice: "See why in the container, or allow more time with `health.startupTimeout`. It is checked further on."},
		{title: "Stopped, and left so", name: "stopped", reason: v1alpha1.ReasonStopped, row: isIll,
			advice: "Start it as the message says. With `restartPolicy: always` it would have been started again."},
		{title: "It stops by itself again and again", name: "falls", reason: v1alpha1.ReasonCrashLoop, row: isIll,
			advice: "Find out why it stops: the pause before the next start doubles up to five minutes. An edit of the spec, or the annotation of the message, starts it at once."},
		{title: "A step failed on Proxmox", name: "deaf", reason: v1alpha1.ReasonOperationFailed, row: isIll,
			advice: "The message holds what Proxmox said. The step is tried again after a pause that doubles up to five minutes; an edit of the service or its host, or a requested reconcile " +
				"(`kubectl annotate --overwrite nms NAME reconcile.fluxcd.io/requestedAt=\"$(date)\"`), tries at once. `forceStop: true` kills what does not stop."},
		{title: "A creation was cut off", name: "stub", reason: v1alpha1.ReasonLockLeftBehind, row: isIll,
			advice: "See on the node that no such task runs, then clear the lock as the message says. The container's number is kept for the next attempt."},
		{title: "Its container is gone", name: "gone", reason: v1alpha1.ReasonContainerGone, row: isIll,
			advice: "Restore it from a backup under the same VMID, or ask for an empty one as the message says. It is never made anew unasked, for its data went with it."},
	}},
	{"Proxmox cannot be worked with", hostLab, []trouble{
		{title: "There is no host", name: "lost", reason: v1alpha1.ReasonHostNotFound, row: onItsWay,
			advice: "Apply the NixMoxHost, or correct `spec.hostRef.name`, which is immutable: then delete the service and apply it again."},
		{title: "It does not answer", name: "cut", reason: v1alpha1.ReasonHostUnreachable, row: inTheDark,
			advice: "Check the host's `endpoints` and the network between. Containers run on; nothing is judged or changed meanwhile."},
		{title: "It refuses the credentials", name: "refused", reason: v1alpha1.ReasonHostUnauthorized, row: inTheDark,
			advice: "Correct the Secret that the host names. It is read again within half a minute."},
	}},
	{"The controller may be the one that is cut off", outbreakLab, []trouble{
		{title: "Many fell ill together", name: "web", reason: v1alpha1.ReasonIllTogether, row: inTheDark,
			advice: "Look for what they share: the node's network, the bridge, the way from the controller to the containers. Nothing is restarted meanwhile, and later phases wait. " +
				"Each is ready again with the next success of its check."},
	}},
}

func TestTheTroubleshootingPage(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, chapter := range chapters {
		all.Add(1)
		t.Run(chapter.title, func(t *testing.T) {
			t.Parallel()
			defer all.Done()
			chapter.run(t, chapter.troubles)
		})
	}
	t.Cleanup(func() { // after all chapters
		if t.Failed() {
			return
		}
		file := filepath.Join("..", "docs", "troubleshooting.md")
		want := troubleshootingPage()
		if *updatePage {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Error(err)
			}
			return
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, string(have)); diff != "" {
			t.Errorf("the page is not true any more; write it anew with `make troubleshooting`:\n%s", diff)
		}
	})
}

func troubleshootingPage() string {
	var b strings.Builder
	b.WriteString(`# Troubleshooting

What a service says when it waits or fails, and what to do. This page is written by a test that brings services into each of these
situations, so that it stays true; ` + "`make troubleshooting`" + ` writes it anew.

Three commands tell everything. ` + "`kubectl get nms -o wide`" + ` has the state of each service, what it waits for and why;
` + "`kubectl describe nms NAME`" + ` has its conditions, its plan with the cause of each step, and its events; ` + "`kubectl describe nmh`" + ` has the problems of the
services as a set, the phases, and how many containers are still to be changed.

A service with the condition ` + "`Stalled`" + ` waits for an edit. Everything else goes on by itself once its cause is gone: nothing has to be deleted
and applied again. ` + "`suspend: true`" + ` keeps the controller's hands off a service while you look.

`)
	for _, chapter := range chapters {
		fmt.Fprintf(&b, "- %s:\n", chapter.title)
		for _, one := range chapter.troubles {
			anchor := strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9 -]`).ReplaceAllString(one.title, "")), " ", "-")
			fmt.Fprintf(&b, "  [%s](#%s)\n", one.title, anchor)
		}
	}
	for _, chapter := range chapters {
		fmt.Fprintf(&b, "\n## %s\n", chapter.title)
		for _, one := range chapter.troubles {
			fmt.Fprintf(&b, "\n### %s\n\n```text\n%s```\n\n%s\n", one.title, one.shown, one.advice)
		}
	}
	return b.String()
}

// show waits until the service is there, and writes down what people see of it.
func (l *lab) show(one *trouble) {
	l.t.Helper()
	event := "Normal"
	if one.row == needsEdit || one.row == isIll {
		event = "Warning"
	}
	l.eventually(fmt.Sprintf("there is an event %s %s of %s", event, one.reason, one.name), func() bool {
		var list eventsv1.EventList
		l.must(l.api.Client.List(context.Background(), &list, client.InNamespace(l.namespace)))
		for _, e := range list.Items {
			if e.Regarding.Name == one.name && e.Reason == one.reason && e.Type == event {
				return true
			}
		}
		return false
	})
	var table string
	var s *v1alpha1.NixMoxService
	l.eventually(one.name+" stays as it is while it is looked at", func() bool {
		l.situated(one.name, one.reason, one.row, one.says)
		before := l.get(one.name).ResourceVersion
		table, s = l.table(one.name), l.get(one.name)
		c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
		return s.ResourceVersion == before && c.Reason == one.reason
	})
	var b strings.Builder
	b.WriteString("$ kubectl get nms " + one.name + "\n" + table + "\n$ kubectl describe nms " + one.name + "\nConditions:\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, kind := range []string{"Ready", "Reconciling", "Stalled"} {
		for _, c := range s.Status.Conditions {
			if c.Type == kind {
				fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Type, c.Status, c.Reason)
			}
		}
	}
	_ = w.Flush()
	for _, c := range s.Status.Conditions {
		if c.Type == "Ready" {
			fmt.Fprintf(&b, "Message:\n%s\n", wrap(simulatorsShell.ReplaceAllString(c.Message, "$1")))
		}
	}
	if len(s.Status.Plan) > 0 {
		fmt.Fprintf(&b, "Plan:\n%s\n", wrap(strings.Join(s.Status.Plan, "\n")))
	}
	fmt.Fprintf(&b, "Events:\n  %s  %s\n", event, one.reason)
	one.shown = l.anonymous(b.String())
}

// table is the object as `kubectl get` prints it, but for its age.
func (l *lab) table(name string) string {
	l.t.Helper()
	config := rest.CopyConfig(l.api.Config)
	config.GroupVersion, config.APIPath, config.NegotiatedSerializer = &v1alpha1.GroupVersion, "/apis", scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientFor(config)
	l.must(err)
	raw, err := c.Get().Namespace(l.namespace).Resource("nixmoxservices").Name(name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(l.t.Context()).Raw()
	l.must(err)
	var table metav1.Table
	l.must(json.Unmarshal(raw, &table))
	var head, cells []string
	for i, column := range table.ColumnDefinitions {
		if column.Priority == 0 && column.Name != "Age" {
			head = append(head, strings.ToUpper(column.Name))
			cells = append(cells, strings.ReplaceAll(fmt.Sprint(table.Rows[0].Cells[i]), "<nil>", ""))
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, strings.Join(head, "\t"))
	fmt.Fprintln(w, strings.Join(cells, "\t"))
	_ = w.Flush()
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

var (
	// The simulator's shell knows less than a real one, and says so.
	simulatorsShell = regexp.MustCompile(`(exit code \d+): export: unsupported builtin`)

	anyTime = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	anyTask = regexp.MustCompile(`UPID:[^\s)]*`)
	anyTry  = regexp.MustCompile(`tried \d+ times`)
	anyPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// anonymous takes out what differs from run to run.
func (l *lab) anonymous(text string) string {
	text = strings.ReplaceAll(text, l.namespace, "homelab")
	text = anyTime.ReplaceAllString(text, "2026-06-01T12:00:00Z")
	text = anyTask.ReplaceAllString(text, "UPID:pve1:...")
	text = anyTry.ReplaceAllString(text, "tried 2 times")
	text = anyPort.ReplaceAllString(text, "pve1.lan:8006")
	return strings.ReplaceAll(text, "http://pve1", "https://pve1")
}

func wrap(text string) string {
	const width = 130
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := " "
		for _, word := range strings.Fields(paragraph) {
			if len(line)+1+len(word) > width {
				lines, line = append(lines, line), "   "
			}
			line += " " + word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// worldOf has the services of the world answer under these names.
func worldOf(names ...string) func(*lab, *string) {
	return func(_ *lab, world *string) {
		var services []string
		for _, name := range names {
			services = append(services, fmt.Sprintf(`{"hostname": "%s.lan", "ready_after": 0.5, "units": [%q]}`, name, name))
		}
		from, to := strings.Index(*world, `"services": [`), strings.LastIndex(*world, "]")
		*world = (*world)[:from] + `"services": [` + strings.Join(services, ", ") + (*world)[to:]
	}
}

func (l *lab) showAll(troubles []trouble) {
	l.t.Helper()
	for _, one := range troubles { // all are where they belong before any is written down: some name others
		l.situated(one.name, one.reason, one.row)
	}
	for i := range troubles {
		l.show(&troubles[i])
	}
}

func waitingLab(t *testing.T, troubles []trouble) {
	l := newLab(t, worldOf("holder", "locked"), func(l *lab, _ *string) { l.timing.LongestPause = 0 })
	l.grown(map[string]string{"hostname": "old", "net0": "name=eth0,bridge=vmbr0,gw=192.168.99.1,hwaddr=BC:24:11:AA:BB:CC,ip=192.168.99.24/24,type=veth"})
	l.host(adoptable, phased("infra: slow holder mover locked idle placed settings grown", "apps: app late missing behind"))
	l.service("holder", checked(11, "holder", ", vmid: 901"))
	l.service("locked", checked(12, "locked", ", vmid: 902"))
	l.service("idle", service(13, "hostname: idle, enable: false"))
	l.ready("holder", "locked")
	l.service("slow", service(14, "hostname: slow, vmid: 904, healthCheck: "+ill))
	l.service("app", service(15, "hostname: app, dependsOn: [slow]"))
	l.service("missing", service(17, "hostname: missing, dependsOn: [database]"))
	l.service("behind", service(18, "hostname: behind, dependsOn: [idle]"))
	l.edit("holder", func(s *v1alpha1.NixMoxService) { s.Spec.IP, s.Spec.Suspend = "192.168.99.20", true })
	l.service("mover", service(11, "hostname: mover, vmid: 905"))
	l.service("placed", service(21, "hostname: placed, node: pve9"))
	l.service("settings", service(23, "hostname: settings, environmentFrom: [{secretRef: {name: mail-password}}]"))
	l.service("grown", service(24, `hostname: grown, vmid: 120, adopt: true, template: "local:vztmpl/nixos.tar.xz", volumes: [`+dataVolume+`]`))
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 950, Node: "pve1", Type: "qemu"}))
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Name, h.Spec.VMIDRange = "full", v1alpha1.VMIDRange{From: 950, To: 950}
	})
	l.service("numbered", service(22, "hostname: numbered, hostRef: {name: full}"))
	l.must(l.pve.Lock(902, "backup"))
	l.edit("locked", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	for _, one := range troubles {
		if one.name != "late" {
			l.situated(one.name, one.reason, one.row)
		}
	}
	l.service("late", service(16, "hostname: late")) // after those that it names: while it waits, its message stays
	l.showAll(troubles)
}

func editLab(t *testing.T, troubles []trouble) {
	l := newLab(t, worldOf("web", "shrunk", "moved"), shortGrace)
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 950, Node: "pve1", Config: map[string]string{"hostname": "stranger", "arch": "amd64", "ostype": "nixos"}}))
	l.theirs(960, func(*marker.Marker) {})
	l.unlawful = "a service asks for a container of another controller"
	l.host(phased("infra: early egg hen", "apps: web twin alias odd shrunk docker moved claim wiki foreign"), func(h *v1alpha1.NixMoxHost) {
		h.Spec.Rollout.Gate = v1alpha1.GateDependencies
		h.Spec.Policy.Bridges = []string{"vmbr0"}
	})
	l.service("web", checked(11, "web", ", vmid: 901"))
	l.service("shrunk", checked(12, "shrunk", ", vmid: 902"))
	l.service("moved", checked(13, "moved", ", vmid: 903"))
	l.ready("web", "shrunk", "moved")
	l.moveTo("moved", "pve2")
	l.edit("shrunk", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Storage = ptr(resource.MustParse("4Gi")) })
	l.service("egg", service(21, "hostname: egg, dependsOn: [hen]"))
	l.service("hen", service(22, "hostname: hen, dependsOn: [egg]"))
	l.service("twin", service(11, "hostname: twin"))
	l.service("alias", service(24, "hostname: web"))
	l.service("early", service(25, "hostname: early, dependsOn: [web]"))
	l.service("odd", `{ip: "fd00::11", hostname: odd}`)
	l.service("docker", service(26, "hostname: docker, features: {keyctl: true}"))
	l.service("claim", service(27, "hostname: claim, vmid: 950"))
	l.service("wiki", service(28, "hostname: wiki, vmid: 960"))
	l.service("foreign", service(29, "hostname: foreign, network: {bridge: vmbr9}"))
	l.showAll(troubles)
}

func failingLab(t *testing.T, troubles []trouble) {
	l := newLab(t, worldOf("ill", "stopped", "falls", "deaf", "gone"), func(l *lab, _ *string) { l.timing.Retry, l.timing.LongestPause = time.Minute, 0 })
	l.host()
	for i, name := range []string{"ill", "stopped", "falls", "deaf", "gone"} {
		more := map[string]string{"stopped": ", restartPolicy: never", "deaf": ", shutdownTimeout: 1s"}[name]
		l.service(name, checked(11+i, name, fmt.Sprintf(", vmid: %d%s", 901+i, more)))
	}
	l.ready("ill", "stopped", "falls", "deaf", "gone")
	// One after the other: of several that are ill together, the controller would believe that it is cut off.
	l.must(l.pve.SetHealthy(901, "", false))
	l.show(&troubles[0])
	l.must(l.pve.SetHealthy(901, "", true))
	l.ready("ill")
	l.service("never", service(20, "hostname: never, vmid: 910, health: {startupTimeout: 100ms}, healthCheck: "+ill))
	l.show(&troubles[1])
	l.edit("never", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.must(l.pve.AddFault(pvesim.Fault{TaskType: "vzcreate", Stuck: true, Times: 1}))
	l.service("stub", service(21, "hostname: stub, vmid: 911"))
	l.must(l.pve.SetDeaf(904, true))
	l.edit("deaf", func(s *v1alpha1.NixMoxService) { s.Spec.Timezone = "host" })
	l.polled(3)
	l.must(l.pve.Stop(902))
	l.must(l.pve.Stop(903))
	l.must(l.pve.Delete(905))
	l.eventually("it is started again", func() bool { return l.begun("vzstart", 903) == 2 })
	l.ready("falls")
	l.polled(3)
	l.must(l.pve.Stop(903))
	l.showAll(troubles[2:])
}

func hostLab(t *testing.T, troubles []trouble) {
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Name, h.Spec.Endpoints = "away", []string{"http://127.0.0.1:1"} })
	l.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "wrong"}, StringData: map[string]string{"tokenID": "nixmox@pve!ctl", "tokenSecret": "not-the-secret"}})
	l.host(func(h *v1alpha1.NixMoxHost) { h.Name, h.Spec.CredentialsRef.Name = "strict", "wrong" })
	l.service("lost", service(11, "hostname: lost"))
	l.service("cut", service(12, "hostname: cut, hostRef: {name: away}"))
	l.service("refused", service(13, "hostname: refused, hostRef: {name: strict}"))
	l.showAll(troubles)
}

func outbreakLab(t *testing.T, troubles []trouble) {
	names := []string{"cache", "mail", "web"}
	l := newLab(t, worldOf(names...), func(l *lab, _ *string) { l.timing.Outbreak = time.Minute })
	l.host()
	for i, name := range names {
		l.service(name, checked(11+i, name, fmt.Sprintf(", vmid: %d", 901+i)))
	}
	l.ready(names...)
	for _, name := range names {
		l.sick(name, true)
	}
	l.showAll(troubles)
}

func TestEveryWaitingAndFailingReasonIsOnThePage(t *testing.T) {
	// What passes within moments, and what stands at a host, needs no section here.
	passing := []string{
		v1alpha1.ReasonPending, v1alpha1.ReasonWaitingForSlot, v1alpha1.ReasonCreating, v1alpha1.ReasonStarting, v1alpha1.ReasonUpdating,
		v1alpha1.ReasonStopping, v1alpha1.ReasonMigrating, v1alpha1.ReasonDeleting, v1alpha1.ReasonResolving, v1alpha1.ReasonRetrying, v1alpha1.ReasonCredentials,
		v1alpha1.ReasonRefusedByMode, v1alpha1.ReasonUnsupported,
	}
	shown := slices.Clone(passing)
	for _, chapter := range chapters {
		for _, one := range chapter.troubles {
			shown = append(shown, one.reason)
		}
	}
	for reason, rows := range invariants.Table {
		if !slices.Contains(rows, isGood) && !slices.Contains(shown, reason) {
			t.Errorf("nothing on the page says what to do about %s", reason)
		}
	}
}
