package controllers

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/plan"
)

// The list of what was observed is made from the one in status: what is taken out of both must not spoil either.
func TestARestartIsTakenBackFromListsThatShareTheirMemory(t *testing.T) {
	owed := []string{"hostname", plan.OwedByIllness, "mtu"}
	status, observed := owed, owed
	status, observed = withoutIllness(status), withoutIllness(observed)
	for _, list := range [][]string{status, observed} {
		if len(list) != 2 || list[0] != "hostname" || list[1] != "mtu" {
			t.Errorf("left are %q", list)
		}
	}
	if withoutIllness([]string{plan.OwedByIllness}) != nil {
		t.Error("an empty list is no list")
	}
}
