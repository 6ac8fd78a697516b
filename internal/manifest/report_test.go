package manifest_test

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/dag"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

func sampleStack() []manifest.Service {
	return []manifest.Service{
		service("dns"), service("postgresql", needs("dns")), service("caddy", needs("dns")),
		service("authentik", needs("postgresql", "caddy")),
		service("vaultwarden", needs("postgresql", "caddy", "authentik")),
		service("guacamole", needs("postgresql", "caddy", "authentik")),
		service("nextcloud", needs("postgresql", "caddy", "authentik")),
		service("media", needs("postgresql", "caddy")), service("monitoring", needs("postgresql", "caddy")),
		service("mail", needs("postgresql", "caddy", "dns")),
	}
}

func samplePhases() []manifest.Phase {
	return []manifest.Phase{
		{Name: "infrastructure", Services: []string{"dns", "postgresql", "caddy"}},
		{Name: "identity", Services: []string{"authentik"}},
		{Name: "core", Services: []string{"vaultwarden", "guacamole"}},
		{Name: "storage and media", Services: []string{"nextcloud", "media"}},
		{Name: "monitoring", Services: []string{"monitoring"}},
		{Name: "advanced", Services: []string{"mail"}},
	}
}

func TestTheSampleStackByNamedPhases(t *testing.T) {
	r := manifest.Validate(sampleStack(), samplePhases())
	if len(r.Problems) > 0 {
		t.Fatalf("problems: %v", r.Problems)
	}
	var phases []string
	for _, p := range r.Phases() {
		phases = append(phases, p.Name+": "+spell(p.Services))
	}
	same(t, "phases", []string{
		"infrastructure: dns caddy postgresql",
		"identity: authentik",
		"core: guacamole vaultwarden",
		"storage and media: media nextcloud",
		"monitoring: monitoring",
		"advanced: mail",
	}, phases)
	same(t, "order", "dns caddy postgresql authentik guacamole vaultwarden media nextcloud monitoring mail", spell(r.Order()))
	same(t, "phase of mail", 6, r.Phase(key("mail")))
	same(t, "level of mail", 3, r.Level(key("mail")))
	same(t, "dependencies of mail", "caddy dns postgresql", spell(r.Dependencies(key("mail"))))
	same(t, "dependents of authentik", "guacamole nextcloud vaultwarden", spell(r.Dependents(key("authentik"))))
	same(t, "first cluster", dag.Cluster{Title: "1 infrastructure", Nodes: []string{"dns", "caddy", "postgresql"}}, r.Clusters()[0])
}

func TestTheSampleStackByDependencies(t *testing.T) {
	r := manifest.Validate(sampleStack(), nil)
	same(t, "phases", 4, r.PhaseCount())
	for name, want := range map[string]int{"dns": 1, "caddy": 2, "mail": 3, "nextcloud": 4} {
		same(t, name, want, r.Phase(key(name)))
		same(t, name, want, r.Level(key(name)))
	}
}

func TestAListedNameMeansTheServiceInEveryNamespace(t *testing.T) {
	r := manifest.Validate(
		[]manifest.Service{service("x/app"), service("y/app"), service("y/db"), service("z/other")},
		[]manifest.Phase{{Services: []string{"db"}}, {Services: []string{"app"}}})
	same(t, "second phase", "x/app y/app", spell(r.Phases()[1].Services))
	same(t, "unlisted", 1, r.Phase(key("z/other")))
	same(t, "node names", "y/db z/other x/app y/app", spell(r.Order()))
}

func TestHoldAfterTheFirstPhaseWithAnUnknownName(t *testing.T) {
	services := []manifest.Service{service("a"), service("b")}
	same(t, "all known", 0, manifest.Validate(services, []manifest.Phase{{Services: []string{"a"}}}).HoldAfter())
	same(t, "unknown in 2 and 3", 2, manifest.Validate(services, []manifest.Phase{
		{Services: []string{"a"}}, {Services: []string{"gone"}}, {Services: []string{"b", "lost"}},
	}).HoldAfter())
}

func TestServicesBehindACircleHaveNoPlaceInTheOrder(t *testing.T) {
	r := manifest.Validate([]manifest.Service{service("a", needs("a")), service("b", needs("a")), service("c")},
		[]manifest.Phase{{Services: []string{"a", "c"}}})
	same(t, "order", "c", spell(r.Order()))
	same(t, "unordered", "a b", spell(r.Unordered()))
	same(t, "phase of the listed one", 1, r.Phase(key("a")))
	same(t, "phase of the unlisted one", 0, r.Phase(key("b")))
	same(t, "level", 0, r.Level(key("a")))
}

func TestTheGraphShowsWhatIsMissing(t *testing.T) {
	r := manifest.Validate([]manifest.Service{service("app", needs("db"))}, nil)
	same(t, "tree", "app\n└── db (missing)\n", r.Graph().Tree("app"))
}

func TestAKeyOutsideTheSetIsNoReasonToPanic(t *testing.T) {
	r := manifest.Validate(nil, nil)
	k := key("nobody")
	same(t, "numbers", []int{0, 0, 0, 0}, []int{r.Phase(k), r.Level(k), r.Chain(k), r.PhaseCount()})
	same(t, "neighbours", 0, len(r.Dependencies(k))+len(r.Dependents(k))+len(r.Order())+len(r.Phases()))
}
