package controllers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	step := v1alpha1.Operation{Kind: "Start", VMID: 900, StartedAt: metav1.NewTime(time.Unix(1000, 5))}
	tasks := newTasks()
	tasks.began(who(1), &step, upid)
	asRead := step
	asRead.StartedAt = metav1.NewTime(time.Unix(1000, 0)) // the API keeps whole seconds
	if got, _, known := tasks.of(who(1), &asRead); !known || got != upid {
		t.Errorf("the step's task is %s, known %t", got, known)
	}
	for what, other := range map[string]v1alpha1.Operation{
		"of another kind":      {Kind: "Create", VMID: 900, StartedAt: step.StartedAt},
		"of another container": {Kind: "Start", VMID: 901, StartedAt: step.StartedAt},
		"of another time":      {Kind: "Start", VMID: 900, StartedAt: metav1.NewTime(time.Unix(1001, 0))},
	} {
		if _, _, known := tasks.of(who(1), &other); known {
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
