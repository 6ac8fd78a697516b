package fidelity

import (
	"context"
	"fmt"
	"time"
)

// startInterrupted is what Proxmox VE answers, rarely and without having done anything, when the end of an earlier task
// interrupts the start of the next one. It says nothing about an endpoint, so the request is sent again.
const startInterrupted = "got no worker upid - start worker failed"

const (
	taskPatience  = 90 * time.Second
	untilPatience = 40 * time.Second // the list of resources lags by 10 s
	defaultPause  = 150 * time.Millisecond
)

// Observation is the normalised outcome of one step.
type Observation struct {
	ID   string         `json:"id"`
	Seen map[string]any `json:"seen"`
	// Skipped says that the step needs a hook that was not given.
	Skipped bool `json:"-"`
}

// Hook does to a container what the API has no call for.
type Hook func(ctx context.Context, vmid int) error

// Runner runs scenarios against an endpoint. It may run several at once, for each has containers of its own.
type Runner struct {
	Client *Client
	World  *World
	// Hooks by name; "unlock" is needed to clean up behind a run that was cut short, too.
	Hooks map[string]Hook
	// Pause is the time between two looks at a task; default 150 ms.
	Pause time.Duration
	// Log gets a line for each request; default: nowhere.
	Log func(line string)
}

// Version is what the endpoint says it is. An error means that nothing can be run against it.
func (r *Runner) Version(ctx context.Context) (map[string]any, error) {
	answer, err := r.get(ctx, "/version", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	}
	version, ok := answer.At("data").(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the endpoint answers GET /version with %d %s; is the token right?", answer.Status, answer.Reason)
	}
	return version, nil
}

// Run runs a scenario and cleans up before and behind it, even if ctx ends.
func (r *Runner) Run(ctx context.Context, scenario *Scenario) []Observation {
	r.cleanUp(ctx, scenario)
	defer r.cleanUp(context.WithoutCancel(ctx), scenario)
	so := &conversation{runner: r, scenario: scenario, answers: make(answers)}
	var seen []Observation
	for i := range scenario.Steps {
		if ctx.Err() != nil {
			break
		}
		seen = append(seen, so.step(ctx, &scenario.Steps[i]))
	}
	return seen
}

func (r *Runner) authorization(step *Step) string {
	switch {
	case step.Authorization != nil:
		return *step.Authorization
	case step.Token.None:
		return ""
	case step.Token.Name != "":
		return r.World.Tokens[step.Token.Name].header()
	}
	return r.World.Tokens["full"].header()
}

func (r *Runner) hook(ctx context.Context, step *Step) Observation {
	hook, given := r.Hooks[step.Hook]
	if !given {
		return Observation{ID: step.ID, Skipped: true}
	}
	outcome := "done"
	if err := hook(ctx, step.VMID); err != nil {
		outcome = "failed"
		r.log(fmt.Sprintf("hook %s of %d: %v", step.Hook, step.VMID, err))
	}
	return Observation{ID: step.ID, Seen: map[string]any{"hook": outcome}}
}

func (r *Runner) send(ctx context.Context, what call) (*Answer, error) {
	answer, err := r.Client.do(ctx, what)
	if err != nil {
		r.log(fmt.Sprintf("%s %s: %v", what.method, what.path, err))
		return nil, err
	}
	r.log(fmt.Sprintf("%s %s: %d %s", what.method, what.path, answer.Status, answer.Reason))
	return answer, nil
}

func (r *Runner) get(ctx context.Context, path string, query map[string]any) (*Answer, error) {
	return r.send(ctx, call{method: "GET", path: path, query: query, authorization: r.World.Tokens["full"].header()})
}

func (r *Runner) log(line string) {
	if r.Log != nil {
		r.Log(line)
	}
}

func (r *Runner) pause() time.Duration {
	if r.Pause > 0 {
		return r.Pause
	}
	return defaultPause
}

// sleep waits, or returns why it should not.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
