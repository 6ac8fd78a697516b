package fidelity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// conversation is one run of a scenario.
type conversation struct {
	runner   *Runner
	scenario *Scenario
	answers  answers
}

func (c *conversation) step(ctx context.Context, step *Step) Observation {
	if step.Hook != "" {
		return c.runner.hook(ctx, step)
	}
	seen, err := c.observe(ctx, step)
	if err != nil { // an endpoint that cannot answer is observed, too
		seen = map[string]any{"failure": err.Error()}
	}
	return Observation{ID: step.ID, Seen: seen}
}

func (c *conversation) observe(ctx context.Context, step *Step) (map[string]any, error) {
	normal := &normaliser{named: c.scenario.macs, ordered: step.Ordered}
	if step.Wait.Step != "" {
		task, err := c.task(ctx, c.answers[step.Wait.Step], normal)
		return map[string]any{"task": task}, err
	}
	answer, err := c.request(ctx, step)
	if err != nil {
		return nil, err
	}
	c.answers[step.ID] = answer
	seen := map[string]any{"status": answer.Status, "reason": normal.text(answer.Reason)}
	if answer.IsJSON {
		seen["body"] = normal.tree(answer.Body)
	} else {
		seen["text"] = normal.text(answer.Text)
	}
	if answer.ContentType != "application/json;charset=UTF-8" {
		seen["content_type"] = answer.ContentType
	}
	if step.Wait.Own {
		if seen["task"], err = c.task(ctx, answer, normal); err != nil {
			return nil, err
		}
	}
	if len(step.Since) > 0 {
		seen["since"], err = c.since(step, answer)
	}
	return seen, err
}

// request sends a step's request, again where that says nothing, and again until the answer is the one that is waited for.
func (c *conversation) request(ctx context.Context, step *Step) (*Answer, error) {
	what, err := c.call(step)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(untilPatience)
	interruptions := 0
	for {
		answer, err := c.runner.send(ctx, what)
		if err != nil {
			return nil, err
		}
		answer.narrow(step)
		pause := c.runner.pause()
		switch {
		case answer.Reason == startInterrupted && interruptions < 3:
			interruptions++
			pause = time.Second
		case answer.matches(step.Until) || time.Now().After(deadline):
			return answer, nil
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (c *conversation) call(step *Step) (call, error) {
	what := call{method: step.Method, contentType: step.ContentType, authorization: c.runner.authorization(step)}
	var errs [5]error
	what.path, errs[0] = c.answers.fillText(step.Path)
	what.query, errs[1] = c.answers.fillMap(step.Query)
	what.form, errs[2] = c.answers.fillMap(step.Form)
	what.json, errs[3] = c.answers.fillMap(step.JSON)
	if step.Raw != nil {
		var raw string
		raw, errs[4] = c.answers.fillText(*step.Raw)
		what.raw = &raw
	}
	return what, errors.Join(errs[:]...)
}

func (c *conversation) since(step *Step, answer *Answer) (map[string]any, error) {
	seen := make(map[string]any)
	for path, earlier := range step.Since {
		before := c.answers[earlier]
		if before == nil {
			return nil, fmt.Errorf("step %s had no answer to compare with", earlier)
		}
		verdict := "changed"
		if same(answer.At(path), before.At(path)) {
			verdict = "unchanged"
		}
		seen[path] = verdict + " since " + earlier
	}
	return seen, nil
}
