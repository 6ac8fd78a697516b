package devexec

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

func TestNewTakesLoopbackAddressesOnly(t *testing.T) {
	tests := map[string]bool{
		"http://127.0.0.1:8007":            true,
		"http://127.0.99.13:8007/control":  true,
		"http://[::1]:8007":                true,
		"http://localhost:8007":            false,
		"http://192.168.99.13:8007":        false,
		"http://0.0.0.0:8007":              false,
		"http://pve1.lan:8007":             false,
		"http://127.0.0.1.example.com":     false,
		"http://user@127.0.0.1@evil.com/":  false,
		"https://127.0.0.1:8007":           false,
		"127.0.0.1:8007":                   false,
		"":                                 false,
		"http://127.0.0.1:port/":           false,
		"http://[::ffff:192.168.99.13]:80": false,
	}
	for base, ok := range tests {
		if _, err := New(base); (err == nil) != ok {
			t.Errorf("New(%q): error %v, want accepted %v", base, err, ok)
		}
	}
}

func simulator(t *testing.T, h http.HandlerFunc) *DevelopmentExecutor {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	e, err := New(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRunPostsTheScriptAndReturnsWhatItLeft(t *testing.T) {
	var got request
	e := simulator(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/exec" {
			t.Errorf("%s %s, want POST /exec", r.Method, r.URL.Path)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"exitCode":3,"stdout":"inactive\n","stderr":"e"}`))
	})
	script := "systemctl is-active \"a b\" && echo '$x'\n"
	res, err := e.Run(context.Background(), guest.Container{Node: "pve1", VMID: 913}, script)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(guest.Result{ExitCode: 3, Stdout: "inactive\n", Stderr: "e"}, res); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(request{VMID: 913, Command: []string{"/bin/sh", "-c", script}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRunTellsTransportFailuresApart(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"an error status": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such container", http.StatusNotFound) },
		"no exit code":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"not JSON":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`hello`)) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusTemporaryRedirect)
		},
		"a closed connect": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, h := range answers {
		t.Run(name, func(t *testing.T) {
			_, err := simulator(t, h).Run(context.Background(), guest.Container{VMID: 1}, "true")
			if !errors.Is(err, guest.ErrUnreachable) {
				t.Errorf("error %v, want ErrUnreachable", err)
			}
		})
	}
}

func TestRunReportsItsDeadlineAsSuch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	e := simulator(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices a client that left only after this
		cancel()
		<-r.Context().Done()
	})
	_, err := e.Run(ctx, guest.Container{VMID: 1}, "sleep 1000")
	if !errors.Is(err, context.Canceled) || errors.Is(err, guest.ErrUnreachable) {
		t.Errorf("error %v, want the context's error and not ErrUnreachable", err)
	}
}

func TestRunCapsTheOutput(t *testing.T) {
	e := simulator(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"exitCode": 0, "stdout": strings.Repeat("y", 3*guest.MaxOutput)})
	})
	res, err := e.Run(context.Background(), guest.Container{VMID: 1}, "yes")
	if err != nil || len(res.Stdout) != guest.MaxOutput {
		t.Errorf("error %v, %d bytes kept, want %d", err, len(res.Stdout), guest.MaxOutput)
	}
}
