package controllers

import (
	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/guest"
)

// GuestAccess is the way into containers, chosen where the controller is put together.
type GuestAccess interface {
	// Executor runs commands inside the containers of a host; nil when no way is configured. The same host gets the same value.
	Executor(host *v1alpha1.NixMoxHost) guest.Executor
	// Refuses says why a host must not be worked with, nil when it may: a development mode never touches a real Proxmox.
	Refuses(host *v1alpha1.NixMoxHost) *Outcome
}

// NoGuestAccess is the way into containers of a controller that has none.
type NoGuestAccess struct{}

// Executor is none.
func (NoGuestAccess) Executor(*v1alpha1.NixMoxHost) guest.Executor { return nil }

// Refuses no host.
func (NoGuestAccess) Refuses(*v1alpha1.NixMoxHost) *Outcome { return nil }

// RefuseHost is the outcome for a host that the way of running this controller forbids.
func RefuseHost(why string) *Outcome {
	o := failing(v1alpha1.ReasonRefusedByMode, "%s", why)
	return &o
}
