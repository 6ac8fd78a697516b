package fidelity

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	taskPatience = 90 * time.Second
	pollPatience = 40 * time.Second
	pollPause    = 20 * time.Millisecond
	// interrupted is what Proxmox VE answers, rarely and without having done anything, when the end of an earlier task
	// interrupts the start of the next one. Such a request is sent again.
	interrupted = "got no worker upid - start worker failed"
)

// Runner replays scenarios against an endpoint.
type Runner struct {
	Endpoint *Endpoint
	// Hooks do what the API has no call for, by name; "unlock" is that of `pct unlock`.
	Hooks map[string]func(vmid int) error
}

// Run replays a scenario and returns what was seen at each step.
func (r *Runner) Run(ctx context.Context, scenario *Scenario) ([]Observation, error) {
	if err := r.cleanUp(ctx, scenario); err != nil {
		return nil, err
	}
	replies := make(map[string]*reply)
	var observations []Observation
	for i := range scenario.Steps {
		step := &scenario.Steps[i]
		seen, err := r.step(ctx, scenario, step, replies)
		if err != nil {
			seen = map[string]any{"failure": err.Error()}
		}
		observations = append(observations, Observation{ID: step.ID, Seen: seen})
	}
	return observations, r.cleanUp(ctx, scenario)
}

func (r *Runner) step(ctx context.Context, scenario *Scenario, step *Step, replies map[string]*reply) (map[string]any, error) {
	normal, err := newNormaliser(scenario, step.Ordered)
	if err != nil {
		return nil, err
	}
	if step.Hook != "" {
		hook := r.Hooks[step.Hook]
		if hook == nil {
			return nil, fmt.Errorf("there is no hook %q", step.Hook)
		}
		if err := hook(step.VMID); err != nil {
			return map[string]any{"hook": "failed"}, nil
		}
		return map[string]any{"hook": "done"}, nil
	}
	if earlier, isText := step.Wait.(string); isText {
		task, err := r.task(ctx, replies[earlier], normal)
		return map[string]any{"task": task}, err
	}
	answer, err := r.settled(ctx, step, replies)
	if err != nil {
		return nil, err
	}
	replies[step.ID] = answer
	seen := describe(answer, normal)
	if step.Wait == true {
		task, err := r.task(ctx, answer, normal)
		if err != nil {
			return nil, err
		}
		seen["task"] = task
	}
	if len(step.Since) > 0 {
		since := make(map[string]any)
		for path, earlier := range step.Since {
			word := "changed"
			if canonical(answer.value(path)) == canonical(replies[earlier].value(path)) {
				word = "unchanged"
			}
			since[path] = word + " since " + earlier
		}
		seen["since"] = since
	}
	return seen, nil
}

func describe(answer *reply, normal *normaliser) map[string]any {
	seen := map[string]any{"status": answer.status, "reason": normal.text(answer.reason)}
	if answer.isJSON {
		seen["body"] = normal.tree(answer.body)
	} else {
		seen["text"] = normal.text(answer.text)
	}
	if answer.contentType != "application/json;charset=UTF-8" {
		seen["content_type"] = answer.contentType
	}
	return seen
}

// settled sends the request until its answer is the one that the step waits for, or patience ends.
func (r *Runner) settled(ctx context.Context, step *Step, replies map[string]*reply) (*reply, error) {
	deadline := time.Now().Add(pollPatience)
	for attempt := 0; ; attempt++ {
		answer, err := r.send(ctx, step, replies)
		if err != nil {
			return nil, err
		}
		again := answer.reason == interrupted && attempt < 3 || len(step.Until) > 0 && !matches(answer, step.Until)
		if !again || time.Now().After(deadline) {
			return answer, nil
		}
		time.Sleep(pollPause)
	}
}

func matches(answer *reply, wanted map[string]any) bool {
	for path, want := range wanted {
		got := answer.value(path)
		if want == "*" && got != nil {
			continue
		}
		if canonical(got) != canonical(want) {
			return false
		}
	}
	return true
}

func (r *Runner) send(ctx context.Context, step *Step, replies map[string]*reply) (*reply, error) {
	authorization := step.Authorization
	if authorization == "" && string(step.Token) != "null" {
		token := "full"
		if len(step.Token) > 0 {
			if err := json.Unmarshal(step.Token, &token); err != nil {
				return nil, fmt.Errorf("step %s: token: %w", step.ID, err)
			}
		}
		authorization = r.Endpoint.authorization(token)
	}
	raw := step.Raw
	if raw != nil {
		filled := fill(*raw, replies).(string)
		raw = &filled
	}
	answer, err := r.Endpoint.call(ctx, request{
		method: step.Method, path: fill(step.Path, replies).(string), query: fillMap(step.Query, replies), form: fillMap(step.Form, replies),
		json: fillMap(step.JSON, replies), raw: raw, contentType: step.ContentType, authorization: authorization,
	})
	if err != nil {
		return nil, err
	}
	narrow(answer, step)
	return answer, nil
}

var placeholder = regexp.MustCompile(`\{([\w-]+)\.([\w.-]+)\}`)

