package cli_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// healthWorld has a database with four layers, of which one always fails: a simulated container has no folders.
var healthWorld = strings.Replace(testlab.World, `{"hostname": "b.lan"`, `{"hostname": "db.lan", "units": ["postgresql"], "tcp": [{"port": 5432}]}, `+
	`{"hostname": "db.lan", "units": ["pg"], "commands": {"pg_isready": 0}}, {"hostname": "b.lan"`, 1)

// buffer is written by a program while a test reads it.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// following runs the plugin until the test ends, or stop is called, which says how it ended.
func (l *lab) following(args ...string) (out *buffer, stop func() int) {
	l.t.Helper()
	out = &buffer{}
	cmd := l.command(filepath.Join(l.bin, "kubectl-nixmox"), append([]string{"-n", l.Namespace}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	stop = sync.OnceValue(func() int {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	})
	l.t.Cleanup(func() { stop() })
	return out, stop
}

// Layers are printed as the controller found them, and --watch says when a verdict changes; where the output is no terminal, in lines.
func TestHealthLayerByLayer(t *testing.T) {
	t.Parallel()
	l := newLab(t, testlab.Options{World: healthWorld})
	l.Host()
	watched, stopStatus := l.following("status", "--watch")
	l.Service("postgresql", `{ip: 192.168.99.11, hostname: db, restartPolicy: never, health: {comprehensive: true, startupTimeout: 3s}}`)
	l.Service("a", `{ip: 192.168.99.12, hostname: a, healthCheck: systemctl is-active --quiet a}`)
	l.ready("postgresql", "a")
	l.expect(0, words("health a --comprehensive"), "✔ a: Healthy", "no layers: spec.health.comprehensive is not set")
	out := l.expect(0, words("health postgresql --comprehensive"), "✔ postgresql: Degraded (Degraded: 1 of 4 layers fail; filesystem: ",
		"    systemd    Passed  systemctl is-active --quiet postgresql", "    tcp        Passed  tcp:localhost:5432", "    database   Passed  pg_isready -q -h localhost",
		"    filesystem Failed  test -d /var/lib/postgresql")
	if strings.Count(out, "\n") != 5 {
		t.Errorf("more than a line for each layer:\n%s", out)
	}
	var reports []struct {
		Service, Health string
		Healthy         bool
		Checks          []struct{ Name, Check, Result, Message string }
	}
	l.expect(0, words("health"), "✔ postgresql: Degraded", "✔ a: Healthy")
	text := l.expect(0, words("health postgresql a -o json"))
	if err := json.Unmarshal([]byte(text), &reports); err != nil || len(reports) != 2 || len(reports[0].Checks) != 4 || !reports[0].Healthy || reports[0].Health != "Degraded" {
		t.Errorf("%v in %s", err, text)
	}

	health, stopHealth := l.following("health", "postgresql", "a", "--watch", "--comprehensive")
	l.eventually("the watch says how it is", func() bool {
		return strings.Contains(health.String(), "✔ a: Healthy") && strings.Contains(health.String(), "filesystem Failed")
	})
	vmid := int(l.Get("postgresql").Status.VMID)
	for _, unit := range []string{"postgresql", "pg"} {
		if err := l.PVE.SetHealthy(vmid, unit, false); err != nil {
			t.Fatal(err)
		}
	}
	l.eventually("the watch says that it fell ill", func() bool { return strings.Contains(health.String(), "✘ postgresql: Unhealthy (") })
	l.expect(1, words("health postgresql"), "✘ postgresql: Unhealthy")
	l.eventually("so does the other", func() bool { return strings.Contains(watched.String(), "no layer passes") })
	if code := stopHealth() + stopStatus(); code != 0 {
		t.Errorf("Ctrl-C ends with %d", code)
	}
	for _, text := range []string{health.String(), watched.String()} {
		if strings.Contains(text, "\x1b") {
			t.Errorf("there are controls of a terminal in\n%q", text)
		}
	}
	if !strings.Contains(watched.String(), " 1/1 ready  ") && !strings.Contains(watched.String(), " 2/2 ready  ") {
		t.Errorf("the watch printed\n%s", watched)
	}
}
