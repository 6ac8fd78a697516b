package pvesim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// bare calls the simulator without a network, thousands of times a second.
func bare(t testing.TB, sim *pvesim.Simulator, verb, path string, params url.Values) (status int, body map[string]any) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), verb, "/api2/json"+path, strings.NewReader(params.Encode()))
	if verb == http.MethodGet {
		request = httptest.NewRequestWithContext(t.Context(), verb, "/api2/json"+path, nil)
	}
	request.Header.Set("Authorization", "PVEAPIToken=root@pam!lab=aaaa")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	sim.Handler().ServeHTTP(recorder, request)
	if err := json.Unmarshal(recorder.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s %s %v: the answer is no JSON: %v\n%s", verb, path, params, err, recorder.Body)
	}
	return recorder.Code, body
}

// Whatever is sent to a stopped container's configuration: the answer is one that the API knows, a fault names what is
// wrong and changes nothing, and what was taken can be read back and sent again without changing the digest.
func FuzzConfigChange(f *testing.F) {
	world := pvesimtest.World(f, worldText)
	sim, err := pvesim.New(world, pvesim.Options{TimeScale: 1e6})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(sim.Close)
	for _, seed := range [][2]string{
		{"memory", "640"}, {"memory", "8"}, {"net1", "name=eth1,bridge=vmbr0,ip=dhcp"}, {"net0", "name=eth0,bridge=vmbr9"}, {"mp0", "thin:1,mp=/data"},
		{"mp0", "local:100/x.raw,mp=/"}, {"tags", "b;A"}, {"tags", ""}, {"description", "a\nb: c\n[x]"}, {"startup", "order=1"}, {"features", "nesting=1"},
		{"nameserver", "1.1.1.1 fe80::1%eth0"}, {"delete", "memory"}, {"delete", "net0,swap"}, {"revert", "net0"}, {"digest", "x"}, {"hostname", "a.b"},
		{"rootfs", "thin:vm-100-disk-0,size=4G"}, {"unused0", "x"}, {"cpulimit", "1e2"}, {"lock", "backup"}, {"net0", ""}, {"hostname", "a\nlock: create"}, {"mp0", "thin:0,mp=/a\n"},
	} {
		f.Add(seed[0], seed[1])
	}
	const config = "/nodes/pve1/lxc/100/config"
	f.Fuzz(func(t *testing.T, key, value string) {
		if !utf8.ValidString(value) {
			t.Skip() // JSON cannot say it, so it cannot be sent again
		}
		err := sim.AddGuest(pvesim.Guest{VMID: 100, Config: map[string]string{
			"hostname": "ct100", "memory": "512", "ostype": "alpine", "arch": "amd64", "rootfs": "thin:vm-100-disk-0,size=4G",
			"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth",
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := sim.Delete(100); err != nil {
				t.Fatal(err)
			}
		}()
		_, before := bare(t, sim, http.MethodGet, config, nil)
		status, answer := bare(t, sim, http.MethodPut, config, url.Values{key: {value}})
		after := func() any {
			status, now := bare(t, sim, http.MethodGet, config, nil)
			if status != http.StatusOK {
				t.Fatalf("%s=%q: the configuration cannot be read any more: %v", key, value, now)
			}
			return now["data"]
		}
		switch status {
		case http.StatusOK:
			checkStable(t, sim, key, value, after)
		case http.StatusBadRequest:
			faults, _ := answer["errors"].(map[string]any)
			if len(faults) == 0 {
				t.Errorf("%s=%q: a fault that names nothing: %v", key, value, answer)
			}
			if diff := cmp.Diff(before["data"], after()); diff != "" {
				t.Errorf("%s=%q was refused, and yet (-before +after):\n%s", key, value, diff)
			}
		case http.StatusForbidden, http.StatusInternalServerError:
			if message, _ := answer["message"].(string); message == "" {
				t.Errorf("%s=%q: %d without a message: %v", key, value, status, answer)
			}
			after()
		default:
			t.Errorf("%s=%q: status %d %v", key, value, status, answer)
		}
	})
}

// checkStable sends what was read back once more, as careful clients do: nothing may change.
func checkStable(t *testing.T, sim *pvesim.Simulator, key, value string, read func() any) {
	t.Helper()
	first, _ := read().(map[string]any)
	stored, isText := first[key].(string)
	if !isText || strings.TrimSpace(stored) == "" || strings.HasPrefix(key, "unused") || key == "lock" || key == "digest" {
		return
	}
	if key == "description" {
		stored = strings.TrimSuffix(stored, "\n")
	}
	status, answer := bare(t, sim, http.MethodPut, "/nodes/pve1/lxc/100/config", url.Values{key: {stored}})
	if status != http.StatusOK {
		t.Errorf("%s=%q is stored as %q, which is refused: %v", key, value, stored, answer)
		return
	}
	if diff := cmp.Diff(any(first), read()); diff != "" {
		t.Errorf("%s=%q is not stable (-first +second):\n%s", key, value, diff)
	}
}
