package controlplane

import (
	"github.com/nixmox/nixmox-controller/standalone/internal/logging"
	"github.com/nixmox/nixmox-controller/standalone/internal/shutdown"
)

// teardown is what was started, to be stopped in reverse.
type teardown struct {
	verbosity int
	parts     []func()
}

func (t *teardown) add(stop func()) { t.parts = append(t.parts, stop) }

// stop is what every end begins with, whatever its reason: from here on the time
// counts, and what the parts say of one another's absence is no news.
func (t *teardown) stop() {
	shutdown.Arm()
	logging.Quiet(t.verbosity)
	for i := len(t.parts) - 1; i >= 0; i-- {
		t.parts[i]()
	}
}
