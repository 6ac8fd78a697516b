package demo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/samples"
	"github.com/nixmox/nixmox-controller/internal/demo"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/view"
	"github.com/nixmox/nixmox-controller/test/invariants"
	"github.com/nixmox/nixmox-controller/test/lab"
)

// kills is how often the process is killed during the roll-out.
const kills = 6

// The process with API server, database and controller is killed at random moments of a roll-out and started again with the same data.
// The simulated Proxmox lives on, as the real one would.
func TestKilledAtRandomMomentsItEndsWithTenContainersNoneTwice(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var log output

	world := filepath.Join(dir, "world.json")
	data, err := samples.FS.ReadFile("demo/world.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(world, data, 0o600); err != nil {
		t.Fatal(err)
	}
	calls := filepath.Join(dir, "calls.jsonl")
	sim, err := demo.StartProcess(ctx, &log, true, program(t, "pvesim"), "--world", world, "--listen", "127.0.0.1:0",
		"--control", "127.0.0.1:0", "--ssh", "127.0.0.1:0", "--call-log", calls, "--time-scale", "4")
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	t.Cleanup(func() { _ = sim.Kill() })
	pve, control, err := demo.ReadLine(sim.Line)
	if err != nil {
		t.Fatal(err)
	}

	up := func() (*demo.Process, client.Client) {
		process, err := demo.StartProcess(ctx, &log, true, program(t, "nixmox"), "up", "--data-dir", filepath.Join(dir, "data"),
			"--listen", "127.0.0.1:0", "--kubeconfig", filepath.Join(dir, "kubeconfig"),
			"--development-address-map", demo.AddressMap)
		if err != nil {
			t.Fatalf("%v\n%s", err, &log)
		}
		c, err := demo.Connect(filepath.Join(dir, "kubeconfig"))
		if err != nil {
			t.Fatal(err)
		}
		return process, c
	}
	process, c := up()
	if err := demo.Apply(ctx, c, samples.FS, "stack", pve); err != nil {
		t.Fatal(err)
	}
	for range kills {
		time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond) // the random moment
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		process, c = up()
	}
	progress, err := demo.Follow(ctx, c, func(svc *v1alpha1.NixMoxService, _ demo.Progress) {
		fmt.Fprintf(&log, "%s %s %s\n", svc.Name, svc.Status.State, view.Message(svc))
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if err := process.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	containers, err := lab.Containers(ctx, control)
	if err != nil {
		t.Fatal(err)
	}
	judge(t, calls, progress, containers)
}

// judge looks at the call log: every service has one container, and nobody began too early.
func judge(t *testing.T, calls string, progress demo.Progress, containers []pvesim.Container) {
	t.Helper()
	file, err := os.Open(calls)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rollout := demo.RolloutOf(progress, 4)
	if rollout.Log, err = calllog.Read(file); err != nil {
		t.Fatal(err)
	}
	if len(progress.Services) != 10 {
		t.Errorf("%d services", len(progress.Services))
	}
	for _, violation := range demo.Judge(rollout).Violations {
		t.Error(violation)
	}
	// No watch outlives the kills, so the rules that read the objects' history are not asked.
	record := &invariants.Record{Instance: "nixmox", Log: rollout.Log, Containers: containers, Services: map[string]bool{}}
	for i := range progress.Services {
		record.Services[progress.Services[i].Namespace+"/"+progress.Services[i].Name] = true
	}
	for _, rule := range []func(*invariants.Record) []string{
		invariants.OneContainer, invariants.NoLeak, invariants.StrangersUntouched, invariants.OnlyTheDoomedDestroyed, invariants.SentOnce,
	} {
		for _, violation := range rule(record) {
			t.Error(violation)
		}
	}
}
