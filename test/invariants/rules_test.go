package invariants

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// at is a moment, in seconds after the beginning.
func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

// mark is a description with the marker of service ns/NAME.
func mark(name string, vmid int, state marker.State, volumes map[string]string) string {
	return marker.Marker{Instance: "nixmox", Host: "ns/default", Service: "ns/" + name, VMID: vmid, State: state, Nonce: fmt.Sprintf("nonce%d", vmid), Volumes: volumes}.Render("")
}

// ct is a container of a service; its disks are named after its VMID.
func ct(name string, vmid int, state marker.State, more ...string) pvesim.Container {
	c := pvesim.Container{VMID: vmid, Config: map[string]string{
		"rootfs": fmt.Sprintf("zfs:subvol-%d-disk-0,size=8G", vmid), "mp0": fmt.Sprintf("zfs:subvol-%d-disk-1,mp=/data,size=1G", vmid),
		"description": mark(name, vmid, state, map[string]string{"data": "mp0"}),
	}}
	for i := 0; i+1 < len(more); i += 2 {
		c.Config[more[i]] = more[i+1]
	}
	return c
}

func disks(vmids ...int) []string {
	var all []string
	for _, vmid := range vmids {
		all = append(all, fmt.Sprintf("zfs:subvol-%d-disk-0", vmid), fmt.Sprintf("zfs:subvol-%d-disk-1", vmid))
	}
	return all
}

var versions int

// svc is a version of ns/NAME that its writer knew of at a time.
func svc(seconds float64, name string, fields map[string]any) Version {
	versions++
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "NixMoxService", "metadata": map[string]any{
			"name": name, "namespace": "ns", "resourceVersion": fmt.Sprint(versions), "generation": int64(1), "finalizers": []any{v1alpha1.Finalizer},
		},
		"spec":   map[string]any{"ip": "192.168.99.11", "hostRef": map[string]any{"name": "default"}},
		"status": map[string]any{"observedGeneration": int64(1)},
	}}
	for path, value := range fields {
		if err := unstructured.SetNestedField(u.Object, value, strings.Split(path, ".")...); err != nil {
			panic(err)
		}
	}
	return Version{Time: at(seconds), Exact: true, Object: u}
}

func deleted(v Version) Version {
	v.Deleted, v.Exact = true, false
	return v
}

func operation(kind string, vmid int, nonce string) map[string]any {
	return map[string]any{"kind": kind, "vmid": int64(vmid), "nonce": nonce, "startedAt": "2026-01-01T12:00:00Z"}
}

func call(seconds float64, method, path string, before ...pvesim.Container) Call {
	if before == nil {
		before = []pvesim.Container{}
	}
	return Call{Time: at(seconds), Method: method, Path: path, Before: before, Params: map[string]string{}}
}

func create(seconds float64, name string, vmid int) Call {
	c := call(seconds, "POST", "/nodes/pve1/lxc")
	c.Params = map[string]string{"vmid": fmt.Sprint(vmid), "description": mark(name, vmid, marker.Live, nil)}
	return c
}

func ready(reason string) []any {
	return []any{map[string]any{"type": "Ready", "status": "True", "reason": reason, "message": "well", "lastTransitionTime": "2026-01-01T12:00:00Z", "observedGeneration": int64(1)}}
}

const (
	path900 = "/nodes/pve1/lxc/900"
	start   = path900 + "/status/start"
	config  = path900 + "/config"
)

var doomedFields = map[string]any{"spec.deletionPolicy": "Delete", "metadata.deletionTimestamp": "2026-01-01T12:00:00Z"}

