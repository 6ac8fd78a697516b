package health

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

func TestCommandChecks(t *testing.T) {
	tests := []struct {
		says    string
		result  guest.Result
		err     error
		outcome Outcome
		final   bool
		message string
	}{
		{says: "exit 0", outcome: Passed, message: "the command succeeded"},
		{says: "another exit", result: guest.Result{ExitCode: 3}, outcome: Failed, message: "exit code 3"},
		{says: "with something on stderr", result: guest.Result{ExitCode: 1, Stdout: "out", Stderr: "\n \nno \x1b[1mserver\x00\nmore"}, outcome: Failed, message: "exit code 1: no  [1mserver"},
		{says: "with something on stdout only", result: guest.Result{ExitCode: 1, Stdout: "out\n"}, outcome: Failed, message: "exit code 1: out"},
		{says: "with a very long line", result: guest.Result{ExitCode: 1, Stderr: strings.Repeat("é", 5000)}, outcome: Failed, message: strings.Repeat("é", 200) + "..."},
		{says: "not configured", err: fmt.Errorf("x: %w", guest.ErrNotConfigured), outcome: NotRun, final: true, message: "use an http or tcp check"},
		{says: "unreachable", err: fmt.Errorf("ssh pve1: %w: refused", guest.ErrUnreachable), outcome: NotRun, message: "ssh pve1"},
		{says: "unreachable until the deadline", err: fmt.Errorf("%w: %w", guest.ErrUnreachable, context.DeadlineExceeded), outcome: NotRun, message: "cannot be reached"},
		{says: "hung", err: fmt.Errorf("x: %w", context.DeadlineExceeded), outcome: Failed, message: "did not end within 20s"},
		{says: "anything else", err: fmt.Errorf("odd"), outcome: NotRun, message: "odd"},
	}
	for _, tt := range tests {
		t.Run(tt.says, func(t *testing.T) {
			target := testTarget()
			target.Exec = executorFunc(func(_ context.Context, c guest.Container, script string) (guest.Result, error) {
				if c != (guest.Container{Node: "pve1", VMID: 911}) || script != "pg_isready -U 'my user'" {
					t.Errorf("ran %q in %+v", script, c)
				}
				return tt.result, tt.err
			})
			r := testProber().Probe(t.Context(), mustParse(t, "pg_isready -U 'my user'"), target, Limits{Timeout: patient})
			wantResult(t, r, tt.outcome, tt.message)
			if r.Final != tt.final {
				t.Errorf("Final = %v, want %v", r.Final, tt.final)
			}
		})
	}
}

func TestACommandWithoutAWayInCannotRun(t *testing.T) {
	r := testProber().Probe(t.Context(), mustParse(t, "systemctl is-active x"), testTarget(), Limits{Timeout: patient})
	wantResult(t, r, NotRun, "use an http or tcp check")
	if !r.Final {
		t.Error("not final")
	}
}

func TestACommandHasADeadline(t *testing.T) {
	target := testTarget()
	target.Exec = executorFunc(func(ctx context.Context, _ guest.Container, _ string) (guest.Result, error) {
		<-ctx.Done()
		return guest.Result{}, ctx.Err()
	})
	r := testProber().Probe(t.Context(), mustParse(t, "sleep 1000"), target, Limits{Timeout: time.Millisecond})
	wantResult(t, r, Failed, "did not end within 1ms")
}
