// Package guest runs commands inside containers.
//
// Here lives what a caller needs to know of that: the Executor interface, its
// result and its two errors. How a command gets there (ssh to the node and
// `pct exec`) is an implementation beside it; what a command's exit code means
// for a service is internal/health's business. Called by health and, for the
// environment file, by the controllers.
package guest

import (
	"context"
	"errors"
	"unicode/utf8"
)

// Container says where a command runs.
type Container struct {
	// Node is the Proxmox node that holds the container now. Containers move:
	// take it from the newest inventory.
	Node string
	// VMID is the container's number on that Proxmox.
	VMID int
}

// Result is what a command left behind when it ended by itself.
type Result struct {
	// ExitCode is the command's own, 0 to 255.
	ExitCode int
	// Stdout and Stderr are cut at MaxOutput bytes each.
	Stdout, Stderr string
}

// MaxOutput is how many bytes of each output stream an Executor keeps.
const MaxOutput = 64 << 10

var (
	// ErrNotConfigured says that no way into containers is set up. It stays so
	// until somebody configures one.
	ErrNotConfigured = errors.New("commands inside containers are not configured")
	// ErrUnreachable says that the way into the container failed: node down, login
	// refused, connection lost. Nothing is known about the command.
	ErrUnreachable = errors.New("the container cannot be reached for commands")
)

// Executor runs a script inside a container.
type Executor interface {
	// Run hands script to `/bin/sh -c` inside c, as root, with an empty standard
	// input, and waits for its end. A script that ran is never an error, whatever
	// its exit code. Errors wrap ErrNotConfigured or ErrUnreachable; when ctx
	// ended while the script ran, they wrap ctx's error instead, and the script
	// was told to stop. Safe for concurrent use. Safe to repeat only if the
	// script is: after an error it may have run or not.
	Run(ctx context.Context, c Container, script string) (Result, error)
}

// Feeder is an Executor whose scripts can be given something to read. What is
// secret goes this way and no other: a command line can be seen by everybody on
// the node.
type Feeder interface {
	Executor
	// RunInput is Run with input on the script's standard input.
	RunInput(ctx context.Context, c Container, script string, input []byte) (Result, error)
}

// Capped cuts s to at most MaxOutput bytes without splitting a character.
func Capped(s string) string {
	if len(s) <= MaxOutput {
		return s
	}
	end := MaxOutput
	for end > MaxOutput-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
