// Package logging makes the libraries of a Kubernetes API server and of etcd
// write to stderr, and by default only what somebody should read: an ordinary
// start and stop are silent. At higher verbosity they say all they have.
package logging
