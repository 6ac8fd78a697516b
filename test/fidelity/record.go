package fidelity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Recording is what an endpoint answered to a scenario.
type Recording struct {
	Scenario string `json:"scenario"`
	// From is the version that the endpoint said it was.
	From  map[string]any `json:"recorded_from"`
	Steps []Observation  `json:"steps"`
}

// ReadRecording reads NAME.json of folder; one that does not exist is empty.
func ReadRecording(folder fs.FS, name string) (*Recording, error) {
	recording := &Recording{Scenario: name}
	text, err := fs.ReadFile(folder, name+".json")
	if errors.Is(err, fs.ErrNotExist) {
		return recording, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the recording of %s: %w", name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(recording); err != nil {
		return nil, fmt.Errorf("recording of %s: %w", name, err)
	}
	return recording, nil
}

// NewRecording makes a recording of a run. A run with skipped steps cannot be recorded.
func NewRecording(scenario *Scenario, version map[string]any, seen []Observation) (*Recording, error) {
	for _, step := range seen {
		if step.Skipped {
			return nil, fmt.Errorf("%s: step %s needs a --hook", scenario.Name, step.ID)
		}
	}
	if len(seen) < len(scenario.Steps) {
		return nil, fmt.Errorf("%s: the run was cut short", scenario.Name)
	}
	from := map[string]any{"release": version["release"], "version": version["version"]}
	return &Recording{Scenario: scenario.Name, From: from, Steps: seen}, nil
}

// Write writes the recording into a folder, which is made if need be.
func (r *Recording) Write(folder string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	tree := map[string]any{"scenario": r.Scenario, "recorded_from": r.From, "steps": r.Steps} // keys in order
	if err := encoder.Encode(tree); err != nil {
		return fmt.Errorf("recording of %s: %w", r.Scenario, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make a folder for recordings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, r.Scenario+".json"), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the recording of %s: %w", r.Scenario, err)
	}
	return nil
}
