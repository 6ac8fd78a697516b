package fidelity

import (
	"context"
	"sync"
)

// Each runs scenarios, up to jobs at once, and hands on what was seen in the order of the scenarios, as soon as it is
// there. It returns once all have ended, at the latest after the first error of then.
func (r *Runner) Each(ctx context.Context, scenarios []*Scenario, jobs int, then func(*Scenario, []Observation) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()

	queue := make(chan int)
	results := make([]chan []Observation, len(scenarios))
	for i := range results {
		results[i] = make(chan []Observation, 1)
	}
	for range max(jobs, 1) {
		running.Go(func() {
			for i := range queue {
				results[i] <- r.Run(ctx, scenarios[i])
			}
		})
	}
	running.Go(func() {
		defer close(queue)
		for i := range scenarios {
			select {
			case queue <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	for i, scenario := range scenarios {
		select {
		case seen := <-results[i]:
			if err := then(scenario, seen); err != nil {
				cancel()
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
