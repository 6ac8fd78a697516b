// Package plan decides what turns an observed container into the desired one: Compute is a pure function from the two to an ordered
// list of steps, each with its cause. One step is one Proxmox call. It knows neither Proxmox's parameters (execute renders them) nor
// Kubernetes. Controllers execute at most the first step and then observe and plan again; `kubectl nixmox plan` prints the whole.
package plan

import (
	"net/netip"
	"time"
)

// Desired is the container that a service asks for, with every default filled in.
type Desired struct {
	Hostname     string
	SearchDomain string
	Nameservers  []netip.Addr
	Net          Net

	MemoryMiB, SwapMiB int64
	CPU                CPU

	// Template, Storage, SSHKeys and Unprivileged matter at creation; afterwards the first and the last can only be refused.
	Template     string
	Storage      string
	SSHKeys      []string
	Unprivileged bool
	Nesting      bool
	// Options may be left as the container has them.
	Options Options
	// AsRoot is whether Proxmox is asked by root@pam in person, who alone may set some features.
	AsRoot bool

	RootBytes int64
	Volumes   []Volume

	Tags      []string
	OnBoot    bool
	BootOrder int

	// Node is where the container is to be moved, when somebody asked for that; empty: wherever it is.
	Node string
	// NodeRefused says why it cannot be moved there; empty: it can.
	NodeRefused string

	// Run is whether the container should run.
	Run bool
	// KeepStopped leaves a container that stopped after it once ran as it is (restartPolicy never, or stopped by a person).
	KeepStopped bool
	// HandOver, when set, stops a running container first, to give its address up for a while; it says so to people.
	HandOver string
	// ShutdownTimeout is how long a shutdown may take.
	ShutdownTimeout time.Duration
	// ForceStop kills the container when that has passed.
	ForceStop bool
}

// Net is the container's first interface.
type Net struct {
	Bridge   string
	IP       netip.Prefix
	Gateway  netip.Addr // zero: none
	VLANTag  int        // 0: untagged
	MAC      string     // empty: whatever it has
	Firewall bool
}

// CPU is a share of the node's cores: Cores are visible in the container, LimitMilli caps their use in thousandths of a core (0: none).
type CPU struct {
	Cores      int
	LimitMilli int64
}

// Observed is the container that Proxmox has.
type Observed struct {
	// Exists is false when the container was proven not to exist.
	Exists  bool
	Running bool
	// Node that it is on.
	Node string

	Hostname     string
	SearchDomain string
	Nameservers  []netip.Addr
	Net          Net
	NetPresent   bool

	MemoryMiB, SwapMiB int64
	CPU                CPU
	Unprivileged       bool
	Nesting            bool
	Options            Options

	// Template that the container was created from; empty when nobody remembers.
	Template string

	RootBytes  int64
	RootVolume string
	// GrantedRootBytes is the size that was asked for and given last: asking for less is refused.
	GrantedRootBytes int64
	// Volumes are the volumes that are known by name, wherever they are, and the mount points that are not ours.
	Volumes []ObservedVolume
	// Mounted are the mount points of the running container: it keeps them until it stops, whatever its configuration says since.
	Mounted []Mount

	Tags      []string
	OnBoot    bool
	BootOrder int

	// RestartOwed are settings that are in the configuration and not in the running container: fields, and what Proxmox itself holds
	// back, by key behind PendingPrefix.
	RestartOwed []string
	// Unmanaged are the keys of what somebody else added.
	Unmanaged []string
	// MarkerCurrent is false when the description does not say what it should.
	MarkerCurrent bool
}

// PendingPrefix stands before the key of a setting that Proxmox applies when the container stops.
const PendingPrefix = "pending "

// Kind of a step.
type Kind string

// The kinds of steps. Each is one call to Proxmox.
const (
	Create    Kind = "Create"
	Configure Kind = "Configure"
	Grow      Kind = "Grow"
	Start     Kind = "Start"
	Shutdown  Kind = "Shutdown"
	// Migrate moves the container to another node; one that runs is stopped for that, and started there.
	Migrate Kind = "Migrate"
)

// Field names what a change is about.
type Field string

// The fields that a change can be about.
const (
	FieldHostname     Field = "hostname"
	FieldSearchDomain Field = "search domain"
	FieldNameservers  Field = "dns servers"
	FieldIP           Field = "ip"
	FieldGateway      Field = "gateway"
	FieldBridge       Field = "bridge"
	FieldVLAN         Field = "vlan"
	FieldMAC          Field = "mac address"
	FieldFirewall     Field = "firewall"
	FieldMemory       Field = "memory"
	FieldSwap         Field = "swap"
	FieldCPU          Field = "cpu"
	FieldNesting      Field = "nesting"
	FieldMTU          Field = "mtu"
	FieldRate         Field = "rate limit"
	FieldKeyctl       Field = "keyctl"
	FieldFUSE         Field = "fuse"
	FieldMount        Field = "mount"
	FieldTimezone     Field = "timezone"
	FieldTags         Field = "tags"
	FieldOnBoot       Field = "start on boot"
	FieldBootOrder    Field = "boot order"
	FieldMarker       Field = "marker"
	FieldVolume       Field = "volume"
	FieldRoot         Field = "storage"
	FieldUnprivileged Field = "unprivileged"
	FieldTemplate     Field = "template"
	FieldNode         Field = "node"
)

// Change is one difference between observed and desired.
type Change struct {
	Field    Field
	From, To string
	// Volume names the volume that the change is about, and Disk says where it is and goes.
	Volume string
	Disk   VolumeStep
	// OwesRestart marks a setting that a running container takes up only at its next start.
	OwesRestart bool
}

// Step is one call to Proxmox and why it is made.
type Step struct {
	Kind    Kind
	Changes []Change
	// Disk and Bytes say what grows to what, for Grow: "rootfs" or a mount point's key.
	Disk  string
	Bytes int64
	// Node that a Migrate goes to.
	Node string
	// Owes are settings that a Shutdown or Migrate brings into effect, and for which the container is started again whatever its restart
	// policy.
	Owes []string
	// Disrupts is true when the service is interrupted.
	Disrupts bool
	// Cause in a few words, for steps without changes.
	Cause string
}

// Refusal is a difference that no step may remove.
type Refusal struct {
	Change Change
	Why    string
}

// Plan is the ordered list of steps that turns observed into desired, and what is refused.
type Plan struct {
	Steps   []Step
	Refused []Refusal
}
