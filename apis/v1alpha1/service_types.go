package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// NixMoxService is the wish for one LXC container on a Proxmox VE host: its address, hostname, resources and volumes, what it
// depends on, and how to tell that it is healthy. The controller makes Proxmox match and says in status what it does and waits for.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=nms,categories=nixmox,path=nixmoxservices
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Health",type=string,JSONPath=`.status.health`
// +kubebuilder:printcolumn:name="Phase",type=integer,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="IP",type=string,JSONPath=`.spec.ip`
// +kubebuilder:printcolumn:name="VMID",type=integer,JSONPath=`.status.vmid`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Node",type=string,priority=1,JSONPath=`.status.node`
// +kubebuilder:printcolumn:name="Hostname",type=string,priority=1,JSONPath=`.spec.hostname`
// +kubebuilder:printcolumn:name="Waiting For",type=string,priority=1,JSONPath=`.status.waitingFor`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",message="metadata.name must be a DNS label: lower-case letters, digits and '-', at most 63 characters, because other services name it in dependsOn"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d != self.metadata.name)",message="dependsOn must not name the service itself",fieldPath=".spec.dependsOn"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.spec.vmid) || (has(self.spec.vmid) && self.spec.vmid == oldSelf.spec.vmid) || (has(oldSelf.status) && !has(oldSelf.status.template) && has(oldSelf.status.conditions) && oldSelf.status.conditions.exists(c, c.type == 'Ready' && c.reason in ['VMIDConflict', 'OwnedElsewhere', 'WaitingForConfirmation']))",message="vmid is immutable once set, also against removal: Proxmox cannot renumber a container",fieldPath=".spec.vmid"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.vmid) || has(oldSelf.spec.vmid) || !has(oldSelf.status) || !has(oldSelf.status.vmid) || self.spec.vmid == oldSelf.status.vmid",message="vmid must be the number that the container already has (see status.vmid): Proxmox cannot renumber a container",fieldPath=".spec.vmid"
type NixMoxService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec NixMoxServiceSpec `json:"spec"`
	// +optional
	// +kubebuilder:default={observedGeneration:-1, state: "Pending", conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller to look at it", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status NixMoxServiceStatus `json:"status,omitzero"`
}

// NixMoxServiceList is a list of services.
//
// +kubebuilder:object:root=true
type NixMoxServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NixMoxService `json:"items"`
}

