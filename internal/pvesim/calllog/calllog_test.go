package calllog_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 0, 0, 123456789, time.UTC)
	want := []calllog.Entry{
		{Time: at, Kind: calllog.KindCall, Method: "POST", Path: "/nodes/pve1/lxc", Params: map[string]string{"vmid": "100"}, Status: 200},
		{Time: at, Kind: calllog.KindTaskEnd, UPID: "UPID:pve1:", Type: "vzcreate", Node: "pve1", VMID: 100, ExitStatus: "OK"},
		{Time: at, Kind: calllog.KindServiceReady, VMID: 100, Hostname: "dns.nixmox.lan", Units: []string{"unbound"}},
	}
	var file bytes.Buffer
	writer := calllog.NewWriter(&file)
	for _, entry := range want {
		writer.Write(entry)
	}
	file.WriteString(`{"time":"2026-11-23T06:00`)

	got, err := calllog.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAForeignLineIsNamed(t *testing.T) {
	if _, err := calllog.Read(bytes.NewBufferString("{}\nnonsense\n")); err == nil {
		t.Error("a line that is no JSON was accepted")
	}
}
