package health

import (
	"strings"
	"testing"
)

func TestEveryPatternRoundTrips(t *testing.T) {
	names := map[string]bool{}
	for _, p := range Patterns() {
		seen := map[string]bool{}
		for _, l := range p.Layers {
			again, err := Parse(l.Check.String())
			if err != nil || again != l.Check {
				t.Errorf("%s, %s: %+v became %+v, %v", p.Names[0], l.Name, l.Check, again, err)
			}
			if seen[l.Name] {
				t.Errorf("%s has two layers %s", p.Names[0], l.Name)
			}
			seen[l.Name] = true
		}
		for _, name := range p.Names {
			if names[name] {
				t.Errorf("two patterns are named %s", name)
			}
			names[name] = true
		}
	}
	for _, name := range strings.Fields("postgresql mysql caddy authentik guacamole vaultwarden nextcloud grafana prometheus monitoring mail unbound dns redis jellyfin") {
		if !names[name] {
			t.Errorf("there is no pattern for %s", name)
		}
	}
}

func TestTheDefaultFollowsNamePortAndWhatCanBeRun(t *testing.T) {
	for _, c := range []struct {
		service string
		ports   []string
		exec    bool
		want    string
	}{
		{"postgresql", nil, true, "systemctl is-active --quiet postgresql"},
		{"postgresql-main", nil, true, "systemctl is-active --quiet postgresql"},
		{"app-postgresql", nil, true, "systemctl is-active --quiet postgresql"},
		{"postgresqlx", nil, true, "(running)"},
		{"postgresql", []string{"5432"}, false, "tcp:5432"},
		{"postgresql", nil, false, "systemctl is-active --quiet postgresql"},
		{"caddy", nil, false, "tcp:443"},
		{"grafana", []string{"3001"}, true, "http://localhost:3000/api/health"},
		{"app", []string{"53/udp", "8080"}, true, "tcp:8080"},
		{"app", nil, true, "(running)"},
	} {
		if got := DefaultFor(c.service, c.ports, c.exec).String(); got != c.want {
			t.Errorf("%s %v, exec %v: %s, want %s", c.service, c.ports, c.exec, got, c.want)
		}
	}
}

func TestLayersAddUpToAVerdict(t *testing.T) {
	layer := func(name string, r Result) LayerResult { return LayerResult{Layer{Name: name}, r} }
	for _, c := range []struct {
		layers []LayerResult
		want   Outcome
		says   string
	}{
		{[]LayerResult{layer("a", passed("x")), layer("b", passed("y"))}, Passed, "all 2 layers pass"},
		{[]LayerResult{layer("a", passed("x")), layer("b", failed("y"))}, Partly, "1 of 2 layers fail; b: y"},
		{[]LayerResult{layer("a", failed("x")), layer("b", failed("y"))}, Failed, "no layer passes; a: x; b: y"},
		{[]LayerResult{layer("a", notRun("x")), layer("b", cannotRun("y"))}, NotRun, "no layer can be checked: x"},
		{[]LayerResult{layer("a", passed("x")), layer("b", cannotRun("y"))}, Passed, "all 1 layers pass (not checked: b)"},
		{[]LayerResult{layer("a", failed("x")), layer("b", notRun("y"))}, Failed, "no layer passes; a: x (not checked: b)"},
	} {
		if got := Combine(c.layers); got.Outcome != c.want || got.Message != c.says {
			t.Errorf("%s: %s, want %s: %s", got.Outcome, got.Message, c.want, c.says)
		}
	}
}
