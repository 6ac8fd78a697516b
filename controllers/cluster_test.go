package controllers_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// three is an edit of the world to a cluster of three nodes; the fast storage is on the second and third, the other template on the third.
func three(_ *lab, world *string) {
	*world = strings.NewReplacer(
		`"nodes": [{"name": "pve1", "cpus": 8, "memory": 65536}]`, `"nodes": [{"name": "pve1"}, {"name": "pve2"}, {"name": "pve3"}]`,
		`"local-zfs": {`, `"fast": {"type": "zfspool", "content": ["rootdir"], "nodes": ["pve2", "pve3"]},
		 "shelf": {"type": "dir", "content": ["vztmpl"], "nodes": ["pve3"]}, "local-zfs": {`,
		`"templates": [`, `"templates": [{"volid": "shelf:vztmpl/special.tar.xz", "ostype": "nixos"}, `,
		`"/storage/local-zfs": "NixMoxStorage"`, `"/storage/local-zfs": "NixMoxStorage", "/storage/fast": "NixMoxStorage", "/storage/shelf": "NixMoxStorage"`,
	).Replace(*world)
}

func TestContainersAreSpreadByTheMemoryCommitted(t *testing.T) {
	t.Parallel()
	l := newLab(t, three, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `"durations"`, `"containers": [{"vmid": 500, "node": "pve1", "config": {"memory": "9000", "hostname": "theirs"}}], "durations"`, 1)
	})
	l.host()
	for i, name := range []string{"a", "b", "c"} {
		l.service(name, checked(11+i, name, ", resources: {memory: 2Gi}"))
	}
	l.ready("a", "b", "c")
	on := map[string]int{}
	for _, name := range []string{"a", "b", "c"} {
		s := l.get(name)
		on[s.Status.Node]++
		if !strings.Contains(s.Status.Placement, "least memory committed of 3 nodes") {
			t.Errorf("%s is on %s: %s", name, s.Status.Node, s.Status.Placement)
		}
	}
	if on["pve1"] > 0 || on["pve2"] == 0 || on["pve3"] == 0 {
		t.Errorf("they are on %v; pve1 holds 9000 MiB already", on)
	}
}

func TestANodeHasWhatTheServiceNeeds(t *testing.T) {
	t.Parallel()
	l := newLab(t, three)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Nodes = []string{"pve1", "pve2", "pve3"} })
	l.service("a", checked(11, "a", `, template: "shelf:vztmpl/special.tar.xz"`))
	l.service("b", checked(12, "b", `, volumes: [{name: data, mountPath: /data, size: 1Gi, storage: fast}]`))
	l.ready("a", "b")
	if s := l.get("a"); s.Status.Node != "pve3" || !strings.Contains(s.Status.Placement, "pve1 has no storage shelf") {
		t.Errorf("a is on %s: %s", s.Status.Node, s.Status.Placement)
	}
	if s := l.get("b"); s.Status.Node == "pve1" || !strings.Contains(s.Status.Placement, "pve1 has no storage fast") {
		t.Errorf("b is on %s: %s", s.Status.Node, s.Status.Placement)
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Nodes = []string{"pve1", "pve2"} })
	l.service("c", checked(13, "c", `, template: "shelf:vztmpl/special.tar.xz"`))
	l.situated("c", v1alpha1.ReasonNodeUnavailable, onItsWay, "Waiting for a node that has what the service needs: pve1 has no storage shelf, pve2 has no storage shelf")
}

func TestWhileANodeIsDownTheOthersGoOn(t *testing.T) {
	t.Parallel()
	l := newLab(t, three)
	handler, err := l.pve.NodeHandler("pve1")
	l.must(err)
	first := httptest.NewServer(handler)
	t.Cleanup(first.Close)
	handler, err = l.pve.NodeHandler("pve2")
	l.must(err)
	second := httptest.NewServer(handler)
	t.Cleanup(second.Close)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Endpoints = []string{first.URL, second.URL} })
	l.service("a", checked(11, "a", ", node: pve1"))
	l.service("b", checked(12, "b", ", node: pve2"))
	l.ready("a", "b")
	l.must(l.pve.SetNodeOnline("pve1", false))
	l.service("c", checked(13, "c", "")) // over the second endpoint, on a node that is there
	l.ready("c")
	if node := l.get("c").Status.Node; node == "pve1" {
		t.Error("c was put on the node that is down")
	}
	l.service("d", service(14, "hostname: d, node: pve1"))
	l.situated("d", v1alpha1.ReasonNodeUnavailable, onItsWay, "Waiting for node pve1: it is offline")
	l.must(l.pve.SetNodeOnline("pve1", true))
	l.ready("a", "d")
	if n := l.begun("vzcreate", 0); n != 4 {
		t.Errorf("%d containers were made for four services", n)
	}
}

func TestACreationThatFoundNobodyGoesToAnotherNode(t *testing.T) {
	t.Parallel()
	l := newLab(t, three, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `"durations"`, `"containers": [{"vmid": 500, "node": "pve2", "config": {"memory": "9000", "hostname": "theirs"}}], "durations"`, 1)
	})
	handler, err := l.pve.NodeHandler("pve2")
	l.must(err)
	second := httptest.NewServer(handler)
	t.Cleanup(second.Close)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Endpoints, h.Spec.Nodes = []string{second.URL}, []string{"pve1", "pve2"}
		h.Spec.PollInterval = &v1alpha1.Duration{Duration: metav1.Duration{Duration: 10 * time.Second}}
	})
	l.service("a", checked(11, "a", ", node: pve1"))
	l.ready("a")
	l.must(l.pve.SetNodeOnline("pve1", false))
	l.service("b", checked(12, "b", "")) // the node with the most room, as far as anybody knows
	l.ready("b")
	if node := l.get("b").Status.Node; node != "pve2" {
		t.Errorf("b is on %s", node)
	}
	l.must(l.pve.SetNodeOnline("pve1", true))
	if n := l.begun("vzcreate", 0); n != 2 {
		t.Errorf("%d containers were made for two services", n)
	}
}

func TestAProxmoxThatFallsSilentHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	answers, err := l.pve.NodeHandler("pve1")
	l.must(err)
	var silent atomic.Bool
	var asked, gaveUp atomic.Int32
	end := make(chan struct{})
	north := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !silent.Load() {
			answers.ServeHTTP(w, r)
			return
		}
		preflight := strings.HasSuffix(r.URL.Path, "/access/permissions") // which the host's own worker asks for
		if preflight {
			asked.Add(1)
		}
		select {
		case <-r.Context().Done():
			if preflight {
				gaveUp.Add(1)
			}
		case <-end:
		}
	}))
	t.Cleanup(north.Close)
	t.Cleanup(func() { close(end) }) // before the server closes, which waits for its handlers
	l.host(func(h *v1alpha1.NixMoxHost) { h.Name, h.Spec.Endpoints = "north", []string{north.URL} })
	l.saysOfHost("north", metav1.ConditionTrue, "Connected")
	silent.Store(true)
	h := &v1alpha1.NixMoxHost{}
	l.must(l.api.Client.Get(t.Context(), client.ObjectKey{Namespace: l.namespace, Name: "north"}, h))
	before := h.DeepCopy()
	h.Spec.Policy.Bridges = []string{"vmbr7"} // something new to look for
	l.must(l.api.Client.Patch(t.Context(), h, client.MergeFrom(before)))
	l.eventually("its worker waits for an answer", func() bool { return asked.Load() > 0 })
	l.host()
	l.saysOfHost("default", metav1.ConditionTrue, "Connected")
	if n := gaveUp.Load(); n > 0 { // after 40 s
		t.Errorf("%d workers had given up on the silent one before", n)
	}
	l.service("a", checked(11, "a", ""))
	l.ready("a")
}

func TestVirtualMachinesInTheRangeAreStepped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 900, Type: "qemu"}))
	l.must(l.pve.AddGuest(pvesim.Guest{VMID: 902, Type: "qemu"}))
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 900, To: 903} })
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ""))
	l.ready("a", "b")
	if a, b := l.get("a").Status.VMID, l.get("b").Status.VMID; a+b != 901+903 {
		t.Errorf("their VMIDs are %d and %d", a, b)
	}
	l.service("c", checked(13, "c", ""))
	l.situated("c", v1alpha1.ReasonVMIDRangeExhausted, onItsWay, "no free VMID from 900 to 903")
	l.service("d", service(14, "hostname: d, vmid: 902"))
	l.situated("d", v1alpha1.ReasonVMIDConflict, needsEdit, "belongs to a virtual machine, and nothing is done to it")
}

// The oldest release that is supported knows fewer parameters, and another default of what is unprivileged.
func TestTheOldestSupportedReleaseIsWorkedWith(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.pveRelease = "8.4" })
	l.host()
	l.service("a", checked(11, "a", `, tags: [db], timezone: Europe/Berlin, restartPolicy: always, resources: {memory: 1Gi, cpu: 1500m}, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
	l.service("b", checked(12, "b", ", dependsOn: [a], deletionPolicy: Delete"))
	l.ready("a", "b")
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected, "Connected to Proxmox VE 8.4")
	if u := l.container("a").Config["unprivileged"]; u != "1" {
		t.Errorf("unprivileged is %q", u)
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Resources.Memory, s.Spec.Timezone, s.Spec.Volumes[0].Size = ptr(resource.MustParse("2Gi")), "Europe/Paris", resource.MustParse("2Gi")
	})
	l.eventually("the changes are made", func() bool {
		c := l.container("a").Config
		return c["memory"] == "2048" && c["timezone"] == "Europe/Paris" && strings.Contains(c["mp0"], "size=2G")
	})
	l.ready("a")
	l.delete("b")
	l.gone("b")
	if n := l.begun("vzdestroy", 0); n != 1 {
		t.Errorf("%d containers were destroyed", n)
	}
	if refused := l.log.calls(func(e calllog.Entry) bool { return e.Method != "GET" && e.Status >= 400 }); refused > 0 {
		t.Errorf("%d calls were refused", refused)
	}
}

func TestAFirstEndpointThatComesBackIsNoOutage(t *testing.T) {
	t.Parallel()
	l := newLab(t, three)
	handler, err := l.pve.NodeHandler("pve2")
	l.must(err)
	second := httptest.NewServer(handler)
	t.Cleanup(second.Close)
	first := httptest.NewUnstartedServer(l.Handler) // it listens, and nobody answers
	address := first.Listener.Addr().String()
	l.must(first.Listener.Close())
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Endpoints = []string{"http://" + address, second.URL} })
	l.service("a", checked(11, "a", ", node: pve2"))
	l.ready("a") // over the second
	first.Listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	l.must(err)
	first.Start()
	t.Cleanup(first.Close)
	second.Close() // now the second goes
	l.service("b", checked(12, "b", ", node: pve2"))
	l.ready("a", "b")
	if n := l.begun("vzcreate", 0); n != 2 {
		t.Errorf("%d containers were made for two services", n)
	}
}
