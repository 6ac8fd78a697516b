package controllers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/nixmox/nixmox-controller/internal/health"
)

var probeSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "nixmox_probe_duration_seconds",
	Help:    "How long the probes of health checks took, by the form of the check and by outcome (passed, failed, not run).",
	Buckets: []float64{.005, .025, .1, .25, 1, 2.5, 5, 10, 30},
}, []string{"check", "outcome"})

func init() { metrics.Registry.MustRegister(probeSeconds) }

// MeasureProbes counts and times what a prober does. No label names a service: there may be ten thousand.
func MeasureProbes(probe func(context.Context, health.Check, health.Target, health.Limits) health.Result) func(context.Context, health.Check, health.Target, health.Limits) health.Result {
	return func(ctx context.Context, c health.Check, t health.Target, l health.Limits) health.Result {
		began := time.Now()
		r := probe(ctx, c, t, l)
		if ctx.Err() == nil {
			probeSeconds.WithLabelValues(c.Kind.String(), r.Outcome.String()).Observe(time.Since(began).Seconds())
		}
		return r
	}
}
