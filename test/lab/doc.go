// Package lab is one small world for a harness: a namespace of a real API server, a simulated Proxmox, any number of controllers on
// both, and a recorder that sees everything that passes between them, for the oracle of package invariants. The controllers' tests and
// the harnesses under test/ begin with it.
package lab

import "context"

// T is what a lab needs of a test; a harness that is a program brings its own.
type T interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}
