package controllers_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// elsewhere is a second Proxmox with a namespace of its own, looked after by the lab's controller too.
func (l *lab) elsewhere() *lab {
	l.t.Helper()
	l.unlawful = "the oracle watches one namespace alone"
	there := testlab.New(l.t, l.api, testlab.Options{TimeScale: l.scale, Hands: true})
	l.stopController()
	l.others = append(l.others, there.Namespace)
	l.startController()
	return &lab{
		Lab: there, t: l.t, api: l.api, namespace: there.Namespace, pve: there.PVE, ssh: there.SSH, log: &logbook{there.Log}, seen: l.seen, timing: l.timing,
		controller: l.controller, unlawful: l.unlawful,
	}
}

func narrow(h *v1alpha1.NixMoxHost) { h.Spec.VMIDRange = v1alpha1.VMIDRange{From: 900, To: 901} }

func TestTheNumbersOfAnotherProxmoxAreNotInTheWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.elsewhere()
	l.host(narrow)
	other.host(narrow)
	for i, name := range []string{"x", "y"} {
		l.service(name, service(11+i, "hostname: "+name))
	}
	l.ready("x", "y")
	for i, name := range []string{"v", "w"} {
		other.service(name, service(21+i, "hostname: "+name)) // there is no third number
	}
	other.ready("v", "w")
	// A service that lost its status finds its container, although another Proxmox has one of the same number.
	vmid := other.get("v").Status.VMID
	l.stopController()
	v := other.get("v")
	v.Status = v1alpha1.NixMoxServiceStatus{}
	l.must(l.api.Client.Status().Update(t.Context(), v))
	l.startController()
	other.eventually("v has its container again", func() bool { return other.get("v").Status.VMID == vmid })
	other.ready("v")
	if n := other.begun("vzcreate", 0); n != 2 {
		t.Errorf("%d containers were made for two services", n)
	}
}

func TestANumberInAnothersSpecDoesNotHideTheContainer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("x", service(11, "hostname: x"))
	l.ready("x")
	vmid := l.get("x").Status.VMID
	l.service("y", service(12, "hostname: y, vmid: 900"))
	l.situated("y", v1alpha1.ReasonOwnedElsewhere, needsEdit, "nothing is done to it")
	l.emptyStatus("x")
	l.eventually("x has its container again", func() bool { return l.get("x").Status.VMID == vmid })
	l.ready("x")
	if n := l.begun("vzcreate", 0); n != 1 {
		t.Errorf("%d containers were made for one service", n)
	}
}

// Two namespaces, each with a token and an endpoint of its own: that both are one Proxmox shows in its nodes alone.
func TestTwoTokensOfOneProxmoxShareItsLimitsAndNumbers(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, world *string) {
		l.scale = 4
		*world = strings.Replace(*world, `"nodes": [`, `"nodes": [{"name": "pve2", "cpus": 8, "memory": 65536}, `, 1)
	})
	other := l.neighbour()
	l.pve.SetToken(pvesim.Token{ID: "nixmox@pve!two", Secret: "tw0-tw0-tw0"})
	other.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pve"}, StringData: map[string]string{"tokenID": "nixmox@pve!two", "tokenSecret": "tw0-tw0-tw0"}})
	second := httptest.NewServer(l.Handler)
	t.Cleanup(second.Close)
	one := func(h *v1alpha1.NixMoxHost) {
		h.Spec.Rollout.MaxConcurrent, h.Spec.VMIDRange = 1, v1alpha1.VMIDRange{From: 900, To: 907}
	}
	l.host(one)
	other.host(one, func(h *v1alpha1.NixMoxHost) { h.Spec.Exec, h.Spec.Endpoints = nil, []string{second.URL} })
	names := []string{"m", "n", "o", "p"}
	for i, name := range names {
		l.service(name, service(11+i, "hostname: "+name))
		other.service(name, service(21+i, "hostname: other-"+name))
	}
	l.ready(names...)
	other.ready(names...)
	has, on := map[int32]bool{}, map[string]int{}
	for _, name := range names {
		for _, s := range []*v1alpha1.NixMoxService{l.get(name), other.get(name)} {
			has[s.Status.VMID] = true
			on[s.Status.Node]++
		}
	}
	if len(has) != 8 || on["pve1"] != 4 || on["pve2"] != 4 {
		t.Errorf("eight services have %d numbers, and are spread as %v", len(has), on)
	}
	if refused := l.log.calls(func(e calllog.Entry) bool { return e.Method == "POST" && e.Status >= 400 }); refused > 0 {
		t.Errorf("%d calls were refused", refused)
	}
	if most := l.atOnce(); most != 1 {
		t.Errorf("%d operations ran on one node at once", most)
	}
	for _, token := range []string{"nixmox@pve!ctl", "nixmox@pve!two"} {
		if n := l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/lxc") && e.Token == token }); n != 4 {
			t.Errorf("%s made %d containers", token, n)
		}
	}
}

// atOnce is how many creations and starts ran at once on a node at most.
func (l *lab) atOnce() int {
	running, most := map[string]int{}, 0
	for _, e := range l.log.entries() {
		if e.Type != "vzcreate" && e.Type != "vzstart" {
			continue
		}
		if e.Kind == calllog.KindTaskStart {
			running[e.Node]++
		} else {
			running[e.Node]--
		}
		most = max(most, running[e.Node])
	}
	return most
}
