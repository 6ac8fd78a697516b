package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// drift stops a container by hand and waits for the call that starts it. Proxmox's own list lags up to ten seconds; what counts is the
// time from the broadcast that shows it. How long that is depends on how the polls fall between the broadcasts, so that there are several
// installations in which they fall differently; the slowest counts.
func drift(ctx context.Context, b *bench) error {
	const apart = pollInterval / driftScenes
	type result struct {
		took, lag time.Duration
		err       error
	}
	results := make(chan result, driftScenes)
	for i := range driftScenes {
		go func() {
			took, lag, err := b.driftOnce(ctx, time.Duration(i)*apart)
			results <- result{took, lag, err}
		}()
	}
	var slowest time.Duration
	var each []string
	var err error
	for range driftScenes {
		r := <-results
		slowest, err = max(slowest, r.took), errors.Join(err, r.err)
		each = append(each, fmt.Sprintf("%.1f s (Proxmox showed it after %.1f s)", r.took.Seconds(), r.lag.Seconds()))
	}
	if err != nil {
		return err
	}
	b.table.atMost(orderDrift, "drift (stopped) to the first repairing call, after Proxmox shows it", "%.1f s", slowest.Seconds(), (pollInterval + goalDriftExtra).Seconds(),
		"the slowest of "+strings.Join(each, ", "))
	return nil
}

// driftOnce is one stop; the controller's first poll comes a while after the simulator's first broadcast.
func (b *bench) driftOnce(ctx context.Context, after time.Duration) (took, lag time.Duration, err error) {
	s := shape{services: 1, nodes: 1, levels: 1, gate: v1alpha1.GatePhase, maxConcurrent: 4, create: 0.2, start: 0.2, ready: 0.1}
	c, err := b.lab.scene(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, after); err != nil {
		return 0, 0, err
	}
	if _, err := c.rollOut(ctx); err != nil {
		return 0, 0, err
	}
	if err := pause(ctx, settleTime); err != nil {
		return 0, 0, err
	}
	stopped := time.Now()
	if err := c.sim.Stop(firstVMID); err != nil {
		return 0, 0, err
	}
	var shown time.Time
	err = until(ctx, time.Minute, "the resource list shows the stop", func() (bool, error) {
		shown = time.Now()
		return c.shows(ctx, "stopped")
	})
	if err != nil {
		return 0, 0, err
	}
	var repaired time.Time
	err = until(ctx, time.Minute, "the container is started", func() (bool, error) {
		entries, err := c.log.entries()
		for _, e := range entries {
			if e.Kind == calllog.KindCall && e.Time.After(stopped) && kindOf(e) == "start" {
				repaired = e.Time
				return true, err
			}
		}
		return false, err
	})
	if err != nil {
		return 0, 0, err
	}
	return max(repaired.Sub(shown), 0), shown.Sub(stopped), c.remove(ctx)
}
