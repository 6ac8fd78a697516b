// Package devexec is for development only: it runs "commands inside a
// container" by asking a simulator on this machine what the command would have
// answered. It exists so that the demo works without a real Proxmox, says so in
// every name, and cannot be pointed at anything but a loopback address. Nothing
// of production imports it except the wiring behind an explicit development flag.
package devexec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// DevelopmentExecutor is a guest.Executor that asks a simulator. Never for
// production.
type DevelopmentExecutor struct {
	endpoint string
	client   *http.Client
}

var _ guest.Executor = (*DevelopmentExecutor)(nil)

// New makes a DevelopmentExecutor for the simulator whose control endpoint is
// at base, for instance "http://127.0.0.1:8007/control"; commands are posted to base + "/exec".
// The host must be a literal loopback address: a name, even localhost, is
// refused, since what it resolves to is not ours to know.
func New(base string) (*DevelopmentExecutor, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("development executor: %w; write it as http://127.0.0.1:PORT", err)
	}
	if u.Scheme != "http" {
		return nil, fmt.Errorf("development executor: %q is not an http:// address; write it as http://127.0.0.1:PORT", base)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil || !addr.IsLoopback() {
		return nil, fmt.Errorf("development executor: host %q is not a loopback address; it is for a simulator on this machine only, write it as http://127.0.0.1:PORT", u.Hostname())
	}
	return &DevelopmentExecutor{
		endpoint: u.JoinPath("exec").String(),
		client: &http.Client{
			Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16},
			// A redirect could lead off this machine.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

type request struct {
	VMID    int      `json:"vmid"`
	Command []string `json:"command"`
}

type response struct {
	ExitCode *int   `json:"exitCode"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

// maxAnswer leaves room for both streams at their cap, escaped.
const maxAnswer = 16 * guest.MaxOutput

// Run implements guest.Executor.
func (e *DevelopmentExecutor) Run(ctx context.Context, c guest.Container, script string) (guest.Result, error) {
	answer, err := e.post(ctx, request{VMID: c.VMID, Command: []string{"/bin/sh", "-c", script}})
	if err != nil {
		if ctx.Err() != nil {
			return guest.Result{}, fmt.Errorf("development executor, container %d: %w", c.VMID, ctx.Err())
		}
		return guest.Result{}, fmt.Errorf("development executor, container %d: %w: %w", c.VMID, guest.ErrUnreachable, err)
	}
	return guest.Result{
		ExitCode: *answer.ExitCode,
		Stdout:   guest.Capped(answer.Stdout),
		Stderr:   guest.Capped(answer.Stderr),
	}, nil
}

func (e *DevelopmentExecutor) post(ctx context.Context, body request) (answer response, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint, bytes.NewReader(raw))
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := e.client.Do(req)
	if err != nil {
		return answer, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer, err
	}
	if res.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("the simulator answered %s: %s", res.Status, strings.TrimSpace(string(text[:min(len(text), 200)])))
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("the simulator's answer cannot be read: %w", err)
	}
	if answer.ExitCode == nil {
		return answer, errors.New("the simulator's answer has no exitCode")
	}
	return answer, nil
}
