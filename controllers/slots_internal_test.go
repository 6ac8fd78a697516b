package controllers

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func who(n int) types.NamespacedName {
	return types.NamespacedName{Namespace: "n", Name: fmt.Sprintf("s%02d", n)}
}

func TestAFreeSlotWakesOneAndIsKeptForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // an invitation that nobody takes ends in a timer's goroutine
		var woken []types.NamespacedName
		s := newSlots(func(n types.NamespacedName) {
			mu.Lock()
			defer mu.Unlock()
			woken = append(woken, n)
		})
		for n := range 10 {
			if _, ok := s.acquire(who(n), wish{nodes: []string{"pve1"}, most: 2}); ok != (n < 2) {
				t.Fatalf("%d: acquired %v", n, ok)
			}
			s.acquire(who(n), wish{nodes: []string{"pve1"}, most: 2}) // a second look changes nothing
		}
		s.release(who(0))
		if !slices.Equal(woken, []types.NamespacedName{who(2)}) {
			t.Fatalf("woken: %v", woken)
		}
		if _, ok := s.acquire(who(9), wish{nodes: []string{"pve1"}, most: 2}); ok {
			t.Error("somebody took the slot that is kept for another")
		}
		if _, ok := s.acquire(who(2), wish{nodes: []string{"pve1"}, most: 2}); !ok {
			t.Error("who was woken did not get its slot")
		}
		s.release(who(1))
		time.Sleep(invitation + time.Second) // number 3 was deleted and does not come
		synctest.Wait()
		if !slices.Equal(woken[1:], []types.NamespacedName{who(3), who(4)}) {
			t.Errorf("woken: %v", woken)
		}
		s.leave(who(5)) // it does not wait any more
		s.leave(who(4))
		if woken[len(woken)-1] != who(6) {
			t.Errorf("woken: %v", woken)
		}
	})
}

// Of those who come for free slots within a moment, the ones with the longest chains get them, whoever came first, and each node gets its part.
func TestFreeSlotsWaitAMomentForLongerChains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		woken := map[types.NamespacedName]bool{}
		s := newSlots(func(n types.NamespacedName) {
			mu.Lock()
			defer mu.Unlock()
			woken[n] = true
		})
		ask := func(n int) (string, bool) {
			return s.acquire(who(n), wish{nodes: []string{"pve1", "pve2"}, most: 2, chain: n, gather: true})
		}
		for n := range 10 {
			if _, ok := ask(n); ok {
				t.Fatalf("%d did not wait for the others", n)
			}
			ask(n) // a second look changes nothing
		}
		time.Sleep(gathering)
		synctest.Wait()
		by := map[string]int{}
		for n := range 10 {
			if woken[who(n)] != (n >= 6) {
				t.Errorf("%d: woken %t", n, woken[who(n)])
			}
			if node, ok := ask(n); ok != (n >= 6) {
				t.Errorf("%d: a slot %t", n, ok)
			} else if ok {
				by[node]++
			}
		}
		if by["pve1"] != 2 || by["pve2"] != 2 {
			t.Errorf("slots by node: %v", by)
		}
		clear(woken)
		s.release(who(9))
		if len(woken) != 1 || !woken[who(5)] {
			t.Error("the slot that became free went to nobody")
		}
	})
}

// As long as others keep coming the slots wait, up to a bound: where they never stop coming, work begins all the same.
func TestFreeSlotsWaitWhileOthersKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		type waking struct {
			who types.NamespacedName
			at  time.Duration
		}
		var mu sync.Mutex
		var woken []waking
		s := newSlots(func(n types.NamespacedName) {
			mu.Lock()
			defer mu.Unlock()
			woken = append(woken, waking{n, time.Since(began)})
		})
		come := func(n int) {
			s.acquire(who(n), wish{nodes: []string{"pve1"}, most: 1, chain: n, gather: true})
		}
		for n := range 5 {
			come(n)
			time.Sleep(gathering * 3 / 4)
		}
		time.Sleep(gathering)
		synctest.Wait()
		mu.Lock()
		if want := (waking{who(4), 4*gathering*3/4 + gathering}); len(woken) != 1 || woken[0] != want {
			t.Errorf("woken: %v, want %v alone", woken, want)
		}
		mu.Unlock()
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		first := make(chan time.Duration, 1000)
		s := newSlots(func(types.NamespacedName) { first <- time.Since(began) })
		for n := 0; time.Since(began) < 2*mostGathering; n++ {
			s.acquire(who(n), wish{nodes: []string{"pve1"}, most: 1, chain: n, gather: true})
			time.Sleep(gathering / 2)
		}
		if got := <-first; got != mostGathering {
			t.Errorf("where they never stop coming, the first slot is given after %s", got)
		}
	})
}

func TestASlotIsOfOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken []types.NamespacedName
		s := newSlots(func(n types.NamespacedName) { woken = append(woken, n) })
		if node, ok := s.acquire(who(1), wish{nodes: []string{"pve1", "pve2"}, most: 1}); !ok || node != "pve1" {
			t.Errorf("%v on %s", ok, node)
		}
		if node, ok := s.acquire(who(2), wish{nodes: []string{"pve1", "pve2"}, most: 1}); !ok || node != "pve2" {
			t.Errorf("the node with a free slot is taken: %v on %s", ok, node)
		}
		s.acquire(who(3), wish{nodes: []string{"pve1"}, most: 1})
		s.acquire(who(4), wish{nodes: []string{"pve1", "pve2"}, most: 1})
		s.release(who(2))
		if !slices.Equal(woken, []types.NamespacedName{who(4)}) {
			t.Errorf("a slot of pve2 woke %v", woken)
		}
		if node, ok := s.acquire(who(4), wish{nodes: []string{"pve2"}, most: 1}); !ok || node != "pve2" {
			t.Errorf("%v on %s", ok, node)
		}
		// What runs since before we were started counts, even above the limit.
		s.hold(who(5), "pve1")
		s.hold(who(5), "pve1")
		s.release(who(1))
		if len(woken) != 1 {
			t.Errorf("woken: %v", woken)
		}
		s.release(who(5))
		if woken[len(woken)-1] != who(3) {
			t.Errorf("woken: %v", woken)
		}
	})
}

func TestAWaiterIsWokenByWhomItWaitsFor(t *testing.T) {
	w := newWaiters()
	w.set(who(1), who(8), who(9))
	w.set(who(2), who(9))
	w.set(who(3), who(7))
	w.set(who(3))
	if got := w.take(who(7)); len(got) > 0 {
		t.Errorf("%v does not wait any more", got)
	}
	if got := w.take(who(9)); len(got) != 2 {
		t.Errorf("woken: %v", got)
	}
	if len(w.on)+len(w.of) > 0 {
		t.Errorf("left over: %v %v", w.on, w.of)
	}
}

// Whoever has the longest chain before it goes first; of equals, whoever came first.
func TestTheLongestChainGetsTheNextSlot(t *testing.T) {
	var woken []types.NamespacedName
	who := func(n int) types.NamespacedName { return types.NamespacedName{Name: fmt.Sprint(n)} }
	s := newSlots(func(next types.NamespacedName) { woken = append(woken, next) })
	ask := func(n, chain int) bool {
		_, ok := s.acquire(who(n), wish{nodes: []string{"pve1"}, most: 1, chain: chain})
		return ok
	}
	ask(0, 1)
	for n, chain := range map[int]int{1: 1, 2: 3, 3: 2} {
		ask(n, chain)
	}
	ask(4, 3)
	ask(5, 0)
	s.release(who(0))
	for _, n := range []int{2, 4, 3, 1, 5} {
		if last := woken[len(woken)-1]; last != who(n) || !ask(n, 1) {
			t.Fatalf("%v was woken, not %d", last, n)
		}
		s.release(who(n))
	}
}

