package health

import "time"

// Clock is what the scheduler needs of time.
type Clock interface {
	Now() time.Time
	// After delivers once when d has passed, unless stop is called first.
	After(d time.Duration) (c <-chan time.Time, stop func())
}

// SystemClock is the real one.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// After implements Clock.
func (SystemClock) After(d time.Duration) (<-chan time.Time, func()) {
	timer := time.NewTimer(d)
	return timer.C, func() { timer.Stop() }
}
