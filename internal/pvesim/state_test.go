package pvesim_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

func TestTheStateSurvivesARestart(t *testing.T) {
	c := start(t)
	c.caddy("100")
	c.create("101", "mp0=thin:1,mp=/data")
	c.ok("PUT", lxc+"/100/config", "nameserver=9.9.9.9")
	c.until("the service is ready", func() bool {
		container, _ := c.sim.Container(100)
		return container.Ready["caddy"]
	})
	path := filepath.Join(t.TempDir(), "state.json")
	if err := c.sim.SaveState(path); err != nil {
		t.Fatal(err)
	}
	before, volumes, digest := c.sim.Containers(), c.sim.Volumes(), c.config("101")["digest"]

	c.sim = pvesimtest.Start(t, pvesimtest.World(t, worldText), pvesim.Options{TimeScale: 50})
	if err := c.sim.LoadState(path); err != nil {
		t.Fatal(err)
	}
	c.until("the service is ready again", func() bool {
		container, _ := c.sim.Container(100)
		return container.Ready["caddy"]
	})
	if diff := cmp.Diff(before, c.sim.Containers()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(volumes, c.sim.Volumes()); diff != "" {
		t.Error(diff)
	}
	if got := c.config("101")["digest"]; got != digest {
		t.Errorf("the digest was %v and is %v", digest, got)
	}
}

func TestTheStateIsKeptWhileItRuns(t *testing.T) {
	c := start(t)
	path := filepath.Join(t.TempDir(), "state.json")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.sim.KeepState(ctx, path) }()
	c.create("101")
	now := filepath.Join(t.TempDir(), "now.json")
	if err := c.sim.SaveState(now); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(now)
	if err != nil || !strings.Contains(string(want), `"vmid": 101`) {
		t.Fatalf("%s, %v", want, err)
	}
	c.until("the file is as the simulator is", func() bool {
		data, _ := os.ReadFile(path)
		return string(data) == string(want)
	})
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written again, though nothing changed (%v)", err)
	}
}

func TestABrokenStateFileIsRefused(t *testing.T) {
	c := start(t)
	path := filepath.Join(t.TempDir(), "state.json")
	if err := c.sim.LoadState(path); err != nil {
		t.Errorf("no file is no error, got %v", err)
	}
	for text, want := range map[string]string{
		`{"guests":`: "is no state file of pvesim",
		`{"guests":[{"vmid":100,"node":"pve7","config":""}]}`: `on node "pve7"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.sim.LoadState(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
