package fidelity_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/fidelity"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// The simulator answers each step of each scenario as a real Proxmox VE 9.2.11 did.
func TestTheSimulatorAnswersAsRecorded(t *testing.T) {
	text, err := os.ReadFile("testdata/world.json")
	if err != nil {
		t.Fatal(err)
	}
	world := pvesimtest.World(t, string(text))
	sim := pvesimtest.Start(t, world, pvesim.Options{TimeScale: 20})
	endpoint := &fidelity.Endpoint{URL: sim.URL, Node: world.Nodes[0].Name, Tokens: make(map[string]string), Client: http.DefaultClient}
	for name, token := range world.Tokens {
		endpoint.Tokens[name] = token.ID + "=" + token.Secret
	}
	runner := &fidelity.Runner{Endpoint: endpoint, Hooks: map[string]func(int) error{"unlock": sim.Unlock}}
	scenarios, err := fidelity.Scenarios("testdata/scenarios")
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, scenario := range scenarios {
		steps += len(scenario.Steps)
	}
	if len(scenarios) != 56 || steps != 830 {
		t.Errorf("%d scenarios with %d steps, want 56 with 830", len(scenarios), steps)
	}
	t.Run("scenario", func(t *testing.T) {
		for _, scenario := range scenarios {
			t.Run(scenario.Name, func(t *testing.T) {
				t.Parallel()
				replay(t, runner, &scenario)
			})
		}
	})
}

func replay(t *testing.T, runner *fidelity.Runner, scenario *fidelity.Scenario) {
	t.Helper()
	recording, err := fidelity.ReadRecording("testdata/recordings", scenario.Name)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := runner.Run(t.Context(), scenario)
	if err != nil {
		t.Fatal(err)
	}
	different, total := fidelity.Compare(scenario, recording, seen)
	for _, step := range different {
		t.Errorf("step %s differs:", step.Step)
		for _, line := range step.Lines {
			t.Errorf("    %s", line)
		}
	}
	if total != len(recording.Steps) {
		t.Errorf("%d steps, %d recorded", total, len(recording.Steps))
	}
}

// A comparison that could not fail would prove nothing.
func TestAnAnswerThatDiffersIsFound(t *testing.T) {
	scenario := &fidelity.Scenario{Name: "x", Steps: []fidelity.Step{{ID: "a"}}}
	observed := func(text string) []fidelity.Observation {
		var seen map[string]any
		if err := json.Unmarshal([]byte(text), &seen); err != nil {
			t.Fatal(err)
		}
		return []fidelity.Observation{{ID: "a", Seen: seen}}
	}
	for sentence, test := range map[string]struct {
		want, got string
		equal     bool
	}{
		"the order of a list does not count": {`{"body":[{"a":1},{"a":2}]}`, `{"body":[{"a":2},{"a":1}]}`, true},
		"a number is no text":                {`{"body":{"a":1}}`, `{"body":{"a":"1"}}`, false},
		"one is not true":                    {`{"body":{"a":1}}`, `{"body":{"a":true}}`, false},
		"null is not absent":                 {`{"body":{"a":null}}`, `{"body":{}}`, false},
		"a row too many":                     {`{"body":[1]}`, `{"body":[1,1]}`, false},
	} {
		different, _ := fidelity.Compare(scenario, fidelity.Recording{Steps: observed(test.want)}, observed(test.got))
		if (len(different) == 0) != test.equal {
			t.Errorf("%s: %v", sentence, different)
		}
	}
}