// Each rule is held by the first record and broken by each of the others, with what it says then.
func TestRules(t *testing.T) {
	live, deleting := ct("a", 900, marker.Live), ct("a", 900, marker.Deleting)
	stripped := ct("a", 900, marker.Live, "description", "notes")
	foreign := pvesim.Container{VMID: 900, Config: map[string]string{"description": "theirs", "rootfs": "zfs:subvol-900-disk-7"}}
	copied := ct("a", 901, marker.Live, "description", mark("a", 900, marker.Live, nil))
	swapped := ct("a", 900, marker.Live, "mp1", "zfs:other,mp=/other", "description", mark("a", 900, marker.Live, map[string]string{"data": "mp1"}))
	exists := map[string]bool{"ns/a": true}

	for _, rule := range []struct {
		name   string
		broken func(*Record) []string
		kept   []Record
		breaks map[string]Record
	}{
		{"OneContainer", OneContainer, []Record{
			{Containers: []pvesim.Container{live, ct("b", 901, marker.Live)}},
			{Containers: []pvesim.Container{live, copied}},
		}, map[string]Record{
			"service ns/a has the containers [900 901]":             {Containers: []pvesim.Container{live, ct("a", 901, marker.Retained)}},
			"has the containers [900 901] at POST /nodes/pve1/lxc/": {Calls: []Call{call(1, "POST", start, live, ct("a", 901, marker.Live))}},
		}},
		{"NoLeak", NoLeak, []Record{
			{Containers: []pvesim.Container{live}, Services: exists},
			{Containers: []pvesim.Container{ct("a", 900, marker.Retained), foreign, copied}},
			{Containers: []pvesim.Container{live}, Versions: []Version{svc(1, "a", map[string]any{"metadata.annotations": map[string]any{abandonAnnotation: "true"}})}},
		}, map[string]Record{
			"container 900 is marked as ns/a's, live":     {Containers: []pvesim.Container{live}, Versions: []Version{deleted(svc(1, "a", nil))}},
			"container 900 is marked as ns/a's, deleting": {Containers: []pvesim.Container{deleting}},
		}},
		{"VolumesKept", VolumesKept, []Record{
			{Containers: []pvesim.Container{live}, Volumes: disks(900)},
			{Calls: []Call{call(1, "PUT", config, live), call(2, "DELETE", path900, deleting)}, Versions: []Version{svc(1.5, "a", doomedFields)}},
			{Calls: []Call{call(1, "PUT", config, live)}, Hands: true},
			{Calls: []Call{call(1, "PUT", config, live), call(2, "DELETE", path900, deleting)}, Versions: []Version{svc(1.5, "a", doomedFields)},
				Containers: []pvesim.Container{ct("b", 900, marker.Live)}, Volumes: disks(900)},
			{Calls: []Call{call(2, "DELETE", path900, deleting), call(3, "PUT", config, deleting)}, Versions: []Version{svc(1.5, "a", doomedFields)},
				Log: []calllog.Entry{{Kind: calllog.KindTaskEnd, Type: "vzdestroy", VMID: 900, Time: at(4)}}},
			{Calls: []Call{call(1, "PUT", config, live)}, Containers: []pvesim.Container{ct("a", 900, marker.Live, "unused0", "zfs:subvol-900-disk-1", "mp0", "")}, Volumes: disks(900)},
		}, map[string]Record{
			"volume zfs:subvol-900-disk-1 (data of ns/a) does not exist": {Calls: []Call{call(1, "PUT", config, live)}, Volumes: disks(900)[:1]},
			"disk-0 (rootfs of ns/a) does not exist":                     {Calls: []Call{call(1, "PUT", config, live), call(2, "DELETE", path900, live)}, Hands: true},
			"volume data of ns/a was zfs:subvol-900-disk-1 and is zfs:other": {
				Calls: []Call{call(1, "PUT", config, live)}, Containers: []pvesim.Container{swapped}, Volumes: append(disks(900), "zfs:other")},
			"is attached to ns/b's container 901": {
				Calls: []Call{call(1, "PUT", config, live)}, Volumes: disks(900, 901),
				Containers: []pvesim.Container{ct("b", 901, marker.Live, "mp0", "zfs:subvol-900-disk-1,mp=/data")}},
		}},
		{"StrangersUntouched", StrangersUntouched, []Record{
			{Calls: []Call{call(1, "POST", start, live), call(2, "PUT", config, stripped), create(3, "a", 900), call(4, "POST", start)}},
			{Calls: []Call{call(1, "PUT", config, foreign)}, Versions: []Version{svc(0, "a", map[string]any{"spec.adopt": true, "spec.vmid": int64(900)})}},
			{Log: []calllog.Entry{{Kind: calllog.KindTaskStart, Type: "vzcreate", VMID: 900, Time: at(0)}, {Kind: calllog.KindCall, Method: "POST", Path: start, Time: at(1)}}},
		}, map[string]Record{
			"container 900 carries no marker of ours (\"theirs\")": {Calls: []Call{call(1, "POST", start, foreign)}},
			"container 901 carries no marker of ours":              {Calls: []Call{call(1, "POST", "/nodes/pve1/lxc/901/status/start", copied)}},
			"we never created container 900":                       {Log: []calllog.Entry{{Kind: calllog.KindCall, Method: "POST", Path: start, Time: at(1)}}},
		}},
		{"OnlyTheDoomedDestroyed", OnlyTheDoomedDestroyed, []Record{
			{Calls: []Call{call(2, "DELETE", path900, deleting)}, Versions: []Version{svc(1, "a", doomedFields)}},
		}, map[string]Record{
			"container 900 is destroyed while its marker says \"live\"": {Calls: []Call{call(2, "DELETE", path900, live)}, Versions: []Version{svc(1, "a", doomedFields)}},
			"container 900 of ns/a is destroyed":                        {Calls: []Call{call(2, "DELETE", path900, deleting)}, Versions: []Version{svc(1, "a", nil)}},
			"no object with deletionPolicy Delete":                      {Log: []calllog.Entry{{Kind: calllog.KindCall, Method: "DELETE", Path: path900, Time: at(1)}}},
		}},
		{"WrittenAhead", WrittenAhead, []Record{
			{Calls: []Call{create(2, "a", 900), call(4, "POST", start, live)}, Versions: []Version{
				svc(1, "a", map[string]any{"status.operation": operation("Create", 900, "nonce900")}), svc(3, "a", map[string]any{"status.operation": operation("Start", 900, "")})}},
		}, map[string]Record{
			"POST /nodes/pve1/lxc: 0 of 1 announced": {Calls: []Call{create(2, "a", 900)}, Versions: []Version{
				svc(3, "a", map[string]any{"status.operation": operation("Create", 900, "nonce900")})}},
			"POST /nodes/pve1/lxc: 0 of 1": {Calls: []Call{create(2, "a", 900)}, Versions: []Version{
				svc(1, "a", map[string]any{"status.operation": operation("Create", 901, "nonce900")})}},
			"1 of 2 announced in status.operation (Start of 900)": {Calls: []Call{call(2, "POST", start, live), call(3, "POST", start, live)}, Versions: []Version{
				svc(1, "a", map[string]any{"status.operation": operation("Start", 900, "")})}},
		}},
		{"DoneWhenEnded", DoneWhenEnded, []Record{{Log: created(2), Versions: cleared(3)}, {Log: created(2), Versions: cleared(1)[:1]}}, map[string]Record{
			"the status of ns/a says that Create of 900 is over": {Log: created(2), Versions: cleared(1)},
		}},
		{"SentOnce", SentOnce, []Record{
			{Calls: []Call{call(1, "POST", start), call(3, "POST", start)}, Writes: []time.Time{at(2)}},
			{Calls: []Call{call(1, "PUT", config), call(3, "PUT", config)}, Writes: []time.Time{}},
		}, map[string]Record{
			"(container 900) was sent twice": {Calls: []Call{call(1, "POST", start), call(3, "POST", start)}, Writes: []time.Time{at(0.5)}},
			"lxc (container 900) was sent":   {Calls: []Call{create(1, "a", 900), create(2, "a", 900)}},
		}},
		{"GatesKept", GatesKept, []Record{gated(5), gated(0, "status.firstReadyTime", "2026-01-01T11:00:00Z")}, map[string]Record{
			"b (phase 2) began before a (phase 1) was ready": gated(9),
		}},
		{"NotStoppedInItsStart", NotStoppedInItsStart, []Record{
			stopped(10),
			{StartGrace: 5 * time.Second, Calls: stopped(1).Calls, Log: stopped(1).Log, Versions: []Version{svc(0.9, "a", map[string]any{"status.vmid": int64(900), "status.conditions": ready("Healthy")})}},
		}, map[string]Record{
			"shutdown: container 900 began to run 1s before": stopped(1),
			"migrate: container 900 began to run 1s before": {StartGrace: 5 * time.Second, Log: stopped(1).Log, Calls: []Call{
				{Time: at(1), Method: "POST", Path: path900 + "/migrate", Params: map[string]string{"restart": "1"}, Before: stopped(1).Calls[0].Before}}},
		}},
		{"StatusInTable", StatusInTable, []Record{
			{Versions: []Version{svc(1, "a", map[string]any{"status.conditions": ready("Healthy")})}},
		}, map[string]Record{
			"the table has no such reason": {Versions: []Version{svc(1, "a", map[string]any{"status.conditions": ready("Fine")})}},
		}},
	} {
		for i, r := range rule.kept {
			r.Instance, r.Token = "nixmox", "nixmox@pve!ctl"
			if found := rule.broken(&r); len(found) > 0 {
				t.Errorf("%s, kept %d: %q", rule.name, i, found)
			}
		}
		for want, r := range rule.breaks {
			r.Instance, r.Token = "nixmox", "nixmox@pve!ctl"
			if found := strings.Join(rule.broken(&r), "\n"); !strings.Contains(found, want) {
				t.Errorf("%s: %q, not %q", rule.name, found, want)
			}
		}
	}
}

