// Package manifest judges the services of one host as a set: what no single
// manifest shows, such as a circle of dependencies or an address asked for
// twice, in which phase each service stands, and whom a problem stops.
//
// It is pure and takes plain structs of its own, so that the controllers
// (from objects) and the kubectl plugin (from files) come to the same answer
// in the same words. What one service can be judged by alone, such as an
// address that does not parse, is the CRD's business.
package manifest

import (
	"net/netip"
	"strings"
	"time"
)

// Key names a service.
type Key struct {
	Namespace, Name string
}

// String is "namespace/name", or the name alone without a namespace.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// Compare orders keys by namespace, then name.
func (k Key) Compare(other Key) int {
	if c := strings.Compare(k.Namespace, other.Namespace); c != 0 {
		return c
	}
	return strings.Compare(k.Name, other.Name)
}

// Service is what the judgement of a set needs to know of one service.
type Service struct {
	Key
	// IP is the address asked for, without its prefix. The zero Addr is none.
	IP netip.Addr
	// Hostname is the full host name asked for, already completed with the
	// host's domain. Empty is none.
	Hostname string
	// VMID is the container's number asked for, 0 for any.
	VMID int32
	// DependsOn are names of services of the same host in the same namespace.
	DependsOn []string
	// Enabled is spec.enable. A disabled service holds no address and no host
	// name; what depends on it waits.
	Enabled bool
	// HoldsIP and HoldsHostname say that the service's own container has this
	// very address, or host name, today. Both are false for files.
	HoldsIP, HoldsHostname bool
	// At is the address that the service's running container has today; the
	// zero Addr is none. It differs from IP while an edit of it is under way.
	At netip.Addr
	// Pinned says that nothing is changed about the container: it keeps At.
	Pinned bool
	// Created is when the object was made; zero for files.
	Created time.Time
}

// Foreign is a running guest of somebody else.
type Foreign struct {
	IP   netip.Addr
	VMID int32
	// What names it for people.
	What string
	// Service that it claims to belong to, such as a kept container of that
	// service that somebody started: it takes no address from it.
	Service Key
}

// Phase is one of the host's named phases: its position in the host's list is
// its number.
type Phase struct {
	Name string
	// Services are names of services. A name stands for the services of that
	// name in every namespace whose services share the host.
	Services []string
}