func TestSlotsThatTurnOutToBeOfOneProxmoxAreCountedTogether(t *testing.T) {
	wake := func(types.NamespacedName) {}
	a, b := newCluster(wake), newCluster(wake)
	a.slots.acquire(who(1), wish{nodes: []string{"pve1"}, most: 2})
	b.slots.acquire(who(2), wish{nodes: []string{"pve1"}, most: 2})
	b.placed[who(2)] = placement{node: "pve1", memoryMiB: 512}
	a.absorb(b)
	if _, ok := a.slots.acquire(who(3), wish{nodes: []string{"pve1"}, most: 2}); ok {
		t.Error("a third took one of two slots")
	}
	if _, ok := b.slots.acquire(who(4), wish{nodes: []string{"pve1"}, most: 2}); ok {
		t.Error("a fourth took one through what was absorbed")
	}
	b.slots.release(who(2)) // whoever still knows the old slots gives back a new one
	if _, ok := a.slots.acquire(who(3), wish{nodes: []string{"pve1"}, most: 2}); !ok {
		t.Error("the slot that was given back is not free")
	}
	if a.placed[who(2)].memoryMiB != 512 {
		t.Error("a creation under way is not counted any more")
	}
}

func TestAProxmoxIsRecognised(t *testing.T) {
	for _, c := range []struct {
		what     string
		ours     identity
		theirs   identity
		expected bool
	}{
		{"the same endpoint, however it is written", endpointsOf([]string{"https://PVE1.lan:8006/", "https://pve2.lan:8006"}), endpointsOf([]string{"https://pve1.lan:8006"}), true},
		{"other endpoints", endpointsOf([]string{"https://pve1.lan:8006"}), endpointsOf([]string{"https://pve2.lan:8006"}), false},
		{"the same node", identity{"pve1 AA:BB": true, "pve2 CC:DD": true}, identity{"pve2 CC:DD": true}, true},
		{"a node of the same name, with another certificate", identity{"pve1 AA:BB": true}, identity{"pve1 CC:DD": true}, false},
		{"a certificate for all nodes, of nodes with other names", identity{"pve1 AA:BB": true}, identity{"pve7 AA:BB": true}, false},
	} {
		if got := c.ours.overlaps(c.theirs); got != c.expected {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestASlotThatTheInvitedOneDoesNotWantIsOfferedToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var woken []types.NamespacedName
		s := newSlots(func(n types.NamespacedName) { woken = append(woken, n) })
		for n := range 2 {
			s.acquire(who(n), wish{nodes: []string{fmt.Sprintf("pve%d", n+1)}, most: 1})
		}
		s.acquire(who(2), wish{nodes: []string{"pve1", "pve2"}, most: 1})
		s.acquire(who(3), wish{nodes: []string{"pve1"}, most: 1})
		s.release(who(0))
		if !slices.Equal(woken, []types.NamespacedName{who(2)}) {
			t.Fatalf("woken: %v", woken)
		}
		// It was invited to pve1; by now another node is the better one, and is full.
		if node, ok := s.acquire(who(2), wish{nodes: []string{"pve2"}, most: 1}); ok {
			t.Fatalf("it got a slot of %s", node)
		}
		if !slices.Equal(woken, []types.NamespacedName{who(2), who(3)}) {
			t.Fatalf("woken: %v; the slot of pve1 is lost", woken)
		}
		if node, ok := s.acquire(who(3), wish{nodes: []string{"pve1"}, most: 1}); !ok || node != "pve1" {
			t.Errorf("the next got %q, %v", node, ok)
		}
	})
}

func TestAnInvitationThatEndsTakesNobodyOutOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var woken []types.NamespacedName
		s := newSlots(func(n types.NamespacedName) {
			mu.Lock()
			defer mu.Unlock()
			woken = append(woken, n)
		})
		s.acquire(who(0), wish{nodes: []string{"pve1"}, most: 1})
		s.acquire(who(1), wish{nodes: []string{"pve2"}, most: 1})
		s.acquire(who(2), wish{nodes: []string{"pve1"}, most: 1})
		s.release(who(0))
		s.acquire(who(2), wish{nodes: []string{"pve2"}, most: 1}) // it was invited to pve1, and waits for pve2 instead
		time.Sleep(2 * invitation)
		s.release(who(1))
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(woken, []types.NamespacedName{who(2), who(2)}) {
			t.Errorf("woken: %v; it waits for ever", woken)
		}
	})
}
