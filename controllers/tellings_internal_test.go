package controllers

import (
	"testing"
	"time"
)

// Who waits says so soon, but thousands who begin to wait at once do not all write at once.
func TestWaitsAreToldOneAfterTheOther(t *testing.T) {
	now := time.Unix(1000, 0)
	tellings := newTellings()
	const many = 1000
	for n := range many {
		want := tellingAfter + time.Duration(n)*tellingEvery
		if left := tellings.left(who(n), now); left != want {
			t.Fatalf("number %d is told after %s, want %s", n, left, want)
		}
	}
	if left := tellings.left(who(0), now.Add(tellingAfter/2)); left != tellingAfter/2 {
		t.Errorf("a second look moves it: %s are left", left)
	}
	if left := tellings.left(who(0), now.Add(tellingAfter)); left != 0 {
		t.Errorf("%s are left when it is time", left)
	}
	calm := now.Add(tellingAfter + many*tellingEvery)
	tellings.forget(who(1)) // it went ahead meanwhile
	for n := range 2 {
		if left := tellings.left(who(n), calm); left != tellingAfter+time.Duration(n)*tellingEvery {
			t.Errorf("number %d, which begins to wait anew, is told after %s", n, left)
		}
	}
}
