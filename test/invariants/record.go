package invariants

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// Record is what happened in one world, as seen from outside the controller.
type Record struct {
	// Instance and Token under which the controller works.
	Instance, Token string
	// Versions of hosts and services that the API server held.
	Versions []Version
	// Writes are the times at which the answer to a write reached a controller. Nil: nobody listened, and the rules that need them
	// are content with less.
	Writes []time.Time
	// Calls that change something on Proxmox, in the order of their arrival.
	Calls []Call
	// Log is the simulator's.
	Log []calllog.Entry
	// Services are the names of the objects that exist now; Containers and Volumes are what Proxmox has now.
	Services   map[string]bool
	Containers []pvesim.Container
	Volumes    []string
	// Hands is whether somebody besides the controller may have destroyed containers.
	Hands bool
	// StartGrace is how long a container is left to start; zero does not ask.
	StartGrace time.Duration

	services map[string][]version
	hosts    map[string][]version
}

// Version is one version of an object. Exact says that Time is when its writer knew of it; else it is when a watch told, a moment later.
type Version struct {
	Time    time.Time
	Exact   bool
	Deleted bool
	Object  *unstructured.Unstructured
}

// Call is one call that changes something, with the containers as they were when it arrived; Before is nil when nobody looked.
type Call struct {
	Time         time.Time
	Method, Path string
	Params       map[string]string
	Before       []pvesim.Container
}

// version is a Version that was read.
type version struct {
	Version
	number  uint64
	service *v1alpha1.NixMoxService
	deleted bool
}

// prepare sorts the versions by object and number. A version that is known twice counts as the exact one.
func (r *Record) prepare() {
	if r.services != nil {
		return
	}
	r.services, r.hosts = map[string][]version{}, map[string][]version{}
	for _, v := range r.Versions {
		number, err := strconv.ParseUint(v.Object.GetResourceVersion(), 10, 64)
		if err != nil {
			continue
		}
		read := version{Version: v, number: number, deleted: v.Deleted}
		into := r.hosts
		if v.Object.GetKind() == "NixMoxService" {
			into, read.service = r.services, &v1alpha1.NixMoxService{}
			// A field that this version of the API does not know is no reason to know nothing.
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(v.Object.Object, read.service); err != nil {
				continue
			}
		}
		key := v.Object.GetNamespace() + "/" + v.Object.GetName()
		into[key] = append(into[key], read)
	}
	for _, all := range []map[string][]version{r.services, r.hosts} {
		for key, versions := range all {
			all[key] = merge(versions)
		}
	}
	if r.Calls == nil {
		r.Calls = callsOf(r.Log)
	}
}

func merge(versions []version) []version {
	slices.SortStableFunc(versions, func(a, b version) int {
		exact := map[bool]int{true: 0, false: 1}
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(exact[a.Exact], exact[b.Exact]))
	})
	var merged []version
	for _, v := range versions {
		if n := len(merged); n > 0 && merged[n-1].number == v.number {
			merged[n-1].deleted = merged[n-1].deleted || v.deleted
			continue
		}
		merged = append(merged, v)
	}
	return merged
}

// callsOf takes the calls from the log when nobody stood between controller and Proxmox.
func callsOf(log []calllog.Entry) []Call {
	var calls []Call
	for _, e := range log {
		if e.Kind == calllog.KindCall && e.Method != "GET" {
			calls = append(calls, Call{Time: e.Time, Method: e.Method, Path: e.Path, Params: e.Params})
		}
	}
	slices.SortStableFunc(calls, func(a, b Call) int { return a.Time.Compare(b.Time) })
	return calls
}

// at is the service as it was at a time; versions whose time is not exact may have been known a little earlier than they say.
func (r *Record) at(service string, when time.Time) *v1alpha1.NixMoxService {
	var found *v1alpha1.NixMoxService
	for _, v := range r.services[service] {
		if v.Time.After(when) {
			break
		}
		found = v.service
	}
	return found
}

var lxcPath = regexp.MustCompile(`^/nodes/[^/]+/lxc(?:/(\d+)(/.*)?)?$`)

// step names what a call does to a container, as the kinds of operations do; empty for what is none of them.
func (c Call) step() (kind string, vmid int) {
	parts := lxcPath.FindStringSubmatch(c.Path)
	if parts == nil {
		return "", 0
	}
	vmid, _ = strconv.Atoi(parts[1])
	switch c.Method + " " + parts[2] {
	case "POST ":
		if parts[1] == "" {
			vmid, _ = strconv.Atoi(c.Params["vmid"])
			return "Create", vmid
		}
	case "POST /status/start":
		return "Start", vmid
	case "POST /status/shutdown":
		return "Shutdown", vmid
	case "POST /status/stop", "POST /status/reboot":
		return "Stop", vmid
	case "POST /migrate":
		return "Migrate", vmid
	case "PUT /resize":
		return "Grow", vmid
	case "PUT /config":
		return "Configure", vmid
	case "DELETE ":
		return "Destroy", vmid
	}
	return c.Method + parts[2], vmid
}

// container finds the one at a VMID when the call arrived.
func (c Call) container(vmid int) (pvesim.Container, bool) {
	for _, g := range c.Before {
		if g.VMID == vmid {
			return g, true
		}
	}
	return pvesim.Container{}, false
}

// markOf is the marker by which a container is ours: of our instance, and not a copy's.
func (r *Record) markOf(c pvesim.Container) (marker.Marker, bool) {
	m, _, ok := marker.Parse(c.Config["description"])
	return m, ok && m.Instance == r.Instance && m.VMID == c.VMID
}

// volume is the volume id in a configuration's value, such as local-zfs:subvol-900-disk-0.
func volume(value string) string {
	id, _, _ := strings.Cut(value, ",")
	if !strings.Contains(id, ":") || strings.HasPrefix(id, "/") {
		return "" // a bind mount
	}
	return id
}

// VolumesOf are the ids of all disks of a container.
func VolumesOf(c pvesim.Container) []string {
	var ids []string
	for key, value := range c.Config {
		if id := volume(value); id != "" && (key == "rootfs" || strings.HasPrefix(key, "mp") || strings.HasPrefix(key, "unused")) {
			ids = append(ids, id)
		}
	}
	return ids
}
