package proxmox_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func answering(t *testing.T, data string) *proxmox.Client {
	t.Helper()
	return newClient(t, options(newFake(t, always(ok(data))).URL))
}

func TestVersion(t *testing.T) {
	got, err := answering(t, `{"version":"9.2.11","release":"9.2","repoid":"x"}`).Version(t.Context())
	if err != nil || got != (proxmox.Version{Version: "9.2.11", Release: "9.2"}) {
		t.Errorf("Version = %+v, %v", got, err)
	}
	for _, tt := range []struct {
		version      proxmox.Version
		major, minor int
		want         bool
	}{
		{proxmox.Version{Version: "9.2.11"}, 8, 4, true},
		{proxmox.Version{Version: "9.2.11"}, 9, 2, true},
		{proxmox.Version{Version: "9.2.11"}, 9, 3, false},
		{proxmox.Version{Version: "8.10.1"}, 8, 4, true},
		{proxmox.Version{Version: "7.4-3"}, 7, 4, true},
		{proxmox.Version{Version: "7.4-3"}, 8, 0, false},
		{proxmox.Version{Release: "8.4"}, 8, 4, true},
		{proxmox.Version{Version: "9"}, 9, 0, true},
		{proxmox.Version{Version: "9.0~beta1"}, 9, 0, true},
		{proxmox.Version{}, 1, 0, false},
		{proxmox.Version{Version: "unknown"}, 0, 0, false},
	} {
		if got := tt.version.AtLeast(tt.major, tt.minor); got != tt.want {
			t.Errorf("%+v at least %d.%d: %t", tt.version, tt.major, tt.minor, got)
		}
	}
}

