// Package logging makes the many libraries of a Kubernetes API server speak with
// one voice: to stderr, and by default only when something is wrong.
package logging

import (
	"flag"
	"strconv"

	"k8s.io/klog/v2"
)

// Setup directs klog to stderr. Verbosity 0 shows warnings and errors, 1 also
// what goes on, 2 and more are Kubernetes' own levels.
func Setup(verbosity int) {
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	set := func(name, value string) {
		if err := flags.Set(name, value); err != nil {
			panic(err) // a flag that klog no longer has: a mistake of ours
		}
	}
	threshold := "WARNING"
	if verbosity > 0 {
		threshold = "INFO"
	}
	set("logtostderr", "true")
	// Without this klog ignores the threshold whenever it logs to stderr.
	set("legacy_stderr_threshold_behavior", "false")
	set("stderrthreshold", threshold)
	set("v", strconv.Itoa(verbosity))
}
