package controllers

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/plan"
)

// The list of what was observed is made from the one in status: what is taken out of both must not spoil either.
func TestARestartIsTakenBackFromListsThatShareTheirMemory(t *testing.T) {
	owed := []string{"hostname", plan.OwedByIllness, "mtu"}
	status, observed := owed, owed
	status, observed = withoutOwed(status, plan.OwedByIllness), withoutOwed(observed, plan.OwedByIllness)
	for _, list := range [][]string{status, observed} {
		if len(list) != 2 || list[0] != "hostname" || list[1] != "mtu" {
			t.Errorf("left are %q", list)
		}
	}
	if withoutOwed([]string{plan.OwedByIllness}, plan.OwedByIllness) != nil {
		t.Error("an empty list is no list")
	}
}
