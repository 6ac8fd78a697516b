package fidelity

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// simulated is a runner against a simulator of the carried world, and what carries its requests, for tests that spoil them.
func simulated(t *testing.T, scale float64) (*Runner, *http.Transport) {
	t.Helper()
	text, err := fs.ReadFile(Data(), "world.json")
	if err != nil {
		t.Fatal(err)
	}
	server := pvesimtest.Start(t, pvesimtest.World(t, string(text)), pvesim.Options{TimeScale: scale})
	world, err := ReadWorld(Data())
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(server.URL, Trust{})
	if err != nil {
		t.Fatal(err)
	}
	unlock := func(_ context.Context, vmid int) error { return server.Unlock(vmid) }
	runner := &Runner{Client: client, World: world, Hooks: map[string]Hook{"unlock": unlock}, Pause: 20 * time.Millisecond}
	return runner, client.http.Transport.(*http.Transport)
}

func recorded(t *testing.T, scenario string) *Recording {
	t.Helper()
	recordings, err := fs.Sub(Data(), "recordings")
	if err != nil {
		t.Fatal(err)
	}
	recording, err := ReadRecording(recordings, scenario)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

func TestPvesimAnswersAsProxmoxDid(t *testing.T) {
	scenarios, err := Scenarios(Data())
	if err != nil {
		t.Fatal(err)
	}
	runner, _ := simulated(t, 10)
	equal, total := 0, 0
	err = runner.Each(t.Context(), scenarios, 8, func(scenario *Scenario, seen []Observation) error {
		verdicts := Compare(recorded(t, scenario.Name), seen)
		equal, total = equal+Count(verdicts), total+len(verdicts)
		if Count(verdicts) < len(verdicts) {
			var report bytes.Buffer
			Report(&report, scenario, verdicts)
			t.Error(report.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d steps equal", equal, total)
	if len(scenarios) != 56 || total != 830 {
		t.Errorf("%d scenarios with %d steps were run, of 56 with 830", len(scenarios), total)
	}
}

// What one run records, the next one finds equal: the only way to know that recordings of others can be compared.
func TestARecordingOfPvesimIsEqualToTheNextRun(t *testing.T) {
	scenarios, err := Scenarios(Data(), "create-net", "config-digest", "status-current")
	if err != nil {
		t.Fatal(err)
	}
	runner, _ := simulated(t, 20)
	for _, scenario := range scenarios {
		recording, err := NewRecording(scenario, map[string]any{"release": "9.2"}, runner.Run(t.Context(), scenario))
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := recording.Write(folder); err != nil {
			t.Fatal(err)
		}
		read, err := ReadRecording(os.DirFS(folder), scenario.Name)
		if err != nil {
			t.Fatal(err)
		}
		var report bytes.Buffer
		verdicts := Compare(read, runner.Run(t.Context(), scenario))
		Report(&report, scenario, verdicts)
		if Count(verdicts) != len(scenario.Steps) {
			t.Error(report.String())
		}
	}
}

func TestARunThatNeedsAHookIsNotRecorded(t *testing.T) {
	runner, _ := simulated(t, 20)
	runner.Hooks = nil
	scenario := &Scenario{Name: "x", Steps: []Step{{ID: "open", Hook: "unlock", VMID: 100}}}
	seen := runner.Run(t.Context(), scenario)
	if _, err := NewRecording(scenario, nil, seen); err == nil {
		t.Error("it was recorded")
	}
	if verdicts := Compare(&Recording{Steps: []Observation{{ID: "open", Seen: map[string]any{"hook": "done"}}}}, seen); Count(verdicts) != 0 {
		t.Error("a skipped step counts as equal")
	}
}
