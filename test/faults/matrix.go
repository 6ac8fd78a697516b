package faults

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// Call is one that the controller makes.
type Call struct {
	Name, Method, Path string
	// Task is the type of the task that it starts, if it starts one.
	Task string
}

// Calls are all of them.
var Calls = []Call{
	{"list", http.MethodGet, "/cluster/resources", ""},
	{"version", http.MethodGet, "/version", ""},
	{"configuration", http.MethodGet, "/nodes/*/lxc/*/pending", ""},
	{"task", http.MethodGet, "/nodes/*/tasks/*", ""},
	{"tasks", http.MethodGet, "/nodes/*/tasks", ""},
	{"free VMID", http.MethodGet, "/cluster/nextid", ""},
	{"create", http.MethodPost, "/nodes/*/lxc", "vzcreate"},
	{"start", http.MethodPost, "/nodes/*/lxc/*/status/start", "vzstart"},
	{"shutdown", http.MethodPost, "/nodes/*/lxc/*/status/shutdown", "vzshutdown"},
	{"configure", http.MethodPut, "/nodes/*/lxc/*/config", ""},
	{"grow", http.MethodPut, "/nodes/*/lxc/*/resize", "resize"},
	{"may migrate", http.MethodGet, "/nodes/*/lxc/*/migrate", ""},
	{"migrate", http.MethodPost, "/nodes/*/lxc/*/migrate", "vzmigrate"},
	{"destroy", http.MethodDelete, "/nodes/*/lxc/*", "vzdestroy"},
}

// moves is whether a life needs a move to meet this call.
func (c Call) moves() bool { return strings.HasSuffix(c.Path, "/migrate") }

// matches is whether a path of the call log is one of this call.
func (c Call) matches(method, path string) bool {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(c.Path), `\*`, "[^/]*") + "(/status)?$"
	return method == c.Method && regexp.MustCompile(pattern).MatchString(path)
}

// Kind is one way to go wrong.
type Kind struct {
	Name  string
	Fault pvesim.Fault
	// Task is for calls that start a task: that fails.
	Task bool
}

// Kinds are all of them.
var Kinds = []Kind{
	{"slow, 35 s", pvesim.Fault{Delay: 35}, false},
	{"HTTP 500", pvesim.Fault{Status: 500, Text: "something went wrong at line 42"}, false},
	{"task fails", pvesim.Fault{Text: "command failed: exit code 1"}, true},
	{"reply lost", pvesim.Fault{Lost: true, AfterEffect: true}, false},
	{"595", pvesim.Fault{Status: 595}, false},
	{"596", pvesim.Fault{Status: 596}, false},
	{"401", pvesim.Fault{Status: 401}, false},
	{"403", pvesim.Fault{Status: 403, Text: "Permission check failed (/vms/900, VM.Allocate)"}, false},
	{"lock time-out", pvesim.Fault{Status: 500, Text: "can't lock file '/run/lock/lxc/pve-config-900.lock' - got timeout"}, false},
	{"no quorum", pvesim.Fault{Status: 500, Text: "cluster not ready - no quorum?"}, false},
	{"malformed", pvesim.Fault{Garble: "malformed"}, false},
	{"truncated", pvesim.Fault{Garble: "truncated"}, false},
	{"reset", pvesim.Fault{Lost: true}, false},
}

// Durations are how often each strikes; 0 is for a while.
var Durations = []int{1, 3, 0}

// Case is one cell of the matrix.
type Case struct {
	Call  Call
	Kind  Kind
	Times int
}

func (c Case) String() string {
	times := map[int]string{0: "for a while", 1: "once", 3: "three times"}[c.Times]
	return fmt.Sprintf("%s: %s, %s", c.Call.Name, c.Kind.Name, times)
}

// Cases are all cells: a call that starts no task has none that fails.
func Cases() []Case {
	var all []Case
	for _, call := range Calls {
		for _, kind := range Kinds {
			for _, times := range Durations {
				if !kind.Task || call.Task != "" {
					all = append(all, Case{call, kind, times})
				}
			}
		}
	}
	return all
}

// fault is the simulator's for a cell.
func (c Case) fault() pvesim.Fault {
	f := c.Kind.Fault
	f.Name, f.Times = "matrix", c.Times
	if c.Kind.Task {
		f.TaskType = c.Call.Task
	} else {
		f.Method, f.Path = c.Call.Method, c.Call.Path
	}
	return f
}
