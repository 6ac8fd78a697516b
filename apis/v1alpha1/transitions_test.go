package v1alpha1_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/test/apiserver"
)

// transition is an edit of an object that exists.
type transition struct {
	what string
	// before is the spec, and status what the controller had written about it.
	before, status string
	// change is merged into the spec, as kubectl apply does when a line was changed or removed in the file.
	change string
	// field and message of the refusal; empty when the edit is good.
	field, message string
}

const (
	sayVMID      = "vmid is immutable once set, also against removal: Proxmox cannot renumber a container"
	sayOtherVMID = "vmid must be the number that the container already has (see status.vmid): Proxmox cannot renumber a container"
	sayHostRef   = "hostRef is immutable: a container does not move between Proxmox installations; delete the service and make a new one"
	sayHome      = "instance is immutable: the containers on Proxmox carry it (left out, it is nixmox)"

	conflict = `conditions: [{type: Ready, status: "False", reason: VMIDConflict, message: taken, lastTransitionTime: "2026-01-01T00:00:00Z"}]`
)

var serviceTransitions = []transition{
	{what: "another host", before: `{hostRef: {name: a}}`, change: `{hostRef: {name: b}}`, field: "spec.hostRef", message: sayHostRef},
	{what: "the host's name removed, which means default", before: `{hostRef: {name: a}}`, change: `{hostRef: {name: null}}`, field: "spec.hostRef", message: sayHostRef},
	{what: "hostRef removed, which means default", before: `{hostRef: {name: a}}`, change: `{hostRef: null}`, field: "spec.hostRef", message: sayHostRef},
	{what: "a host where the default was meant", before: `{}`, change: `{hostRef: {name: a}}`, field: "spec.hostRef", message: sayHostRef},
	{what: "the default host by name", before: `{}`, change: `{hostRef: {name: default}}`},
	{what: "the default host's name removed", before: `{hostRef: {name: default}}`, change: `{hostRef: null}`},

	{what: "another vmid", before: `{vmid: 902}`, change: `{vmid: 903}`, field: "spec.vmid", message: sayVMID},
	{what: "vmid removed", before: `{vmid: 902}`, change: `{vmid: null}`, field: "spec.vmid", message: sayVMID},
	{what: "another vmid where the container has this one", before: `{vmid: 902}`, status: `{vmid: 902}`, change: `{vmid: 903}`, field: "spec.vmid", message: sayVMID},
	{what: "something else beside vmid", before: `{vmid: 902}`, status: `{vmid: 902}`, change: `{hostname: other}`},
	{what: "a vmid before there is a container", before: `{}`, change: `{vmid: 902}`},
	{what: "the vmid that was allocated", before: `{}`, status: `{vmid: 905}`, change: `{vmid: 905}`},
	{what: "a vmid other than the one that was allocated", before: `{}`, status: `{vmid: 905}`, change: `{vmid: 902}`, field: "spec.vmid", message: sayOtherVMID},
	{what: "another vmid since this one is a stranger's", before: `{vmid: 902}`, status: `{vmid: 902, ` + conflict + `}`, change: `{vmid: 903}`},
	{what: "no vmid since this one is a stranger's", before: `{vmid: 902}`, status: `{vmid: 902, ` + conflict + `}`, change: `{vmid: null}`},
	{what: "another vmid although the container was made here", before: `{vmid: 902}`, status: `{vmid: 902, template: "local:vztmpl/a.tar.xz", ` + conflict + `}`,
		change: `{vmid: 903}`, field: "spec.vmid", message: sayVMID},

	{what: "what may change", before: `{volumes: [{name: data, mountPath: /data, size: 1Gi}], tags: [a], enable: true}`,
		change: `{ip: 192.168.1.12, hostname: other, volumes: [], tags: null, enable: false, node: pve2, resources: {memory: 1Gi}}`},
}

var hostTransitions = []transition{
	{what: "another instance", before: `{instance: home}`, change: `{instance: office}`, field: "spec.instance", message: sayHome},
	{what: "instance removed, which means nixmox", before: `{instance: home}`, change: `{instance: null}`, field: "spec.instance", message: sayHome},
	{what: "an instance where the default was meant", before: `{}`, change: `{instance: home}`, field: "spec.instance", message: sayHome},
	{what: "the default instance by name", before: `{}`, change: `{instance: nixmox}`},
	{what: "the default instance's name removed", before: `{instance: nixmox}`, change: `{instance: null}`},
	{what: "what may change", before: `{nodes: [pve1]}`,
		change: `{endpoints: ["https://pve2.lan:8006"], credentialsRef: {name: other}, nodes: null, vmidRange: {from: 500, to: 600}, network: {cidr: 10.0.0.0/8}}`},
}

// transitions are the refusals among the edits.
func transitions(edits []transition) []rule {
	var rules []rule
	for _, e := range edits {
		if e.message != "" {
			rules = append(rules, rule{what: e.what, field: e.field, message: e.message})
		}
	}
	return rules
}

func TestEditsOfServices(t *testing.T) { checkTransitions(t, plainService, serviceTransitions) }

func TestEditsOfHosts(t *testing.T) { checkTransitions(t, plainHost, hostTransitions) }

func checkTransitions(t *testing.T, base string, edits []transition) {
	for _, e := range edits {
		t.Run(e.what, func(t *testing.T) {
			s := apiserver.Get(t)
			u := create(t, s.Namespace(t), document(t, base, e.before, ""))
			if e.status != "" {
				u.Object["status"] = merge(u.Object["status"], parse(t, "status: "+e.status).Object["status"])
				if err := s.Client.Status().Update(t.Context(), u); err != nil {
					t.Fatal(err)
				}
			}
			merged := u.DeepCopy()
			merged.Object["spec"] = merge(merged.Object["spec"], parse(t, "spec: "+e.change).Object["spec"])
			for verb, err := range map[string]error{
				"update": s.Client.Update(t.Context(), merged.DeepCopy(), client.DryRunAll),
				"patch":  s.Client.Patch(t.Context(), merged.DeepCopy(), client.MergeFrom(u), client.DryRunAll),
			} {
				if e.message != "" {
					checkRefused(t, err, e.field, e.message, "")
				} else if err != nil {
					t.Errorf("%s refused: %v", verb, err)
				}
			}
		})
	}
}

// The controller writes status where a transition rule looks; no such write may be held up by a rule about the spec.
func TestStatusIsWrittenWhateverTheSpecSays(t *testing.T) {
	s := apiserver.Get(t)
	u := create(t, s.Namespace(t), document(t, plainService, `{vmid: 902}`, ""))
	for _, status := range []string{`{vmid: 902}`, `{vmid: 905}`, `{` + conflict + `}`, `{}`} {
		patch := client.RawPatch("application/merge-patch+json", statusJSON(t, status))
		if err := s.Client.Status().Patch(t.Context(), u.DeepCopy(), patch); err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
}

func statusJSON(t testing.TB, status string) []byte {
	t.Helper()
	data, err := (&unstructured.Unstructured{Object: map[string]any{"kind": "x", "status": parse(t, "status: "+status).Object["status"]}}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
