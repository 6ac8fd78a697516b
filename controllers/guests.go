package controllers

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/guest"
)

// Way is what a way into the containers of a host is made from.
type Way struct {
	User string
	// PrivateKey is a secret.
	PrivateKey []byte
	KnownHosts string
	// Address is HOST:PORT of a node's SSH server; it may change with what is known of the nodes.
	Address func(node string) string
	// Settings is the text of everything that Address depends on and the host says.
	Settings string
}

// GuestAccess is the way into containers, chosen where the controller is put together. All methods are safe for concurrent use.
type GuestAccess interface {
	// Configure makes or changes the way into the containers of a host; nil takes it away. The same way again changes nothing. changed
	// says that Executor gives another value now; onState is called when a node becomes unreachable for commands, or reachable again.
	// The error is a sentence for the person who wrote the settings.
	Configure(host types.NamespacedName, way *Way, onState func()) (changed bool, err error)
	// Executor runs commands inside the containers of a host; nil when no way is configured. It is the same value until Configure
	// says otherwise.
	Executor(host types.NamespacedName) guest.Feeder
	// Seal is a hash of data under a key that only this controller has, for telling whether the data changed; empty when no way is
	// configured.
	Seal(host types.NamespacedName, data []byte) string
	// Problems are the nodes that the last attempt did not reach, with the reason.
	Problems(host types.NamespacedName) map[string]string
	// Forget ends the way of a host that is gone.
	Forget(host types.NamespacedName)
	// Refuses says why a host must not be worked with, nil when it may: a development mode never touches a real Proxmox.
	Refuses(host *v1alpha1.NixMoxHost) *Outcome
}

// RefuseHost is the outcome for a host that the way of running this controller forbids.
func RefuseHost(why string) *Outcome {
	o := failing(v1alpha1.ReasonRefusedByMode, "%s", why)
	return &o
}
