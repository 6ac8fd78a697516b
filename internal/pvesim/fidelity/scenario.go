// Package fidelity replays conversations with the Proxmox VE API and compares the answers with recordings of a real one.
// It says how close the simulator is, and can record a real installation anew. testdata holds scenarios (requests),
// recordings (the normalised answers of Proxmox VE 9.2.11) and the world that an endpoint must hold for them.
// Its callers are tests; it knows the simulator by its HTTP endpoint alone.
package fidelity

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Scenario is a sequence of requests on containers of its own.
type Scenario struct {
	Name  string `json:"-"`
	Title string `json:"title"`
	// VMIDs are destroyed before and after the run, clones before their originals.
	VMIDs []int  `json:"vmids"`
	Steps []Step `json:"steps"`
}

// Step is one request, or a wait for a task, or a hook: something that the API has no call for.
type Step struct {
	ID     string         `json:"id"`
	Method string         `json:"method"`
	Path   string         `json:"path"`
	Query  map[string]any `json:"query"`
	Form   map[string]any `json:"form"`
	JSON   map[string]any `json:"json"`
	// Raw is a body to the letter, sent with ContentType.
	Raw         *string `json:"raw"`
	ContentType string  `json:"content_type"`
	// Token names a token of the world; null sends none. Authorization is a header to the letter instead.
	Token         json.RawMessage `json:"token"`
	Authorization string          `json:"authorization"`
	// Wait is true for the task that the answer names, or the id of the step whose task is meant.
	Wait any `json:"wait"`
	// Until repeats a GET until the values at these paths are so; "*" is any.
	Until map[string]any `json:"until"`
	// Select keeps rows of a list that match; Drop removes keys.
	Select map[string]any `json:"select"`
	Drop   []string       `json:"drop"`
	// Ordered lists are compared in order.
	Ordered bool `json:"ordered"`
	// Since tells whether the value at a path changed since an earlier step.
	Since map[string]string `json:"since"`
	Hook  string            `json:"hook"`
	VMID  int               `json:"vmid"`
	// LabOnly is a note for the reader.
	LabOnly string `json:"lab_only"`
}

// Recording is what a real Proxmox VE answered.
type Recording struct {
	Scenario     string            `json:"scenario"`
	RecordedFrom map[string]string `json:"recorded_from"`
	Steps        []Observation     `json:"steps"`
}

// Observation is the normalised answer to one step.
type Observation struct {
	ID   string         `json:"id"`
	Seen map[string]any `json:"seen"`
}

// Scenarios reads all scenarios of a folder.
func Scenarios(folder string) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("find scenarios: %w", err)
	}
	var found []Scenario
	for _, file := range files {
		scenario := Scenario{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := readJSON(file, &scenario); err != nil {
			return nil, err
		}
		found = append(found, scenario)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no scenario in %s", folder)
	}
	return found, nil
}

// ReadRecording reads the recording of a scenario.
func ReadRecording(folder, scenario string) (Recording, error) {
	var recording Recording
	err := readJSON(filepath.Join(folder, scenario+".json"), &recording)
	return recording, err
}

// WriteRecording writes one.
func WriteRecording(folder string, recording Recording) error {
	data, err := json.MarshalIndent(recording, "", " ")
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, recording.Scenario+".json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

func readJSON(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
