package demo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// container logs a creation, a start and readiness: each a duration in seconds, from a second on.
func container(vmid int, from, create, start, ready float64) []calllog.Entry {
	at := func(s float64) time.Time {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
	}
	return []calllog.Entry{
		{Time: at(from), Kind: calllog.KindTaskStart, Type: "vzcreate", VMID: vmid},
		{Time: at(from + create), Kind: calllog.KindTaskEnd, Type: "vzcreate", VMID: vmid, ExitStatus: "OK"},
		{Time: at(from + create), Kind: calllog.KindTaskStart, Type: "vzstart", VMID: vmid},
		{Time: at(from + create + start), Kind: calllog.KindTaskEnd, Type: "vzstart", VMID: vmid, ExitStatus: "OK"},
		{Time: at(from + create + start + ready), Kind: calllog.KindServiceReady, VMID: vmid},
	}
}

func TestJudge(t *testing.T) {
	a := Service{Name: "a", VMID: 901, Phase: 1}
	b := Service{Name: "b", VMID: 902, Phase: 1, DependsOn: []string{"a"}}
	c := Service{Name: "c", VMID: 903, Phase: 2}
	for _, tc := range []struct {
		name      string
		rollout   Rollout
		bound     time.Duration
		violation string
	}{
		{"one after the other", Rollout{[]Service{a, c}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(903, 6, 2, 1, 3))}, 12 * time.Second, ""},
		{"the longest chain of a phase counts", Rollout{[]Service{a, b}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(902, 6, 2, 1, 1))}, 10 * time.Second, ""},
		{"with one slot the work counts", Rollout{[]Service{{Name: "x", VMID: 901, Phase: 1}, {Name: "y", VMID: 902, Phase: 1}}, 1,
			slices.Concat(container(901, 0, 4, 4, 0), container(902, 8, 4, 4, 0))}, 16 * time.Second, ""},
		{"a phase that began too early", Rollout{[]Service{a, c}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(903, 5.9, 2, 1, 3))},
			12 * time.Second, "c (phase 2) began before a (phase 1) was ready"},
		{"a dependent that began too early", Rollout{[]Service{a, b}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(902, 5, 2, 1, 1))},
			10 * time.Second, "b (phase 1) began before a (phase 1) was ready"},
		{"a container made twice", Rollout{[]Service{a}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(901, 9, 2, 1, 3))},
			15 * time.Second, "container 901 was created 2 times"},
		{"a container of nobody", Rollout{[]Service{a}, 4, slices.Concat(container(901, 0, 2, 1, 3), container(955, 0, 2, 1, 3))},
			6 * time.Second, "container 955 belongs to no service"},
		{"a service that never was ready", Rollout{[]Service{a}, 4, container(901, 0, 2, 1, 3)[:4]}, 0, "a: the log does not show"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := Judge(tc.rollout)
			if tc.violation == "" && len(j.Violations) > 0 || tc.violation != "" && !strings.Contains(strings.Join(j.Violations, "\n"), tc.violation) {
				t.Errorf("violations %q, want %q", j.Violations, tc.violation)
			}
			if j.Bound != tc.bound {
				t.Errorf("bound %v, want %v", j.Bound, tc.bound)
			}
		})
	}
}
