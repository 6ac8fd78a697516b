// Package health says whether a service is well.
//
// Here live the grammar of checks (grammar.go), the probes that run one check
// once (probe.go and its kin), the thresholds that turn results into a verdict
// (verdict.go) and the one scheduler that runs them all (scheduler.go). Grammar,
// cadence and thresholds are pure; only the probes and the scheduler touch the
// network and the clock.
//
// What does not live here: what a verdict means for a service (the controllers),
// how a command gets into a container (internal/guest), and anything of
// Kubernetes. Called by the controllers; internal/app makes the Prober.
package health
