package crash

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nixmox/nixmox-controller/test/apiserver"
	"github.com/nixmox/nixmox-controller/test/lab"
)

// Matrix is how much of all points is tried, and how.
type Matrix struct {
	Scenarios []Scenario
	// Shard of Shards, counted from 1: only every Shards-th point.
	Shard, Shards int
	// Every limits it further to every n-th point; 0 tries none.
	Every int
	// Parallel is how many worlds live at once.
	Parallel int
	// Only is the one point to try, if it is set.
	Only *Point
	// Patience is how long to wait for what takes seconds.
	Patience time.Duration
	// Verbose prints the controller's log of a run that fails.
	Verbose bool
}

// Totals are the counts of a matrix.
type Totals struct{ Scenarios, Points, Runs, NotReached, Violations int }

// job is one run.
type job struct {
	scenario *result
	point    *Point
}

type result struct {
	Scenario
	points, runs, notReached int
	failures                 []string
}

// Run tries the points and prints a line for each scenario, then a total.
func (m Matrix) Run(ctx context.Context, api *apiserver.Server, out io.Writer) Totals {
	began := time.Now()
	for i := range m.Scenarios {
		m.Scenarios[i].patience = m.Patience
	}
	jobs := make(chan job)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range max(m.Parallel, 1) {
		workers.Go(func() {
			for j := range jobs {
				m.run(ctx, api, j, &mu)
			}
		})
	}
	results := make([]*result, len(m.Scenarios))
	var counting sync.WaitGroup
	points := make([][]Point, len(m.Scenarios))
	for i, s := range m.Scenarios {
		results[i] = &result{Scenario: s}
		counting.Go(func() { points[i] = number(ctx, api, results[i], m.Verbose) })
	}
	counting.Wait()
	next := 0
	for i, r := range results {
		r.points = len(points[i]) / 2
		for _, p := range points[i] {
			next++
			if m.Only != nil && *m.Only != p || m.Every == 0 || next%m.Every != 0 || m.Shards > 1 && next%m.Shards != m.Shard-1 {
				continue
			}
			jobs <- job{r, &p}
		}
	}
	close(jobs)
	workers.Wait()
	return m.print(out, results, time.Since(began))
}

// number runs a scenario without a death and names its points.
func number(ctx context.Context, api *apiserver.Server, r *result, verbose bool) []Point {
	var writes []string
	failures, log := lab.Run(ctx, func(t lab.T) { writes, _ = r.Scenario.Run(t, api, nil) })
	if len(failures) > 0 && verbose {
		r.failures = append(r.failures, log...)
	}
	for _, f := range failures {
		r.failures = append(r.failures, "without a death: "+f)
	}
	var points []Point
	for _, w := range writes {
		points = append(points, Point{w, false}, Point{w, true})
	}
	return points
}

func (m Matrix) run(ctx context.Context, api *apiserver.Server, j job, mu *sync.Mutex) {
	var reached bool
	failures, log := lab.Run(ctx, func(t lab.T) { _, reached = j.scenario.Scenario.Run(t, api, j.point) })
	mu.Lock()
	defer mu.Unlock()
	j.scenario.runs++
	if !reached && len(failures) == 0 {
		j.scenario.notReached++
	}
	for _, f := range failures {
		j.scenario.failures = append(j.scenario.failures, fmt.Sprintf("%s: %s", j.point, f))
	}
	if len(failures) > 0 && m.Verbose {
		j.scenario.failures = append(j.scenario.failures, log...)
	}
}

func (m Matrix) print(out io.Writer, results []*result, took time.Duration) Totals {
	t := Totals{Scenarios: len(results)}
	for _, r := range results {
		t.Points, t.Runs, t.NotReached, t.Violations = t.Points+r.points, t.Runs+r.runs, t.NotReached+r.notReached, t.Violations+len(r.failures)
		runs := "x 2"
		if r.runs != 2*r.points {
			runs = fmt.Sprintf("x 2, %d of them tried", r.runs)
		}
		if r.notReached > 0 {
			runs += fmt.Sprintf(" (%d not reached: that write did not come this time)", r.notReached)
		}
		fmt.Fprintf(out, "%s: %d points %s, %d violations\n", r.Name, r.points, runs, len(r.failures))
		for _, f := range r.failures {
			fmt.Fprintf(out, "  %s\n", f)
		}
	}
	fmt.Fprintf(out, "total: %d scenarios, %d points, %d deaths, %d violations, %.0f s\n", t.Scenarios, t.Points, t.Runs-t.NotReached, t.Violations, took.Seconds())
	return t
}
