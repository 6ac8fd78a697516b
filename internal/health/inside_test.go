package health

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// shellWith is an executor that runs scripts with the real /bin/sh of this machine
// and, besides a few basics, the named tools only. It skips where one is missing.
func shellWith(t *testing.T, tools ...string) guest.Executor {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range append([]string{"sed", "head"}, tools...) {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skipf("SKIPPED: this machine has no %s", tool)
		}
		if tool == "busybox" {
			tool = "wget" // busybox is whom it is called
		}
		if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return executorFunc(func(ctx context.Context, _ guest.Container, script string) (guest.Result, error) {
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
		cmd.Env = []string{"PATH=" + dir, "http_proxy=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1"}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
			return guest.Result{}, errors.Join(ctx.Err(), err)
		}
		return guest.Result{ExitCode: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}, nil
	})
}

// insideProber cannot ask anything from outside, so that whatever passes was
// asked inside.
func insideProber() *Prober { return &Prober{Rewrite: nowhere} }

// nowhere is a Rewrite that lets nothing through.
var nowhere, _ = ParseDevelopmentAddressMap("192.0.2.255/32=127.0.0.1/32")

// localService answers as services that listen on localhost do.
func localService(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/redirect":
		http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
	case "/500", "/404":
		http.Error(w, "no", map[string]int{"/500": 500, "/404": 404}[r.URL.Path])
	case "/named":
		if r.Host != "db.example.com" {
			w.WriteHeader(http.StatusMisdirectedRequest)
		}
	case "/admin": // Caddy's admin page
		if !strings.HasPrefix(r.Host, "localhost:") {
			w.WriteHeader(http.StatusForbidden)
		}
	case "/forbidden":
		w.WriteHeader(http.StatusForbidden)
	case "/endless":
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	case "/a'b $(c)":
		w.WriteHeader(http.StatusNoContent)
	}
}

func TestLocalhostIsFetchedInsideWithWhicheverToolIsThere(t *testing.T) {
	for _, tool := range []string{"curl", "wget", "busybox"} {
		t.Run(tool, func(t *testing.T) {
			port := serveHTTP(t, localService)
			closed := refusingPort(t)
			tests := []struct {
				check   string
				outcome Outcome
				message string
			}{
				{"http://localhost:" + port + "/health", Passed, "HTTP 200 from localhost:" + port + " inside the container"},
				{"http://127.0.0.1:" + port, Passed, "HTTP 200 from 127.0.0.1"},
				{"http://localhost:" + port + "/redirect", Passed, "HTTP 302"},
				{"http://localhost:" + port + "/404", Failed, "HTTP 404"},
				{"http://localhost:" + port + "/500", Failed, "HTTP 500"},
				{"http://localhost:" + port + "/named", Passed, "HTTP 200"},
				{"http://localhost:" + port + "/admin", Passed, "HTTP 200"},
				{"http://localhost:" + port + "/forbidden", Failed, "HTTP 403"},
				{"http://localhost:" + port + "/a'b%20$(c)?x='&y=$(exit)", Passed, "HTTP 204"},
				{"http://localhost:" + port + "/endless", Passed, "HTTP 200"},
				{"http://localhost:" + closed + "/", Failed, "no answer inside the container: "},
			}
			target := testTarget()
			target.Exec = shellWith(t, tool)
			for _, tt := range tests {
				t.Run(tt.check, func(t *testing.T) {
					limits := Limits{Timeout: patient}
					if strings.HasSuffix(tt.check, "/endless") {
						limits.Timeout = 3 * time.Second // an old curl reads on until then
					}
					r := insideProber().Probe(t.Context(), mustParse(t, tt.check), target, limits)
					wantResult(t, r, tt.outcome, tt.message)
				})
			}
		})
	}
}

func TestTLSInside(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(localService))
	srv.Config.ErrorLog = quietLog
	srv.StartTLS()
	defer srv.Close()
	port := portOf(t, srv.URL)
	tests := []struct {
		tool, scheme string
		outcome      Outcome
		message      string
	}{
		{"curl", "https", Failed, "no answer inside the container: curl:"},
		{"curl", "https+insecure", Passed, "HTTP 200"},
		{"wget", "https+insecure", Passed, "HTTP 200"},
		{"wget", "https", NotRun, "asked from outside: no tool in the container can ask for it: no curl"},
	}
	for _, tt := range tests {
		t.Run(tt.tool+" "+tt.scheme, func(t *testing.T) {
			target := testTarget()
			target.Exec = shellWith(t, tt.tool)
			r := insideProber().Probe(t.Context(), mustParse(t, tt.scheme+"://localhost:"+port+"/named"), target, Limits{Timeout: patient})
			wantResult(t, r, tt.outcome, tt.message)
		})
	}
}

func TestASlowServiceInsideIsToldFromASlowWayIn(t *testing.T) {
	release := make(chan struct{})
	port := serveHTTP(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	target := testTarget()
	target.Exec = shellWith(t, "curl")
	r := insideProber().Probe(t.Context(), mustParse(t, "http://localhost:"+port+"/"), target, Limits{Timeout: 2 * time.Second})
	if r.Outcome != Failed {
		t.Errorf("%v: %q, want failed", r.Outcome, r.Message)
	}
}

func TestTCPInside(t *testing.T) {
	port := serveHTTP(t, localService)
	target := testTarget()
	target.Exec = shellWith(t, "bash")
	r := insideProber().Probe(t.Context(), mustParse(t, "tcp:localhost:"+port), target, Limits{Timeout: patient})
	wantResult(t, r, Passed, "answered from localhost:"+port+" inside the container")
	r = insideProber().Probe(t.Context(), mustParse(t, "tcp:127.0.0.1:"+refusingPort(t)), target, Limits{Timeout: patient})
	wantResult(t, r, Failed, "no answer inside the container")
}

func TestWithoutAToolInsideLocalhostIsAskedFromOutside(t *testing.T) {
	var asked atomic.Int32
	port := serveHTTP(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	target := testTarget()
	target.Exec = shellWith(t)
	for _, check := range []string{"http://localhost:" + port, "tcp:localhost:" + port} {
		r := testProber().Probe(t.Context(), mustParse(t, check), target, Limits{Timeout: patient})
		wantResult(t, r, Passed, "(asked from outside: no tool in the container can ask for it: neither ")
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
}

func TestAFailingWayInIsNotReplacedByOneFromOutside(t *testing.T) {
	port := serveHTTP(t, func(http.ResponseWriter, *http.Request) { t.Error("asked from outside") })
	target := testTarget()
	target.Exec = executorFunc(func(context.Context, guest.Container, string) (guest.Result, error) {
		return guest.Result{}, guest.ErrUnreachable
	})
	r := testProber().Probe(t.Context(), mustParse(t, "http://localhost:"+port), target, Limits{Timeout: patient})
	wantResult(t, r, NotRun, "cannot be reached")
}

func TestTheScriptsAreClean(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("SKIPPED: this machine has no shellcheck")
	}
	target := testTarget()
	for _, text := range []string{"https://localhost/it's", "tcp:localhost:80"} {
		script, err := insideScript(mustParse(t, text), target, Limits{Timeout: patient})
		if err != nil {
			t.Fatal(err)
		}
		// 2016: what stands in quotes is for the inner shell.
		cmd := exec.Command("shellcheck", "--shell=sh", "--exclude=SC2016", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", text, err, out)
		}
	}
}