// fill puts values of earlier answers in the place of {STEP.PATH}.
func fill(value any, replies map[string]*reply) any {
	switch typed := value.(type) {
	case string:
		return placeholder.ReplaceAllStringFunc(typed, func(match string) string {
			parts := placeholder.FindStringSubmatch(match)
			if earlier := replies[parts[1]]; earlier != nil {
				return plain(earlier.value(parts[2]))
			}
			return match
		})
	case map[string]any:
		return fillMap(typed, replies)
	case []any:
		filled := make([]any, len(typed))
		for i, item := range typed {
			filled[i] = fill(item, replies)
		}
		return filled
	}
	return value
}

func fillMap(params map[string]any, replies map[string]*reply) map[string]any {
	if params == nil {
		return nil
	}
	filled := make(map[string]any, len(params))
	for key, value := range params {
		filled[key] = fill(value, replies)
	}
	return filled
}

// narrow keeps the rows and keys that the step is about.
func narrow(answer *reply, step *Step) {
	body, ok := answer.body.(map[string]any)
	if !ok {
		return
	}
	rows, isList := body["data"].([]any)
	if isList && len(step.Select) > 0 {
		rows = slices.DeleteFunc(rows, func(row any) bool {
			for key, want := range step.Select {
				if object, ok := row.(map[string]any); !ok || canonical(object[key]) != canonical(want) {
					return true
				}
			}
			return false
		})
		body["data"] = rows
	}
	if !isList {
		rows = []any{body["data"]}
	}
	for _, row := range rows {
		if object, ok := row.(map[string]any); ok {
			for _, key := range step.Drop {
				delete(object, key)
			}
		}
	}
}

func isUPID(answer *reply) (string, bool) {
	if answer == nil {
		return "", false
	}
	upid, ok := answer.value("data").(string)
	return upid, ok && strings.HasPrefix(upid, "UPID:")
}

// task waits for the task that an answer names; "none" if it names none.
func (r *Runner) task(ctx context.Context, answer *reply, normal *normaliser) (any, error) {
	upid, ok := isUPID(answer)
	if !ok {
		return "none", nil
	}
	exit, last, err := r.waitForTask(ctx, upid)
	if err != nil {
		return nil, err
	}
	return normal.tree(map[string]any{"exitstatus": exit, "last_line": last}), nil
}

func (r *Runner) get(ctx context.Context, path string, query map[string]any) (*reply, error) {
	return r.Endpoint.call(ctx, request{method: "GET", path: path, query: query, authorization: r.Endpoint.authorization("full")})
}

func (r *Runner) waitForTask(ctx context.Context, upid string) (exit, last any, err error) {
	base := "/nodes/" + strings.Split(upid, ":")[1] + "/tasks/" + upid
	deadline := time.Now().Add(taskPatience)
	for {
		status, err := r.get(ctx, base+"/status", nil)
		if err != nil {
			return nil, nil, err
		}
		if status.status != 200 {
			return fmt.Sprintf("no status: %d %s", status.status, status.reason), nil, nil
		}
		if status.value("data.status") == "stopped" {
			exit = status.value("data.exitstatus")
			break
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("still running after %s", taskPatience), nil, nil
		}
		time.Sleep(pollPause)
	}
	log, err := r.get(ctx, base+"/log", map[string]any{"limit": 0})
	if err != nil {
		return nil, nil, err
	}
	if lines, ok := log.value("data").([]any); ok && len(lines) > 0 {
		last = (&reply{body: lines[len(lines)-1]}).value("t")
	}
	return exit, last, nil
}

// cleanUp destroys the scenario's containers, whatever state they are in.
func (r *Runner) cleanUp(ctx context.Context, scenario *Scenario) error {
	for _, vmid := range slices.Backward(scenario.VMIDs) {
		for range 3 {
			gone, err := r.destroy(ctx, vmid)
			if err != nil {
				return err
			}
			if gone {
				break
			}
		}
	}
	return nil
}

func (r *Runner) destroy(ctx context.Context, vmid int) (gone bool, err error) {
	base := fmt.Sprintf("/nodes/%s/lxc/%d", r.Endpoint.Node, vmid)
	config, err := r.get(ctx, base+"/config", nil)
	if err != nil || config.status != 200 {
		return err == nil, err
	}
	if config.value("data.lock") != nil && r.Hooks["unlock"] != nil {
		if err := r.Hooks["unlock"](vmid); err != nil {
			return false, err
		}
	}
	full := r.Endpoint.authorization("full")
	if config.value("data.protection") != nil {
		if _, err := r.Endpoint.call(ctx, request{
			method: "PUT", path: base + "/config", form: map[string]any{"delete": "protection"}, authorization: full,
		}); err != nil {
			return false, err
		}
	}
	query := map[string]any{"force": 1, "purge": 1, "destroy-unreferenced-disks": 1}
	answer, err := r.Endpoint.call(ctx, request{method: "DELETE", path: base, query: query, authorization: full})
	if err != nil {
		return false, err
	}
	if upid, ok := isUPID(answer); ok {
		if _, _, err := r.waitForTask(ctx, upid); err != nil {
			return false, err
		}
	}
	config, err = r.get(ctx, base+"/config", nil)
	return err == nil && config.status != 200, err
}
