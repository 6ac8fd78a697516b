package proxmox_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestConfig(t *testing.T) {
	got, err := answering(t, `{
		"digest":"d1gest","hostname":"full.example.com","description":"first line\nsecond: line\n","tags":"db;prod","ostype":"nixos","arch":"amd64",
		"memory":256,"swap":"128","cores":2,"cpulimit":"1.5","cpuunits":200,
		"rootfs":"local:624/vm-624-disk-0.raw,size=1G","mp0":"local:624/vm-624-disk-1.raw,mp=/data,backup=1,size=1G",
		"mp12":"/tank/x,mp=/x","unused0":"local:624/vm-624-disk-2.raw",
		"net0":"name=eth0,bridge=vmbr0,firewall=1,gw=10.77.0.1,hwaddr=02:00:00:00:06:24,ip=10.77.0.24/24,type=veth",
		"nameserver":"10.77.0.1 1.1.1.1","searchdomain":"example.com","timezone":"Europe/Berlin",
		"features":"nesting=1","startup":"order=3,up=10","onboot":true,"protection":"0","unprivileged":1,"console":0,"template":null,
		"lxc":[["lxc.mount.entry","/a b none bind"],["odd"]]}`).Config(t.Context(), "pve1", 624)
	if err != nil {
		t.Fatal(err)
	}
	want := &proxmox.Config{
		Digest: "d1gest", Hostname: "full.example.com", Description: "first line\nsecond: line", Tags: []string{"db", "prod"},
		OSType: "nixos", Arch: "amd64", MemoryMiB: 256, SwapMiB: 128, Cores: 2, CPULimit: 1.5, CPUUnits: 200,
		RootFS: proxmox.Mount{Volume: "local:624/vm-624-disk-0.raw", Size: "1G"},
		Mounts: map[int]proxmox.Mount{
			0:  {Volume: "local:624/vm-624-disk-1.raw", Path: "/data", Backup: true, Size: "1G"},
			12: {Volume: "/tank/x", Path: "/x"},
		},
		Nets: map[int]proxmox.Net{0: {
			Name: "eth0", Bridge: "vmbr0", Firewall: true, Gateway: "10.77.0.1", HWAddr: "02:00:00:00:06:24", IP: "10.77.0.24/24", Type: "veth",
		}},
		Unused:      map[int]string{0: "local:624/vm-624-disk-2.raw"},
		Nameservers: []string{"10.77.0.1", "1.1.1.1"}, SearchDomains: []string{"example.com"}, Timezone: "Europe/Berlin",
		Features: proxmox.Features{Nesting: true}, Startup: proxmox.Startup{Order: pointer(3), UpSeconds: pointer(10)},
		OnBoot: true, Unprivileged: true,
		LXC: [][2]string{{"lxc.mount.entry", "/a b none bind"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(proxmox.Config{}, "Raw")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.Has("console") || got.Raw["console"] != "0" || got.Raw["cpulimit"] != "1.5" || got.Raw["onboot"] != "1" || got.Has("template") || got.Has("env") {
		t.Errorf("raw %v", got.Raw)
	}
}

func pointer[T any](value T) *T { return &value }

func TestConfigWhileTheContainerIsMade(t *testing.T) {
	got, err := answering(t, `{"lock":"create","digest":"x"}`).Config(t.Context(), "pve1", 100)
	if err != nil || got.Lock != "create" || got.Hostname != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBlankValues: a cleared key can read back as one space.
func TestBlankValues(t *testing.T) {
	got, err := answering(t, `{"features":" ","tags":" ","memory":" ","onboot":" ","startup":" ","rootfs":" "}`).Config(t.Context(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Features.Equal(proxmox.Features{}) || len(got.Tags) != 0 || got.MemoryMiB != 0 || got.OnBoot {
		t.Errorf("%+v", got)
	}
}

func TestConfigNamesTheKeyItCannotRead(t *testing.T) {
	for _, key := range []string{"net3", "mp7", "rootfs", "features", "startup"} {
		_, err := answering(t, `{"`+key+`":"a=1,a=2"}`).Config(t.Context(), "pve1", 100)
		if !errors.Is(err, proxmox.ErrMalformed) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestPending(t *testing.T) {
	client := answering(t, `[{"key":"arch","value":"amd64"},{"key":"console","pending":0},{"key":"digest","value":"d"},
		{"key":"nameserver","pending":"8.8.8.8","value":"1.1.1.1"},{"key":"mp0","value":"a:b,mp=/x","delete":1},{"key":"tty","value":2,"delete":"2"}]`)
	items, err := client.Pending(t.Context(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	want := []proxmox.PendingItem{
		{Key: "arch", Value: pointer("amd64")},
		{Key: "console", Pending: pointer("0")},
		{Key: "digest", Value: pointer("d")},
		{Key: "nameserver", Value: pointer("1.1.1.1"), Pending: pointer("8.8.8.8")},
		{Key: "mp0", Value: pointer("a:b,mp=/x"), Delete: true},
		{Key: "tty", Value: pointer("2"), Delete: true},
	}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var waiting []string
	for _, item := range items {
		if item.Changes() {
			waiting = append(waiting, item.Key)
		}
	}
	if !slices.Equal(waiting, []string{"console", "nameserver", "mp0", "tty"}) {
		t.Errorf("waiting: %v", waiting)
	}
}

func TestView(t *testing.T) {
	view, err := answering(t, `[{"key":"digest","value":"d"},{"key":"nameserver","pending":"8.8.8.8","value":"1.1.1.1"},
		{"key":"mp0","value":"a:b,mp=/x","delete":1},{"key":"onboot","pending":1},{"key":"memory","value":512}]`).View(t.Context(), "pve1", 100)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mp0", "nameserver", "onboot"}, view.Pending); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	live, future := view.Live, view.Future
	if !slices.Equal(live.Nameservers, []string{"1.1.1.1"}) || len(live.Mounts) != 1 || live.OnBoot || live.MemoryMiB != 512 || live.Digest != "d" {
		t.Errorf("live %+v", live)
	}
	if !slices.Equal(future.Nameservers, []string{"8.8.8.8"}) || len(future.Mounts) != 0 || !future.OnBoot || future.MemoryMiB != 512 || future.Digest != "d" {
		t.Errorf("future %+v", future)
	}
	for _, data := range []string{`[{"key":"net0","value":"a=1,a=2"}]`, `[{"key":"net0","pending":"a=1,a=2"}]`} {
		if _, err := answering(t, data).View(t.Context(), "pve1", 100); !errors.Is(err, proxmox.ErrMalformed) {
			t.Errorf("%s: %v", data, err)
		}
	}
}

// TestTolerance: the same value comes in several shapes, and one odd value
// must not hide the rest.
func TestTolerance(t *testing.T) {
	for data, want := range map[string]float64{
		`"2"`: 2, `2`: 2, `"0.5"`: 0.5, `0.5`: 0.5, `1e3`: 1000, `" 3 "`: 3, `null`: 0, `""`: 0, `"abc"`: 0, `[1]`: 0, `{}`: 0, `"NaN"`: 0,
	} {
		got, err := answering(t, `{"status":"running","cpus":`+data+`}`).Status(t.Context(), "pve1", 100)
		if err != nil || got.CPUs != want {
			t.Errorf("number %s reads as %v, %v", data, got.CPUs, err)
		}
	}
	for data, want := range map[string]int64{
		`"2"`: 2, `2`: 2, `2.9`: 2, `1e3`: 1000, `-1`: -1, `9007199254740993`: 9007199254740993, `1e300`: 0, `null`: 0, `"x"`: 0, `true`: 1,
	} {
		got, err := answering(t, `{"status":"running","uptime":`+data+`}`).Status(t.Context(), "pve1", 100)
		if err != nil || got.UptimeSeconds != want {
			t.Errorf("whole number %s reads as %v, %v", data, got.UptimeSeconds, err)
		}
	}
	for data, want := range map[string]bool{
		`1`: true, `"1"`: true, `true`: true, `"yes"`: true, `"on"`: true, `"true"`: true,
		`0`: false, `"0"`: false, `false`: false, `""`: false, `null`: false, `"no"`: false, `[]`: false,
	} {
		got, err := answering(t, `{"status":"running","template":`+data+`}`).Status(t.Context(), "pve1", 100)
		if err != nil || got.Template != want {
			t.Errorf("switch %s reads as %v, %v", data, got.Template, err)
		}
	}
	for data, want := range map[string]string{`"dns"`: "dns", `100`: "100", `null`: "", `true`: "1", `["x"]`: ""} {
		got, err := answering(t, `{"status":"running","name":`+data+`}`).Status(t.Context(), "pve1", 100)
		if err != nil || got.Name != want {
			t.Errorf("text %s reads as %q, %v", data, got.Name, err)
		}
	}
}
