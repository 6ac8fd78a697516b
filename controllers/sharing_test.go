package controllers_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// neighbour is a second namespace that the lab's controller watches too.
func (l *lab) neighbour() *lab {
	l.t.Helper()
	l.unlawful = "the oracle watches one namespace alone"
	there := *l.Lab
	there.Namespace = l.api.Namespace(l.t)
	l.stopController()
	l.others = append(l.others, there.Namespace)
	l.startController()
	return &lab{
		Lab: &there, t: l.t, api: l.api, namespace: there.Namespace, pve: l.pve, ssh: l.ssh, log: l.log, seen: l.seen, timing: l.timing,
		controller: l.controller, unlawful: l.unlawful,
	}
}

func TestAHostSaysWhichNamespacesMayUseIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	other := l.neighbour()
	// It wants a's address too; but as it has no part in the host, that harms nobody.
	elsewhere := ", hostRef: {namespace: " + l.namespace + "}"
	other.service("b", checked(11, "b", elsewhere))
	other.situated("b", v1alpha1.ReasonPolicyRefused, needsEdit, "does not allow services of namespace "+other.namespace, "spec.allowedNamespaces")
	l.polled(3)
	l.ready("a")
	if n := l.begun("vzcreate", 0); n != 1 {
		t.Errorf("%d containers were made", n)
	}
	other.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	l.editHost(func(h *v1alpha1.NixMoxHost) {
		h.Spec.AllowedNamespaces = byLabel("kubernetes.io/metadata.name", other.namespace)
	})
	other.ready("b")
	// A neighbour's container cannot be taken by its number.
	vmid := l.get("a").Status.VMID
	other.service("c", checked(13, "c", elsewhere+", vmid: "+fmt.Sprint(vmid)))
	other.situated("c", v1alpha1.ReasonOwnedElsewhere, needsEdit, "nothing is done to it")
	l.ready("a")
	if c := l.container("a"); !c.Running {
		t.Error("a does not run any more")
	}
}

// byLabel allows the namespaces with a label.
func byLabel(key, value string) v1alpha1.AllowedNamespaces {
	return v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromSelector, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}}
}

func (l *lab) label(namespace, labels string) {
	l.t.Helper()
	o := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if err := l.api.Client.Patch(l.t.Context(), o, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": `+labels+`}}`))); err != nil {
		l.t.Fatal(err)
	}
}

// A namespace that gets the label is in, one that loses it is out: nothing is done to its services any more, and nothing is undone.
func TestAHostChoosesNamespacesByTheirLabels(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.AllowedNamespaces = byLabel("team", "web") })
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	other := l.neighbour()
	elsewhere := ", hostRef: {namespace: " + l.namespace + "}"
	other.service("b", checked(11, "b", elsewhere))
	other.situated("b", v1alpha1.ReasonPolicyRefused, needsEdit, "does not allow services of namespace "+other.namespace)
	l.label(other.namespace, `{"team": "web"}`)
	// It is judged with the others now: it has a's address.
	other.situated("b", v1alpha1.ReasonDuplicateIP, needsEdit, "Duplicate IP addresses: 192.168.99.11")
	other.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.IP = "192.168.99.12" })
	other.ready("b")
	l.label(other.namespace, `{"team": null}`)
	other.situated("b", v1alpha1.ReasonPolicyRefused, needsEdit, "does not allow services of namespace "+other.namespace)
	l.service("c", checked(12, "c", ""))
	l.situated("c", v1alpha1.ReasonDuplicateIP, needsEdit, "192.168.99.12")
	vmid := other.get("b").Status.VMID
	if c := other.container("b"); !c.Running {
		t.Error("the container of a service that is not allowed any more was stopped")
	}
	// Once it is stopped, its address is free.
	l.must(l.pve.Stop(int(vmid)))
	l.ready("c")
}

func TestANamespaceCannotReachAnothersSecret(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.neighbour()
	other.host() // with credentialsRef: pve, which is in the lab's own namespace
	other.hosted(metav1.ConditionFalse, v1alpha1.ReasonCredentials, "Waiting for Secret "+other.namespace+"/pve")
}

func TestHostsOfOneProxmoxShareItsPollerAndItsNumbers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.neighbour()
	other.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pve"}, StringData: map[string]string{"tokenID": "nixmox@pve!ctl", "tokenSecret": "s3cret-s3cret"}})
	l.host()
	other.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec = nil }) // the key of the SSH server is the other namespace's Secret
	l.service("a", checked(11, "a", ""))
	other.service("b", service(12, "hostname: b"))
	l.ready("a")
	other.ready("b")
	if a, b := l.get("a").Status.VMID, other.get("b").Status.VMID; a == b || a+b != 1801 {
		t.Errorf("their VMIDs are %d and %d", a, b)
	}
	lists := func() int {
		return l.log.calls(func(e calllog.Entry) bool { return strings.HasSuffix(e.Path, "/cluster/resources") })
	}
	before := lists()
	l.polled(5)
	if n := lists() - before; n > 7 {
		t.Errorf("%d lists in five polls", n)
	}
	// One goes on with another token: each has a poller of its own then, and neither is disturbed.
	l.pve.SetToken(pvesim.Token{ID: "nixmox@pve!new", Secret: "n3w-n3w-n3w"})
	other.putSecret("pve", map[string]string{"tokenID": "nixmox@pve!new", "tokenSecret": "n3w-n3w-n3w"})
	l.eventually("the other token is used", func() bool {
		return l.log.calls(func(e calllog.Entry) bool { return e.Token == "nixmox@pve!new" }) > 0
	})
	l.service("d", service(13, "hostname: d"))
	other.service("e", service(14, "hostname: e"))
	l.ready("a", "d")
	other.ready("b", "e")
	if n := l.begun("vzcreate", 0); n != 4 {
		t.Errorf("%d containers were made for four services", n)
	}
}

func TestThePolicyOfTheHostIsHeld(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Policy = v1alpha1.HostPolicy{Templates: []string{"local:vztmpl/debian-*"}, Bridges: []string{"vmbr1"}}
	})
	l.service("a", checked(11, "a", "")) // the host's own template and bridge
	l.service("b", checked(12, "b", `, template: "local:vztmpl/other.tar.xz"`))
	l.service("c", checked(13, "c", ", network: {bridge: vmbr9}"))
	l.situated("b", v1alpha1.ReasonPolicyRefused, needsEdit, "spec.template: host default does not allow local:vztmpl/other.tar.xz, only local:vztmpl/debian-*")
	l.situated("c", v1alpha1.ReasonPolicyRefused, needsEdit, "spec.network.bridge: host default does not allow vmbr9, only vmbr0, vmbr1")
	l.ready("a")
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.Templates = append(h.Spec.Policy.Templates, "*nixos*") })
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Template = "local:vztmpl/nixos.tar.xz" })
	l.ready("b")
}