func TestResources(t *testing.T) {
	client := answering(t, `[
		{"id":"lxc/101","type":"lxc","vmid":101,"node":"pve1","status":"running","name":"dns","uptime":77,"template":0,"maxcpu":0.5,
		 "maxmem":536870912,"maxdisk":2147483648,"tags":"nixmox;b","pool":"p","lock":"backup","cpu":0.01,"hastate":"started"},
		{"id":"lxc/100","type":"lxc","vmid":"100","node":"pve2","status":"unknown"},
		{"id":"qemu/200","type":"qemu","vmid":200,"node":"pve1","status":"stopped","template":"1","maxcpu":"4","maxmem":"1024","maxdisk":1.5},
		{"id":"node/pve1","type":"node","node":"pve1","status":"online","maxcpu":2,"maxmem":8000,"mem":3000,"uptime":5},
		{"id":"node/pve2","type":"node","node":"pve2","status":"offline"},
		{"id":"storage/pve1/local","type":"storage","storage":"local","node":"pve1","status":"available","shared":0,"content":"vztmpl,rootdir","plugintype":"dir","maxdisk":9,"disk":"3"},
		{"id":"storage/pve1/nfs","type":"storage","storage":"nfs","node":"pve1","status":"available","shared":true,"content":"backup"},
		{"id":"sdn/pve1/localnetwork","type":"sdn","sdn":"localnetwork","node":"pve1","status":"ok"},
		{"id":"something/new","type":"something","vmid":{"odd":[]}}]`)
	got, err := client.Resources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := proxmox.Resources{
		Guests: []proxmox.Guest{
			{VMID: 100, Node: "pve2", Type: "lxc", Status: "unknown"},
			{
				VMID: 101, Node: "pve1", Type: "lxc", Name: "dns", Status: "running", Lock: "backup", Tags: []string{"nixmox", "b"},
				MaxMemBytes: 512 * proxmox.MiB, MaxDiskBytes: 2 * proxmox.GiB, MaxCPU: 0.5, UptimeSeconds: 77, Pool: "p", HAState: "started",
			},
			{VMID: 200, Node: "pve1", Type: "qemu", Status: "stopped", Template: true, MaxCPU: 4, MaxMemBytes: 1024, MaxDiskBytes: 1},
		},
		Nodes: []proxmox.Node{
			{Name: "pve1", Online: true, MaxCPU: 2, MaxMemBytes: 8000, MemBytes: 3000, UptimeSeconds: 5},
			{Name: "pve2"},
		},
		Storages: []proxmox.Storage{
			{
				Name: "local", Node: "pve1", Type: "dir", Content: []string{"vztmpl", "rootdir"}, Status: "available",
				MaxDiskBytes: 9, UsedDiskBytes: 3,
			},
			{Name: "nfs", Node: "pve1", Shared: true, Content: []string{"backup"}, Status: "available"},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAGuestWithoutIdentityIsNotOverlooked(t *testing.T) {
	for name, data := range map[string]string{
		"no VMID":            `[{"id":"lxc/100","type":"lxc","node":"pve1"}]`,
		"a VMID of nonsense": `[{"id":"lxc/100","type":"lxc","node":"pve1","vmid":"abc"}]`,
		"no node":            `[{"id":"lxc/100","type":"lxc","vmid":100}]`,
		"null for the list":  `null`,
	} {
		if _, err := answering(t, data).Resources(t.Context()); !errors.Is(err, proxmox.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestVMIDFree(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   bool
		fails  bool
	}{
		"free, as text":       {ok(`"100"`), true, false},
		"free, as a number":   {ok(`100`), true, false},
		"taken":               {badParameter("vmid", "VM 100 already exists"), false, false},
		"not a VMID":          {badParameter("vmid", "invalid format"), false, true},
		"another VMID":        {ok(`"101"`), false, true},
		"nothing":             {ok(`null`), false, true},
		"the node is down":    {answer{status: 595}, false, true},
		"exists, but not 400": {refused(500, "CT 100 already exists"), false, true},
	} {
		got, err := newClient(t, options(newFake(t, always(tt.answer)).URL)).VMIDFree(t.Context(), 100)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}

func TestStatus(t *testing.T) {
	got, err := answering(t, `{"cpu":0,"cpus":"0.5","ha":{"managed":1},"maxmem":134217728,"mem":5,"maxdisk":1073741824,
		"name":"life","status":"running","tags":"a;b","type":"lxc","uptime":9,"vmid":"691","pid":4711,"lock":"mounted"}`).Status(t.Context(), "pve1", 691)
	want := proxmox.Status{
		VMID: 691, Name: "life", Status: "running", Lock: "mounted", Tags: []string{"a", "b"}, HAManaged: true,
		CPUs: 0.5, MemBytes: 5, MaxMemBytes: 128 * proxmox.MiB, MaxDiskBytes: proxmox.GiB, UptimeSeconds: 9, PID: 4711,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || !got.Running() {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestTasks(t *testing.T) {
	const running = "UPID:pve1:00000001:00000001:6553F100:vzshutdown:684:root@pam!lab:"
	got, err := answering(t, `[
		{"upid":"`+running+`","status":"RUNNING","saved":"0","user":"root@pam!lab","starttime":1700000000},
		{"upid":"`+exampleUPID+`","status":"WARNINGS: 2","starttime":1700000000,"endtime":"1700000005"},
		{"upid":"`+exampleUPID+`","status":"CT is locked (backup)","endtime":1700000005},
		{"upid":"`+exampleUPID+`","endtime":1700000005},
		{"upid":"`+exampleUPID+`"}]`).Tasks(t.Context(), "pve1", proxmox.TaskFilter{})
	if err != nil {
		t.Fatal(err)
	}
	type short struct {
		Running, OK bool
		Exit        string
		Warnings    int
		End         int64
		Locked      bool
	}
	var seen []short
	for _, task := range got {
		end := int64(0)
		if !task.EndTime.IsZero() {
			end = task.EndTime.Unix()
		}
		seen = append(seen, short{task.Running, task.OK(), task.ExitStatus, task.Warnings(), end, proxmox.IsLocked(task.Err())})
	}
	want := []short{
		{Running: true},
		{OK: true, Exit: "WARNINGS: 2", Warnings: 2, End: 1700000005},
		{Exit: "CT is locked (backup)", End: 1700000005, Locked: true},
		{Exit: "unexpected status", End: 1700000005},
		{Running: true},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got[0].StartTime.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("started %s", got[0].StartTime)
	}
}

func TestTask(t *testing.T) {
	upid, _ := proxmox.ParseUPID(exampleUPID)
	for name, tt := range map[string]struct {
		data              string
		running, ok, fail bool
	}{
		"running":                {`{"status":"running"}`, true, false, false},
		"well":                   {`{"status":"stopped","exitstatus":"OK"}`, false, true, false},
		"well with warnings":     {`{"status":"stopped","exitstatus":"WARNINGS: 1"}`, false, true, false},
		"failed":                 {`{"status":"stopped","exitstatus":"unable to create CT 100 - no space"}`, false, false, true},
		"only nearly well":       {`{"status":"stopped","exitstatus":"OK, almost"}`, false, false, true},
		"died without last line": {`{"status":"stopped"}`, false, false, true},
	} {
		got, err := answering(t, tt.data).Task(t.Context(), upid)
		if err != nil || got.Running != tt.running || got.OK() != tt.ok || (got.Err() != nil) != tt.fail || got.UPID != upid {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := answering(t, `{"status":"???"}`).Task(t.Context(), upid); !errors.Is(err, proxmox.ErrMalformed) {
		t.Errorf("a strange status: %v", err)
	}
}

func TestTaskLog(t *testing.T) {
	upid, _ := proxmox.ParseUPID(exampleUPID)
	for name, tt := range map[string]struct {
		data  string
		limit int
		want  []string
		gone  bool
	}{
		"all":           {`[{"n":1,"t":"a"},{"n":2,"t":"b"},{"n":3,"t":"TASK OK"}]`, 0, []string{"a", "b", "TASK OK"}, false},
		"the last":      {`[{"n":1,"t":"a"},{"n":2,"t":"b"},{"n":3,"t":"TASK OK"}]`, 2, []string{"b", "TASK OK"}, false},
		"nothing yet":   {`[{"n":1,"t":"no content"}]`, 5, nil, false},
		"a log is gone": {`[{"n":1,"t":"unable to open file - No such file or directory"}]`, 5, nil, true},
	} {
		got, err := answering(t, tt.data).TaskLog(t.Context(), upid, tt.limit)
		if diff := cmp.Diff(tt.want, got); diff != "" || proxmox.IsNoSuchTask(err) != tt.gone || (err != nil) != tt.gone {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestStoragesAndContent(t *testing.T) {
	storages, err := answering(t, `[{"storage":"nfs","type":"nfs","shared":1,"active":"0","enabled":1,"content":"backup"},
		{"active":1,"avail":"5","content":"rootdir,vztmpl","enabled":1,"shared":0,"storage":"local","total":1e3,"type":"dir","used":4.7}]`).Storages(t.Context(), "pve1")
	want := []proxmox.NodeStorage{
		{Name: "local", Type: "dir", Content: []string{"rootdir", "vztmpl"}, Active: true, Enabled: true, TotalBytes: 1000, UsedBytes: 4, FreeBytes: 5},
		{Name: "nfs", Type: "nfs", Content: []string{"backup"}, Enabled: true, Shared: true},
	}
	if diff := cmp.Diff(want, storages); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	volumes, err := answering(t, `[{"volid":"local:vztmpl/a.tar.xz","format":"txz","size":12,"content":"vztmpl","ctime":1700000000},
		{"volid":"local:100/vm-100-disk-0.raw","format":"raw","size":"99","used":3,"content":"rootdir","vmid":"100"}]`).
		StorageContent(t.Context(), "pve1", "local", "")
	wantVolumes := []proxmox.Volume{
		{VolID: "local:100/vm-100-disk-0.raw", Format: "raw", SizeBytes: 99, UsedBytes: 3, Content: "rootdir", VMID: 100},
		{VolID: "local:vztmpl/a.tar.xz", Format: "txz", SizeBytes: 12, Content: "vztmpl", Created: time.Unix(1700000000, 0).UTC()},
	}
	if diff := cmp.Diff(wantVolumes, volumes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestPermissions(t *testing.T) {
	got, err := answering(t, `{"/":{"Sys.Audit":0},"/vms":{"VM.Audit":1,"VM.Allocate":"1"},"/vms/100":{"VM.Audit":0},"/storage/local":{}}`).
		Permissions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, privilege string
		want            bool
	}{
		{"/", "Sys.Audit", true},
		{"/nodes/pve1", "Sys.Audit", false}, // does not reach down
		{"/vms", "VM.Allocate", true},
		{"/vms/200", "VM.Allocate", true},
		{"/vms/100", "VM.Audit", true},
		{"/vms/100", "VM.Allocate", false}, // its own entry replaces the one above
		{"/vms/100/x", "VM.Audit", false},
		{"/storage/local", "Datastore.Audit", false},
	} {
		if has := got.Has(tt.path, tt.privilege); has != tt.want {
			t.Errorf("%s at %s: %t", tt.privilege, tt.path, has)
		}
	}
}

func TestNodes(t *testing.T) {
	got, err := answering(t, `[{"node":"pve2","status":"offline"},{"node":"pve1","status":"online","maxcpu":2,"maxmem":10,"mem":4,"uptime":3,"ssl_fingerprint":"AA:BB"}]`).
		Nodes(t.Context())
	want := []proxmox.Node{
		{Name: "pve1", Online: true, MaxCPU: 2, MaxMemBytes: 10, MemBytes: 4, UptimeSeconds: 3, Fingerprint: "AA:BB"},
		{Name: "pve2"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
