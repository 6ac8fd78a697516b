package fidelity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Scenario is a conversation with the API about containers of its own.
type Scenario struct {
	// Name is that of its file, without .json.
	Name  string `json:"-"`
	Title string `json:"title"`
	// VMIDs are destroyed before and after the run, the last one first, for a clone goes before its original.
	VMIDs []int  `json:"vmids"`
	Steps []Step `json:"steps"`

	// macs are the MAC addresses that the scenario itself gives, in upper case. They are no accident, so they are compared.
	macs map[string]bool
}

// Step is a request, or a wait for the task of an earlier one, or a hook.
type Step struct {
	// ID is unique in its scenario and has no dots, which belong to the paths behind it.
	ID     string `json:"id"`
	Method string `json:"method"`
	// Path is below /api2/json.
	Path string `json:"path"`

	// At most one body: Form, JSON, or Raw to the letter with ContentType. A list in Query or Form repeats its key.
	Query       map[string]any `json:"query"`
	Form        map[string]any `json:"form"`
	JSON        map[string]any `json:"json"`
	Raw         *string        `json:"raw"`
	ContentType string         `json:"content_type"`

	// Token names a token of the world, by default full; null sends no Authorization header.
	Token TokenName `json:"token"`
	// Authorization is that header to the letter, instead of a token.
	Authorization *string `json:"authorization"`

	// Wait asks for the end of the task that the answer names, or that an earlier step's answer named.
	Wait Wait `json:"wait"`
	// Until repeats the request until these paths of the answer have these values; "*" stands for any.
	Until map[string]any `json:"until"`
	// Select keeps the rows of data that match, Drop takes keys away; what is left is observed.
	Select map[string]any `json:"select"`
	Drop   []string       `json:"drop"`
	// Ordered says that the order of lists counts.
	Ordered bool `json:"ordered"`
	// Since asks whether the value at a path changed since an earlier step.
	Since map[string]string `json:"since"`

	// Hook is something that the API has no call for, such as "unlock", done to VMID by a command of the user's.
	Hook string `json:"hook"`
	VMID int    `json:"vmid"`
	// LabOnly tells the reader that a real installation comes into this state by itself.
	LabOnly string `json:"lab_only"`
}

// TokenName is the name of a token in the world file.
type TokenName struct {
	Name string
	// None sends no Authorization header at all.
	None bool
}

// UnmarshalJSON takes null for no token.
func (n *TokenName) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		n.None = true
		return nil
	}
	return json.Unmarshal(data, &n.Name)
}

// Wait is true for the task that the step's own answer names, or the id of the step whose task is meant.
type Wait struct {
	Own  bool
	Step string
}

// UnmarshalJSON takes true, false or a step's id.
func (w *Wait) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &w.Step)
	}
	return json.Unmarshal(data, &w.Own)
}

// Scenarios reads the scenarios below data whose names match one of the globs, or all if there is none.
func Scenarios(data fs.FS, globs ...string) ([]*Scenario, error) {
	files, err := fs.Glob(data, "scenarios/*.json")
	if err != nil {
		return nil, fmt.Errorf("look for scenarios: %w", err)
	}
	var found []*Scenario
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".json")
		wanted, err := matchesGlob(name, globs)
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		scenario, err := readScenario(data, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		found = append(found, scenario)
	}
	if len(found) == 0 {
		return nil, errors.New("no scenario matches; `replay list` shows their names")
	}
	return found, nil
}

func matchesGlob(name string, globs []string) (bool, error) {
	for _, glob := range globs {
		if ok, err := path.Match(glob, name); ok || err != nil {
			return ok, err
		}
	}
	return len(globs) == 0, nil
}

func readScenario(data fs.FS, name string) (*Scenario, error) {
	text, err := fs.ReadFile(data, "scenarios/"+name+".json")
	if err != nil {
		return nil, err
	}
	scenario := &Scenario{Name: name, macs: make(map[string]bool)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	decoder.DisallowUnknownFields() // a misspelt key would make a step mean something else
	if err := decoder.Decode(scenario); err != nil {
		return nil, err
	}
	for _, mac := range macText.FindAllString(string(text), -1) {
		scenario.macs[strings.ToUpper(mac)] = true
	}
	return scenario, scenario.check()
}

func (s *Scenario) check() error {
	seen := make(map[string]bool)
	for _, step := range s.Steps {
		if step.ID == "" || seen[step.ID] || strings.Contains(step.ID, ".") {
			return fmt.Errorf("step %q: ids must be unique and without dots", step.ID)
		}
		if step.Hook == "" && step.Wait.Step == "" && (step.Method == "" || step.Path == "") {
			return fmt.Errorf("step %q: give method and path, or wait for a step, or a hook", step.ID)
		}
		for _, earlier := range append([]string{step.Wait.Step}, step.earlier()...) {
			if earlier != "" && !seen[earlier] {
				return fmt.Errorf("step %q: there is no earlier step %q", step.ID, earlier)
			}
		}
		seen[step.ID] = true
	}
	return nil
}

func (s *Step) earlier() []string {
	var steps []string
	for _, step := range s.Since {
		steps = append(steps, step)
	}
	return steps
}
