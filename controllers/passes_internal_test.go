package controllers

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// Whatever the order in which services come, are called and leave: never more than the limit are inside, and nobody is forgotten.
func TestTurnsAreBoundedAndNobodyIsForgotten(t *testing.T) {
	for seed := range uint64(50) {
		chance := rand.New(rand.NewPCG(seed, 0))
		var called []types.NamespacedName
		q := newPasses(func(who types.NamespacedName) { called = append(called, who) })
		var inside []types.NamespacedName
		entered := map[types.NamespacedName]bool{}
		come := func(who types.NamespacedName) {
			if q.enter(who) {
				inside, entered[who] = append(inside, who), true
			}
			if len(inside) > mostPasses {
				t.Fatalf("seed %d: %d are inside", seed, len(inside))
			}
		}
		leave := func() {
			i := chance.IntN(len(inside))
			who := inside[i]
			inside = append(inside[:i], inside[i+1:]...)
			q.leave(who)
		}
		const all = 100
		for i := range all {
			come(types.NamespacedName{Name: fmt.Sprint(i)})
			if len(inside) > 0 && chance.IntN(3) == 0 {
				leave()
			}
		}
		for len(inside)+len(called) > 0 {
			if len(called) > 0 {
				who := called[0]
				called = called[1:]
				come(who)
			} else {
				leave()
			}
		}
		if len(entered) != all || len(q.queue)+len(q.queued)+len(q.inside) > 0 {
			t.Fatalf("seed %d: %d of %d had their turn, and %+v is left", seed, len(entered), all, q)
		}
	}
}
