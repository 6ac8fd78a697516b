package fidelity

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestAScenarioThatSaysNothingSensibleIsRefused(t *testing.T) {
	for sentence, test := range map[string]struct{ step, want string }{
		"a misspelt key":                 {`{"id": "a", "method": "GET", "path": "/", "frm": {}}`, "frm"},
		"an id with a dot":               {`{"id": "a.b", "method": "GET", "path": "/"}`, "without dots"},
		"an id twice":                    {`{"id": "a", "method": "GET", "path": "/"}, {"id": "a", "method": "GET", "path": "/"}`, "unique"},
		"a wait for a step that is none": {`{"id": "a", "wait": "b"}`, `no earlier step "b"`},
		"a since that looks ahead":       {`{"id": "a", "method": "GET", "path": "/", "since": {"data": "b"}}, {"id": "b", "method": "GET", "path": "/"}`, `no earlier step "b"`},
		"a step without a path":          {`{"id": "a", "method": "GET"}`, "give method and path"},
	} {
		data := fstest.MapFS{"scenarios/x.json": {Data: []byte(`{"title": "x", "vmids": [], "steps": [` + test.step + `]}`)}}
		if _, err := Scenarios(data); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", sentence, err, test.want)
		}
	}
}

// Scenarios run at once, so no two may have a container in common.
func TestEachScenarioHasContainersOfItsOwn(t *testing.T) {
	scenarios, err := Scenarios(Data())
	if err != nil {
		t.Fatal(err)
	}
	owner := make(map[int]string)
	for _, scenario := range scenarios {
		for _, vmid := range scenario.VMIDs {
			if owner[vmid] != "" {
				t.Errorf("%s and %s both use %d", owner[vmid], scenario.Name, vmid)
			}
			owner[vmid] = scenario.Name
		}
	}
}

func TestPlaceholdersStandForEarlierAnswers(t *testing.T) {
	so := answers{"a": {Body: map[string]any{"data": map[string]any{"net0": "name=eth0,hwaddr=AA", "list": []any{"x", "y"}}}}}
	for text, want := range map[string]string{
		"{a.data.net0.hwaddr}": "AA", "/x/{a.data.list.1}/{a.data.list.0}": "/x/y/x", "{no placeholder}": "{no placeholder}", "a{a.data.list}": `a["x", "y"]`,
	} {
		if got, err := so.fillText(text); got != want || err != nil {
			t.Errorf("%s became %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"{b.data}", "{a.data.net0.bridge}", "{a.data.list.2}"} {
		if got, err := so.fillText(text); err == nil {
			t.Errorf("%s became %s", text, got)
		}
	}
}
