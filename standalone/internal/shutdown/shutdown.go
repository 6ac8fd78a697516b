// Package shutdown turns signals into the end of a process that comes in time,
// whatever the rest of the process is doing.
package shutdown

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Deadline is how long the process may take from the first signal to its end.
// Service managers and our contract (ten seconds) are stricter than libraries
// that wait for clients to leave.
const Deadline = 8 * time.Second

var armed sync.Once

// Arm starts the countdown to a hard exit. Whoever begins to shut down calls it;
// only the first call counts. Nothing acknowledged can be lost by a hard exit:
// the database is on disk before a write is acknowledged.
func Arm() {
	armed.Do(func() {
		time.AfterFunc(Deadline, func() {
			fmt.Fprintf(os.Stderr, "nixmox: not stopped after %s, leaving now; every acknowledged write is on disk\n", Deadline)
			os.Exit(1)
		})
	})
}

// Context is cancelled by SIGTERM or SIGINT, which also arm the deadline. A
// second signal ends the process at once.
func Context() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		Arm()
		cancel()
		<-signals
		os.Exit(1)
	}()
	return ctx
}
