package checkup_test

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
)

func service(t *testing.T, name, spec string) *v1alpha1.NixMoxService {
	t.Helper()
	svc := &v1alpha1.NixMoxService{}
	svc.Name = name
	if err := yaml.UnmarshalStrict([]byte(spec), &svc.Spec); err != nil {
		t.Fatal(err)
	}
	return svc
}

func TestWhichCheckCounts(t *testing.T) {
	for _, c := range []struct {
		what, name, spec string
		exec             bool
		starting, later  string
	}{
		{"its own", "web", `{healthCheck: "tcp:80"}`, true, "tcp:80", "tcp:80"},
		{"liveness before its own", "web", `{healthCheck: "tcp:80", health: {liveness: "tcp:81"}}`, true, "tcp:81", "tcp:81"},
		{"another for the start", "web", `{healthCheck: "tcp:80", health: {startup: "test -e /up"}}`, true, "test -e /up", "tcp:80"},
		{"what is known of its name", "postgresql", `{}`, true, "systemctl is-active --quiet postgresql", "systemctl is-active --quiet postgresql"},
		{"what is known and needs no command", "authentik", `{}`, false, "tcp:9000", "tcp:9000"},
		{"its first port", "web", `{ports: ["53/udp", 8080]}`, true, "tcp:8080", "tcp:8080"},
		{"that it runs", "web", `{}`, true, "(running)", "(running)"},
		{"all layers", "dns", `{health: {comprehensive: true}}`, true, "comprehensive, 3 layers", "comprehensive, 3 layers"},
		{"all layers after another check", "dns", `{healthCheck: "tcp:54", health: {comprehensive: true, startup: "tcp:53"}}`, true, "tcp:53", "comprehensive, 4 layers"},
	} {
		got, err := checkup.Of(service(t, c.name, c.spec), c.exec)
		if err != nil || got.Text(false) != c.starting || got.Text(true) != c.later {
			t.Errorf("%s: %q and then %q, %v", c.what, got.Text(false), got.Text(true), err)
		}
	}
	for _, field := range []string{"healthCheck", "health: {startup", "health: {liveness"} {
		spec := "{" + field + `: "tcp:0"` + strings.Repeat("}", strings.Count(field, "{")+1)
		if _, err := checkup.Of(service(t, "web", spec), true); err == nil || !strings.HasPrefix(err.Error(), "spec.health") {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func TestTimesAreTheServicesThenTheHostsThenTheDefaults(t *testing.T) {
	host := &v1alpha1.NixMoxHost{}
	if err := yaml.UnmarshalStrict([]byte(`health: {timeout: 7s, retries: 5}`), &host.Spec); err != nil {
		t.Fatal(err)
	}
	svc := service(t, "web", `health: {timeout: 3s}`)
	c, err := checkup.Of(svc, true)
	if err != nil {
		t.Fatal(err)
	}
	if s := checkup.Spec(host, svc, c); s.Timeout != 3*time.Second || s.Retries != 5 || s.StartupTimeout != 5*time.Minute || s.Check != c.Liveness {
		t.Errorf("%+v", s)
	}
}