// gated is b, which depends on a and is created at 7 s, while a is ready at a time (0: never).
func gated(aReady float64, more ...any) Record {
	b := map[string]any{"spec.dependsOn": []any{"a"}, "status.phase": int64(2), "status.operation": operation("Create", 901, "nonce901")}
	for i := 0; i+1 < len(more); i += 2 {
		b[more[i].(string)] = more[i+1]
	}
	r := Record{Calls: []Call{create(7, "b", 901)}, Versions: []Version{svc(1, "a", map[string]any{"status.phase": int64(1)})}}
	if aReady > 0 {
		r.Versions = append(r.Versions, svc(aReady, "a", map[string]any{"status.phase": int64(1), "status.conditions": ready("Healthy")}))
	}
	r.Versions = append(r.Versions, svc(6, "b", b))
	return r
}

// created is a creation by our token that ends at a time.
func created(end float64) []calllog.Entry {
	const upid = "UPID:pve1:00000001:00000001:00000001:vzcreate:900:nixmox@pve!ctl:"
	return []calllog.Entry{
		{Time: at(0.5), Kind: calllog.KindTaskStart, Type: "vzcreate", VMID: 900, UPID: upid},
		{Time: at(end), Kind: calllog.KindTaskEnd, Type: "vzcreate", VMID: 900, UPID: upid, ExitStatus: "OK"},
	}
}

// cleared is a creation that leaves the status at a time.
func cleared(seconds float64) []Version {
	return []Version{svc(0, "a", map[string]any{"status.operation": operation("Create", 900, "nonce900")}), svc(seconds, "a", nil)}
}

// stopped is a container that began to run at 0 s and is shut down at a time.
func stopped(seconds float64) Record {
	return Record{
		StartGrace: 5 * time.Second, Calls: []Call{call(seconds, "POST", path900+"/status/shutdown", ct("a", 900, marker.Live))},
		Log: []calllog.Entry{{Kind: calllog.KindTaskEnd, Type: "vzstart", VMID: 900, ExitStatus: "OK", Time: at(0)}},
	}
}

func TestCheckAsksEveryRuleAndNamesIt(t *testing.T) {
	r := &Record{Instance: "nixmox", Containers: []pvesim.Container{ct("a", 900, marker.Live), ct("a", 901, marker.Live)}}
	var said []string
	for _, err := range Check(r) {
		said = append(said, err.Error())
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"one container for a service: ", "no container is leaked: ", "no volume is lost or swapped: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}
