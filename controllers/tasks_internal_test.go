package controllers

import (
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// A task that was begun is that of the step that began it, and of no other.
func TestATaskBelongsToItsStep(t *testing.T) {
	upid, err := proxmox.ParseUPID("UPID:pve1:000003EA:00018A53:6B086EB7:vzstart:900:nixmox@pve!ctl:")
	if err != nil {
		t.Fatal(err)
	}
	later, err := proxmox.ParseUPID("UPID:pve1:000003EB:00018A54:6B086EB8:vzstart:900:nixmox@pve!ctl:")
	if err != nil {
		t.Fatal(err)
	}
	step := v1alpha1.Operation{Kind: "Start", VMID: 900, Nonce: "one"}
	tasks := newTasks()
	tasks.began(who(1), &step, upid)
	written := step
	written.UPID = upid.String()
	for what, op := range map[string]v1alpha1.Operation{"as recorded": step, "with its id": written} {
		if got, _, known := tasks.of(who(1), &op); !known || got != upid {
			t.Errorf("%s the step's task is %s, known %t", what, got, known)
		}
	}
	another := step
	another.UPID = later.String()
	for what, op := range map[string]v1alpha1.Operation{
		"of another attempt": {Kind: "Start", VMID: 900, Nonce: "two"}, "that an older controller recorded": {Kind: "Start", VMID: 900}, "with another id": another,
	} {
		if _, _, known := tasks.of(who(1), &op); known {
			t.Errorf("a step %s has the task of this one", what)
		}
	}
	tasks.began(who(1), &step, later)
	tasks.ended(who(1), upid)
	if got, _, known := tasks.of(who(1), &step); !known || got != later {
		t.Error("the end of a task made its successor be forgotten")
	}
	tasks.ended(who(1), later)
	if _, _, known := tasks.of(who(1), &step); known {
		t.Error("a task that has ended is remembered")
	}
}
