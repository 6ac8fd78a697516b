package proxmox_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

const exampleUPID = "UPID:pve1:00003039:000F1206:6553F100:vzcreate:100:root@pam!tok:"

func TestParseUPID(t *testing.T) {
	got, err := proxmox.ParseUPID(exampleUPID)
	if err != nil {
		t.Fatal(err)
	}
	want := proxmox.UPID{
		Node: "pve1", PID: 12345, PStart: 987654, StartTime: time.Unix(1700000000, 0).UTC(),
		Type: "vzcreate", ID: "100", User: "root@pam!tok",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.VMID() != 100 {
		t.Errorf("VMID() = %d", got.VMID())
	}
}

func TestParseUPIDRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                  "",
		"no trailing colon":        "UPID:pve1:00003039:000F1206:6553F100:vzcreate:100:root@pam",
		"placeholders":             "UPID:pve1:PID:PSTART:STARTTIME:vzcreate:684:root@pam!lab:",
		"a slash in the node":      "UPID:pve/1:00003039:000F1206:6553F100:vzcreate:100:root@pam:",
		"a space in the type":      "UPID:pve1:00003039:000F1206:6553F100:vz create:100:root@pam:",
		"something in front of it": " " + exampleUPID,
	} {
		if got, err := proxmox.ParseUPID(s); err == nil {
			t.Errorf("%s: %q parses as %+v", name, s, got)
		}
	}
}

func TestUPIDOfOtherWork(t *testing.T) {
	for id, want := range map[string]proxmox.VMID{"": 0, "local": 0, "100-mp0>101-mp0": 100, "604": 604} {
		if got := (proxmox.UPID{ID: id}).VMID(); got != want {
			t.Errorf("id %q has VMID %d, want %d", id, got, want)
		}
	}
	if s := (proxmox.UPID{}).String(); s != "" {
		t.Errorf("no task is %q", s)
	}
}

func TestUPIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := proxmox.UPID{
			Node:      rapid.StringMatching(`[a-z]([a-z0-9-]{0,10}[a-z0-9])?`).Draw(t, "node"),
			PID:       rapid.Uint32().Draw(t, "pid"),
			PStart:    rapid.Uint64Range(0, 0xFFFFFFFFF).Draw(t, "pstart"),
			StartTime: time.Unix(int64(rapid.Uint32().Draw(t, "start")), 0).UTC(),
			Type:      rapid.StringMatching(`[a-z]{2,12}`).Draw(t, "type"),
			ID:        rapid.StringMatching(`[0-9a-z>-]{0,12}`).Draw(t, "id"),
			User:      rapid.StringMatching(`[a-z]{1,8}@[a-z]{2,4}(![a-z]{1,6})?`).Draw(t, "user"),
		}
		got, err := proxmox.ParseUPID(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

func FuzzParseUPID(f *testing.F) {
	f.Add(exampleUPID)
	f.Fuzz(func(t *testing.T, s string) {
		upid, err := proxmox.ParseUPID(s)
		if err != nil {
			return
		}
		again, err := proxmox.ParseUPID(upid.String())
		if err != nil || again != upid {
			t.Fatalf("%q: %+v became %+v, %v", s, upid, again, err)
		}
	})
}
