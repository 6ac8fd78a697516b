package controllers

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const tellingAfter = 300 * time.Millisecond

// telling is tellings in synctest's time, with whom they woke and when.
type telling struct {
	*tellings
	began time.Time
	mu    sync.Mutex
	at    map[types.NamespacedName]time.Duration
}

func newTelling() *telling {
	l := &telling{began: time.Now(), at: map[types.NamespacedName]time.Duration{}}
	l.tellings = newTellings(func(n types.NamespacedName) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at[n] = time.Since(l.began)
	}, tellingAfter)
	return l
}

// again counts from now on.
func (l *telling) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
}

func (l *telling) when(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at[who(n)]
}

// Who waits says so soon, but those who begin to wait at once do not all write at once.
func TestWaitsAreToldOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTelling()
		const many = 50
		for n := range many {
			for range 2 { // a second look changes nothing
				if l.mayTell(who(n)) {
					t.Fatalf("number %d is told at once", n)
				}
			}
		}
		l.forget(who(1)) // it went ahead
		time.Sleep(tellingAfter + many*tellingEvery)
		synctest.Wait()
		for n, want := 0, tellingAfter; n < many; n++ {
			if n == 1 {
				if l.when(n) != 0 {
					t.Errorf("number %d, which does not wait any more, is woken after %s", n, l.when(n))
				}
				continue
			}
			if l.when(n) != want {
				t.Errorf("number %d is woken after %s, want %s", n, l.when(n), want)
			}
			if !l.mayTell(who(n)) {
				t.Errorf("number %d was woken and may not tell", n)
			}
			want += tellingEvery
		}
		if l.mayTell(who(0)) {
			t.Error("what it waits for next is told at once")
		}
		l.again()
		time.Sleep(time.Minute)
		synctest.Wait()
		if l.when(0) != tellingAfter {
			t.Errorf("what it waits for next is told after %s", l.when(0))
		}
	})
}

// Who went ahead and waits anew goes to the end of the queue.
func TestWhoWaitsAnewHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTelling()
		l.mayTell(who(0))
		l.mayTell(who(1))
		for range 20 {
			time.Sleep(tellingAfter / 3)
			l.forget(who(0))
			l.mayTell(who(0))
		}
		if got := l.when(1); got == 0 || got > 2*tellingAfter {
			t.Errorf("the one behind it is woken after %s", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		l.tellings.mu.Lock()
		defer l.tellings.mu.Unlock()
		if len(l.queue) > 0 || len(l.since) > 0 || l.timer != nil {
			t.Errorf("left over: %v, %v", l.queue, l.since)
		}
	})
}

// While others begin their steps nobody tells, up to a bound.
func TestNobodyTellsWhileOthersBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTelling()
		l.mayTell(who(0))
		for time.Since(l.began) < time.Second {
			l.begins()
			time.Sleep(tellingAfter / 3)
		}
		last := time.Since(l.began) - tellingAfter/3
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := l.when(0), last+tellingAfter; got != want {
			t.Errorf("told after %s, want %s", got, want)
		}
		l.again()
		l.mayTell(who(1))
		for time.Since(l.began) < 2*mostTelling {
			l.begins()
			time.Sleep(tellingAfter / 3)
		}
		if got := l.when(1); got != mostTelling {
			t.Errorf("where steps begin all the time it is told after %s, want %s", got, mostTelling)
		}
	})
}
