package pvesim

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// systemctl knows is-active, restart, start, stop and is-system-running. Exit codes as of systemd: 3 for a unit that is
// not active, 4 for one that does not exist, though is-active gives 4 for none (systemd 254 on).
func (in *inside) systemctl(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var words []string
	quiet := false
	for _, arg := range args {
		switch {
		case arg == "-q" || arg == "--quiet":
			quiet = true
		case strings.HasPrefix(arg, "-"):
		default:
			words = append(words, arg)
		}
	}
	if len(words) == 0 {
		return 0
	}
	if words[0] == "is-system-running" {
		fmt.Fprintln(stdout, "running")
		return 0
	}
	in.sim.lock()
	defer in.sim.mu.Unlock()
	code := 0
	for _, unit := range words[1:] {
		code = max(code, in.unit(words[0], strings.TrimSuffix(unit, ".service"), quiet, stdout, stderr))
	}
	return code
}

func (in *inside) unit(verb, name string, quiet bool, stdout, stderr io.Writer) int {
	one := in.serviceOf(name)
	switch verb {
	case "is-active", "is-failed":
		state := one.state()
		if !quiet {
			fmt.Fprintln(stdout, state)
		}
		switch {
		case one == nil:
			return 4
		case (state == "active") == (verb == "is-active"):
			return 0
		}
		return 3
	case "restart", "start", "stop", "try-restart", "reload":
		if one == nil {
			fmt.Fprintf(stderr, "Failed to %s %s.service: Unit %s.service not found.\n", verb, name, name)
			return 5
		}
		in.control(verb, one)
		return 0
	}
	fmt.Fprintf(stderr, "Unknown command verb '%s'.\n", verb)
	return 1
}

func (in *inside) control(verb string, one *runningService) {
	if in.guest.run != in.life {
		return
	}
	switch {
	case verb == "stop":
		one.close()
		one.stopped = true
	case verb == "reload", verb == "start" && one.state() != "inactive":
	default:
		in.sim.bringUp(in.guest, in.life, one)
	}
}

func (in *inside) serviceOf(unit string) *runningService {
	for _, one := range in.life.services {
		if slices.Contains(one.def.Units, unit) {
			return one
		}
	}
	return nil
}

func (r *runningService) state() string {
	switch {
	case r == nil || r.stopped:
		return "inactive"
	case r.broken:
		return "failed"
	case r.ready:
		return "active"
	}
	return "activating"
}
