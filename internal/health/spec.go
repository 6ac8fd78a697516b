package health

import (
	"reflect"
	"slices"
	"time"
)

// Spec is what the scheduler is told about one service. Zero durations and
// retries take the defaults below.
type Spec struct {
	// Check runs for ever once the startup passed.
	Check Check
	// Layers are run instead of Check, all together, when there are any.
	Layers []Layer
	// StartupCheck runs until its first success; nil means Check.
	StartupCheck *Check
	// Target is the container.
	Target Target
	// Startup says that the container has just started, as opposed to one whose
	// startup check passed before (status says so). Looked at only when a service
	// is new to the scheduler or begins anew.
	Startup bool
	// Epoch names this run of the container; another one begins anew.
	Epoch string

	Interval, Timeout, RetryDelay time.Duration
	Retries                       int
	StartupTimeout                time.Duration
}

// The defaults of a Spec, the same as the API's.
const (
	DefaultInterval       = 30 * time.Second
	DefaultTimeout        = 10 * time.Second
	DefaultRetryDelay     = 10 * time.Second
	DefaultRetries        = 3
	DefaultStartupTimeout = 5 * time.Minute
)

func (s Spec) withDefaults() Spec {
	orElse := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	orElse(&s.Interval, DefaultInterval)
	orElse(&s.Timeout, DefaultTimeout)
	orElse(&s.RetryDelay, DefaultRetryDelay)
	orElse(&s.StartupTimeout, DefaultStartupTimeout)
	if s.Retries < 1 {
		s.Retries = DefaultRetries
	}
	return s
}

func (s Spec) thresholds() Thresholds {
	return Thresholds{Retries: s.Retries, RetryDelay: s.RetryDelay, StartupTimeout: s.StartupTimeout}
}

func (s Spec) startupCheck() Check {
	if s.StartupCheck != nil {
		return *s.StartupCheck
	}
	return s.Check
}

// begin is the state with which a service is new, or begins anew.
func (s Spec) begin(now time.Time) State {
	if s.Startup {
		return Begin(now)
	}
	return Resume(now)
}

// next is the checks and the limits of the next probe. While a container starts,
// a lost packet must not cost the seconds after which TCP sends it again.
func (s Spec) next(state State) ([]Layer, Limits) {
	if state.StartupPassed {
		return s.layers(), Limits{Timeout: s.Timeout}
	}
	limits := Limits{Timeout: s.Timeout, Connect: startupConnect}
	if s.StartupCheck != nil {
		return []Layer{{Check: *s.StartupCheck}}, limits
	}
	return s.layers(), limits
}

func (s Spec) layers() []Layer {
	if len(s.Layers) > 0 {
		return s.Layers
	}
	return []Layer{{Check: s.Check}}
}

// supersedes says that what was found out under old says nothing about s.
func (s Spec) supersedes(old Spec) bool {
	return s.Epoch != old.Epoch || s.Check != old.Check || !slices.Equal(s.Layers, old.Layers) || s.startupCheck() != old.startupCheck()
}

// equal ignores Startup, which is only looked at when a service begins.
func (s Spec) equal(old Spec) bool {
	return !s.supersedes(old) && s.Interval == old.Interval && s.Timeout == old.Timeout &&
		s.RetryDelay == old.RetryDelay && s.Retries == old.Retries && s.StartupTimeout == old.StartupTimeout &&
		s.Target.equal(old.Target)
}

func (t Target) equal(old Target) bool {
	return t.Address == old.Address && t.Hostname == old.Hostname && t.Node == old.Node && t.VMID == old.VMID &&
		slices.Equal(t.AllowedHosts, old.AllowedHosts) && same(t.Exec, old.Exec)
}

// same compares two executors; those of a type that cannot be compared differ.
func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}
