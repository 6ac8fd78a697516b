// Package logging makes the libraries of a Kubernetes API server and of etcd
// write to stderr, and by default only what somebody should read: an ordinary
// start and stop are silent. At higher verbosity they say all they have.
package logging

import "github.com/nixmox/nixmox-controller/standalone/internal/logging/stderr"

// Quiet ends the libraries' logging. While a process stops, its parts complain
// about one another's absence; at a verbosity above 0 somebody wants to read
// that.
func Quiet(verbosity int) {
	if verbosity == 0 {
		stderr.Quiet()
	}
}