// NixMoxServiceSpec is the wish. What is omitted comes from the host's defaults.
//
// +kubebuilder:validation:XValidation:rule="!has(self.hostRef) || !has(oldSelf.hostRef) || self.hostRef == oldSelf.hostRef",message="hostRef is immutable: a container does not move between Proxmox installations; delete the service and make a new one",fieldPath=".hostRef"
// +kubebuilder:validation:XValidation:rule="!has(self.volumes) || self.volumes.all(v, self.volumes.exists_one(w, w.mountPath == v.mountPath))",message="volumes must have distinct mountPaths",fieldPath=".volumes"
// +kubebuilder:validation:XValidation:rule="!has(self.network) || !has(self.network.gateway) || !isIP(self.network.gateway) || !(isIP(self.ip) || isCIDR(self.ip)) || ip(self.network.gateway).family() == (isIP(self.ip) ? ip(self.ip) : cidr(self.ip).ip()).family()",message="network.gateway must be of the same IP version as ip",fieldPath=".network"
// +kubebuilder:validation:XValidation:rule="!has(self.adopt) || !self.adopt || has(self.vmid)",message="adopt takes over the container with the number vmid: set vmid",fieldPath=".adopt"
type NixMoxServiceSpec struct {
	// enable deploys the service (default true). When false, an existing container is shut down and kept, never destroyed.
	// +optional
	// +kubebuilder:default=true
	Enable *bool `json:"enable,omitempty"`

	// hostRef names the NixMoxHost whose Proxmox holds the container (default: the host named default in the same namespace). One in
	// another namespace must allow this one in its allowedNamespaces. Immutable.
	// +optional
	// +kubebuilder:default={}
	HostRef HostReference `json:"hostRef,omitzero"`

	// ip is the container's address, such as 192.168.1.11, 192.168.1.11/24 or an IPv6 address. Without a prefix it takes the prefix of
	// the host's network.cidr. No two enabled services of a host may have the same.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isIP(self) || isCIDR(self)",message="ip must be an IPv4 or IPv6 address, with or without a prefix length, such as 192.168.1.11 or 192.168.1.11/24"
	// +kubebuilder:validation:XValidation:rule="isIP(self) ? ip(self).isGlobalUnicast() : !isCIDR(self) || cidr(self).ip().isGlobalUnicast()",message="ip must be an address that one container can have: not loopback, link-local, multicast, broadcast or all zeros"
	// +kubebuilder:validation:XValidation:rule="!isCIDR(self) || (cidr(self).prefixLength() >= 8 && (string(cidr(self).masked()) != self || cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127)))",message="ip must be the container's own address with a prefix length of at least 8, such as 192.168.1.11/24, not the network's, such as 192.168.1.0/24"
	IP string `json:"ip"`

	// hostname is the container's host name (RFC 1123). Without a dot it is completed by the host's network.domain.
	// No two enabled services of a host may have the same.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$')",message="hostname must be an RFC 1123 name: letters, digits, '-' and dots, each part at most 63 characters (Proxmox takes no '_')"
	Hostname string `json:"hostname"`

	// dependsOn names the services, in the same namespace, that must be settled before this one is started for the first time.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.all(d, d.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))",message="dependsOn lists names of services: lower-case letters, digits and '-', such as postgresql"
	DependsOn []string `json:"dependsOn,omitempty"`

	// healthCheck tells how to see that the service is healthy. `http://` or `https://` URL: a GET that answers 2xx or 3xx;
	// `tcp:PORT` or `tcp:HOST:PORT`: a connect; `systemctl ...` or any other text: a command in the container that exits 0.
	// Omitted: what is known of the service by its name (docs/health.md), else a connect to the first TCP port of ports, else running is
	// healthy.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[[:space:]]*$')",message="healthCheck must not be blank: leave it out for the default check"
	// +kubebuilder:validation:XValidation:rule="!self.matches('(?i)^[[:space:]]*tcp:') || self.matches('(?i)^[[:space:]]*tcp:(([a-z0-9.-]+|[[][0-9a-f:.]+[]]):)?([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])[[:space:]]*$')",message="a tcp health check is tcp:PORT or tcp:HOST:PORT with a port from 1 to 65535"
	// +kubebuilder:validation:XValidation:rule="!self.matches('(?i)^[[:space:]]*https?([+]insecure)?://') || (self.matches('(?i)^[[:space:]]*https?([+]insecure)?://([a-z0-9.-]+|[[][0-9a-f:.]+[]])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#][^[:space:]]*)?[[:space:]]*$') && isURL(self.trim()))",message="an http health check is one URL without user and spaces, such as http://localhost:8080/health"
	HealthCheck string `json:"healthCheck,omitempty"`

	// health sets how often and how patiently the check runs, and other checks for the start and for all layers. What is omitted comes
	// from the host.
	// +optional
	Health *ServiceHealth `json:"health,omitempty"`

	// restartPolicy says what happens when the container stopped. always: it is started again. unless-stopped: it is started again
	// unless a person stopped it (default). never: it is reported. The first two also set Proxmox's onboot. Who stopped it is shown only to
	// a token with Sys.Audit on the node; without, it counts as having stopped by itself. A change of the spec, or a new value of the
	// annotation nixmox.dev/start, starts a container that was left stopped.
	// +optional
	// +kubebuilder:default=unless-stopped
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`

	// shutdownTimeout is how long a shutdown may take before it counts as failed, such as 90s or 5m (default 60s). What happens then
	// is for forceStop to say.
	// +optional
	// +kubebuilder:default="60s"
	ShutdownTimeout *Duration `json:"shutdownTimeout,omitempty"`

	// forceStop kills a container that did not stop within shutdownTimeout (default false: it runs on, and that is reported).
	// +optional
	ForceStop bool `json:"forceStop,omitempty"`

	// resources of the container. What is omitted comes from the host's defaults.
	// +optional
	Resources Resources `json:"resources,omitzero"`

	// ports documents what the service listens on: a number, or a number with a protocol such as "53/udp". The first TCP port is the
	// health check when healthCheck is omitted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(p, type(p) == int ? (p >= 1 && p <= 65535) : string(p).matches('^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(/(tcp|udp))?$'))",message="a port is a number from 1 to 65535, or one with its protocol in quotes: 5432, \"53/udp\""
	// +kubebuilder:validation:items:XIntOrString
	// +kubebuilder:validation:items:MaxLength=9
	Ports []intstr.IntOrString `json:"ports,omitempty"`

	// environment holds variables for what runs in the container. They are written to /etc/nixmox/environment there, which a systemd unit
	// reads with EnvironmentFile=-/etc/nixmox/environment. It needs spec.exec of the host. It wins over environmentFrom.
	// +optional
	// +kubebuilder:validation:MaxProperties=256
	Environment map[string]string `json:"environment,omitempty"`

	// environmentFrom names Secrets, in the same namespace, all of whose keys become variables in that file; of two with the same name the
	// later Secret wins. A change of a Secret is seen within five minutes, or at once on request. None of it is written anywhere else.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	EnvironmentFrom []EnvironmentSource `json:"environmentFrom,omitempty"`

	// environmentReload is a command in the container that makes the service read its changed environment, such as systemctl restart
	// postgresql (default: none).
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	EnvironmentReload string `json:"environmentReload,omitempty"`

	// volumes are disks beside the root disk. A volume's identity is its name, for ever: reordering the list moves no data. One that is
	// taken out of the list is detached and kept, and attached again when its name comes back.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=15
	Volumes []Volume `json:"volumes,omitempty"`

	// template is the image that the container is created from, such as local:vztmpl/nixos.tar.xz. It cannot be changed afterwards.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*:vztmpl/[^/,[:space:]]+$')",message="template must name a storage and a file, such as local:vztmpl/nixos.tar.xz"
	Template string `json:"template,omitempty"`

	// vmid fixes the container's number on Proxmox. Omitted: one is allocated once from the host's vmidRange. Set later, it must be the number
	// that the container has. Immutable once set, unless the service has no container yet and Ready says VMIDConflict, OwnedElsewhere or
	// WaitingForConfirmation.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=999999999
	VMID *int32 `json:"vmid,omitempty"`

	// node is the Proxmox node that the container is created on. Omitted: the one with the least memory committed among the host's
	// nodes. Those that differ by less than twice the container's memory times the host's maxConcurrent count as equal: of them the first
	// with a free slot is taken. A change alone does not move an existing container: it is reported, and the annotation nixmox.dev/migrate
	// with the node's name has it moved, by a restart.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$')",message="node must be the name of a Proxmox node, such as pve1"
	Node string `json:"node,omitempty"`

	// network overrides the host's network for this container.
	// +optional
	Network *ServiceNetwork `json:"network,omitempty"`

	// unprivileged runs the container in a user namespace (default: the host's defaults, else true). It cannot be changed afterwards.
	// +optional
	Unprivileged *bool `json:"unprivileged,omitempty"`

	// features of the container. What is omitted comes from the host's defaults.
	// +optional
	Features *Features `json:"features,omitempty"`

	// timezone of the container, such as Europe/Berlin, or host for that of its node (default: the host's defaults, else what the template
	// has). It takes effect at a restart.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9_+-]+(/[a-zA-Z0-9_+-]+)*$')",message="timezone must be a name of the time zone database, such as Europe/Berlin, or host"
	Timezone string `json:"timezone,omitempty"`

	// tags are added to the container on Proxmox, beside the tag nixmox.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(t, t.matches('^[a-z0-9_][a-z0-9_.+-]*$'))",message="a tag consists of lower-case letters, digits and _ . + -, and starts with a letter, a digit or _"
	Tags []string `json:"tags,omitempty"`

	// deletionPolicy says what happens to the container when this object is deleted. Retain (default): it is shut down, marked and
	// kept, and the same object applied again takes it back. Delete: it is destroyed with its volumes.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// recreate says what happens when the container, once healthy, was destroyed by somebody. OnRequest (default): it is reported, and made
	// anew, empty, when the annotation nixmox.dev/recreate asks for it. Always: it is made anew at once. A container that never was healthy
	// holds nothing yet and is always made anew.
	// +optional
	// +kubebuilder:default=OnRequest
	Recreate Recreate `json:"recreate,omitempty"`

	// adopt takes over the existing container with the number vmid, which the host's policy.adoptableVMIDs must allow (default false). What would
	// change on it is shown in status.plan. Where that interrupts the service, changes its network or is refused in part, nothing is
	// changed, not even its notes, before the annotation nixmox.dev/confirm-adoption says so. While adopt is true, the container
	// keeps its cpu, name servers and search domain, a hostname without a domain, an interface without gateway or VLAN, its features and its time
	// zone, where the service says nothing about them. Taken out afterwards, the host's network and defaults hold for it as for any other.
	// +optional
	Adopt bool `json:"adopt,omitempty"`

	// suspend stops the controller from changing anything; it still observes and reports (default false).
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// EnvironmentSource is where variables come from.
type EnvironmentSource struct {
	// secretRef names a Secret in the service's namespace.
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// HostReference names a NixMoxHost.
type HostReference struct {
	// namespace of the NixMoxHost (default: that of the service).
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="hostRef.namespace must be the name of a namespace"
	Namespace string `json:"namespace,omitempty"`

	// name of the NixMoxHost (default: default).
	// +optional
	// +kubebuilder:default=default
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// RestartPolicy says what happens when a container stopped.
//
// +kubebuilder:validation:Enum=always;unless-stopped;never
type RestartPolicy string

// The restart policies.
const (
	RestartAlways        RestartPolicy = "always"
	RestartUnlessStopped RestartPolicy = "unless-stopped"
	RestartNever         RestartPolicy = "never"
)

// DeletionPolicy says what happens to a container whose object is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// The deletion policies.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// Recreate says whether a container that is gone is made anew without being asked.
//
// +kubebuilder:validation:Enum=OnRequest;Always
type Recreate string

// The ways to recreate.
const (
	RecreateOnRequest Recreate = "OnRequest"
	RecreateAlways    Recreate = "Always"
)

// Resources of a container.
type Resources struct {
	// memory that the container may use, such as 2Gi or 512Mi; a bare number is bytes (default: the host's, else 512Mi). Changed in place.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0",message="memory must be from 16Mi to 64Ti; write a unit, such as 2Gi or 512Mi (a bare number is bytes)"
	Memory *resource.Quantity `json:"memory,omitempty"`

	// cpu in cores: a whole number such as 2, or a fraction in quotes such as "1500m" or "0.5" (default: the host's, else 1). Changed in
	// place.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('10m')) >= 0 && quantity(string(self)).compareTo(quantity('8192')) <= 0",message="cpu must be from 10m to 8192 cores, such as 2 or \"1500m\""
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// storage is the size of the root disk, such as 20Gi (default: the host's, else 8Gi). It grows in place and never shrinks.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self)).compareTo(quantity('8Pi')) <= 0",message="storage must be from 16Mi to 8Pi; write a unit, such as 20Gi (a bare number is bytes)"
	Storage *resource.Quantity `json:"storage,omitempty"`

	// swap that the container may use, such as 512Mi, or 0 for none (default: the host's, else 512Mi). Changed in place.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('0')) >= 0 && quantity(string(self)).compareTo(quantity('64Ti')) <= 0",message="swap must be from 0 to 64Ti; write a unit, such as 512Mi (a bare number is bytes)"
	Swap *resource.Quantity `json:"swap,omitempty"`
}

// Volume is a disk beside the root disk, or a folder of the node.
//
// +kubebuilder:validation:XValidation:rule="has(self.size) != has(self.hostPath)",message="a volume has either a size or a hostPath"
// +kubebuilder:validation:XValidation:rule="!has(self.hostPath) || !has(self.storage)",message="a volume with a hostPath is on no storage: leave storage out",fieldPath=".storage"
type Volume struct {
	// name is the volume's identity within the service: lower-case letters, digits and '-', such as data. Another name is another volume.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="a volume's name consists of lower-case letters, digits and '-', such as data"
	// +kubebuilder:validation:XValidation:rule="self != 'rootfs'",message="rootfs is the name of the root disk, whose size is resources.storage: give the volume another name"
	Name string `json:"name"`

	// mountPath is where the volume appears in the container: an absolute path other than /.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/,[:cntrl:]]+)+$') && !self.matches('(^|/)[.][.]?(/|$)')",message="mountPath must be an absolute path other than /, without a trailing '/', without ',' and without '.' or '..' as a part"
	MountPath string `json:"mountPath"`

	// size of the volume, such as 20Gi. It grows in place and never shrinks. Either this or hostPath.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('8Pi')) <= 0",message="size must be from 1Mi to 8Pi; write a unit, such as 20Gi (a bare number is bytes)"
	Size resource.Quantity `json:"size,omitzero"`

	// hostPath mounts a folder of the node in the place of a volume, such as /tank/media. The host's policy.hostPaths must allow it, and
	// Proxmox lets only root@pam in person mount it, no API token. It must be there on the container's node. It is never created, deleted, kept
	// or moved, nor in Proxmox's backups. A change takes effect at a restart.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/,[:cntrl:]]+)+$') && !self.matches('(^|/)[.][.]?(/|$)') && !self.matches('^/dev(/|$)')",message="hostPath must be an absolute path of a folder other than /, not below /dev, without a trailing '/', without ',' and without '.' or '..' as a part"
	HostPath string `json:"hostPath,omitempty"`

	// storage holds the volume (default: the host's defaults.storage). It cannot be changed afterwards.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*$')",message="storage must be the name of a Proxmox storage, such as local-zfs"
	Storage string `json:"storage,omitempty"`

	// backup includes the volume in Proxmox backups (default true). A hostPath never is.
	// +optional
	// +kubebuilder:default=true
	Backup *bool `json:"backup,omitempty"`

	// readOnly mounts the volume so that the container cannot write to it (default false).
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
}

// ServiceNetwork overrides the host's network for one container.
type ServiceNetwork struct {
	// bridge to attach to, such as vmbr0 (default: the host's).
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9_.-]*$')",message="bridge must be the name of a bridge, such as vmbr0"
	Bridge string `json:"bridge,omitempty"`

	// vlanTag of the container's interface, from 1 to 4094 (default: the host's, else untagged).
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLANTag *int32 `json:"vlanTag,omitempty"`

	// gateway of the container, an address of the same IP version as ip (default: the host's).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="gateway must be an IPv4 or IPv6 address"
	Gateway string `json:"gateway,omitempty"`

	// macAddress of the interface, upper or lower case. Omitted: Proxmox makes one, which is kept.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$')",message="macAddress must be a unicast MAC address, such as BC:24:11:00:00:01"
	MACAddress string `json:"macAddress,omitempty"`

	// firewall puts the interface behind Proxmox's firewall (default false).
	// +optional
	Firewall *bool `json:"firewall,omitempty"`

	// mtu of the interface in bytes, at most that of its bridge (default: left as it is, which is the bridge's for a new container). It
	// takes effect at a restart.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=65535
	MTU *int32 `json:"mtu,omitempty"`

	// rateLimit of the interface in megabytes a second, as Proxmox counts them: 10, or a fraction in quotes such as "12.5" (default: left as
	// it is, which is none for a new container).
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="string(self).matches('^[0-9]{1,9}([.][0-9]{1,3})?m?$') && quantity(string(self)).compareTo(quantity('0')) > 0",message="rateLimit must be a number of megabytes a second above 0, such as 10 or \"12.5\""
	RateLimit *resource.Quantity `json:"rateLimit,omitempty"`
}

// Features of a container.
type Features struct {
	// nesting lets systemd in the container work; NixOS and other systemd guests need it (default true; false for a privileged container, of
	// which only root@pam in person may change it).
	// +optional
	Nesting *bool `json:"nesting,omitempty"`

	// keyctl allows the keyctl system call, as Docker in an unprivileged container wants it (default: left as it is). This and the
	// following are for credentials of root@pam in person, not for an API token: Proxmox lets nobody else.
	// +optional
	Keyctl *bool `json:"keyctl,omitempty"`

	// fuse allows FUSE file systems in the container (default: left as it is).
	// +optional
	FUSE *bool `json:"fuse,omitempty"`

	// mount lists the types of file systems that the container may mount itself, such as nfs (default: left as it is).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.all(f, f.matches('^[a-z0-9_]+$'))",message="mount lists types of file systems, such as nfs"
	Mount []string `json:"mount,omitempty"`
}
