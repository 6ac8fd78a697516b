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
// +kubebuilder:validation:XValidation:rule="!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d != self.metadata.name)",message="spec.dependsOn must not name the service itself"
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
// +kubebuilder:validation:XValidation:rule="!has(self.hostRef) || !has(oldSelf.hostRef) || self.hostRef == oldSelf.hostRef",message="hostRef is immutable: a container does not move between Proxmox installations; delete the service and make a new one"
// +kubebuilder:validation:XValidation:rule="!has(self.vmid) || !has(oldSelf.vmid) || self.vmid == oldSelf.vmid",message="vmid is immutable: Proxmox cannot renumber a container"
// +kubebuilder:validation:XValidation:rule="!has(self.volumes) || self.volumes.all(v, self.volumes.exists_one(w, w.mountPath == v.mountPath))",message="volumes must have distinct mountPaths"
type NixMoxServiceSpec struct {
	// enable deploys the service. When false, an existing container is shut down and kept, never destroyed.
	// +optional
	// +kubebuilder:default=true
	Enable *bool `json:"enable,omitempty"`

	// hostRef names the NixMoxHost, in the same namespace, whose Proxmox holds the container. Immutable.
	// +optional
	// +kubebuilder:default={}
	HostRef HostReference `json:"hostRef,omitzero"`

	// ip is the container's address, such as 192.168.1.11, 192.168.1.11/24 or an IPv6 address. Without a prefix it takes the prefix of
	// the host's network.cidr. No two enabled services of a host may have the same.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isIP(self) || isCIDR(self)",message="ip must be an IPv4 or IPv6 address, with or without a prefix length, such as 192.168.1.11 or 192.168.1.11/24"
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
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	DependsOn []string `json:"dependsOn,omitempty"`

	// healthCheck tells how to see that the service is healthy. `http://` or `https://` URL: a GET that answers 2xx or 3xx;
	// `tcp:PORT` or `tcp:HOST:PORT`: a connect; `systemctl ...` or any other text: a command in the container that exits 0.
	// Omitted: a connect to the first TCP port of ports; without ports, running is healthy.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('tcp:') || self.matches('^tcp:(([a-zA-Z0-9.-]+|[[][0-9a-fA-F:.]+[]]):)?([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$')",message="a tcp health check is tcp:PORT or tcp:HOST:PORT with a port from 1 to 65535"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://') || (isURL(self) && url(self).getHostname() != '')",message="an http health check must be a whole URL, such as http://localhost:8080/health"
	HealthCheck string `json:"healthCheck,omitempty"`

	// health sets how often and how patiently the check runs.
	// +optional
	Health *HealthSettings `json:"health,omitempty"`

	// restartPolicy says what happens when the container stopped. always: it is started again. unless-stopped: it is started again
	// unless a person stopped it. never: it is reported. The first two also set Proxmox's onboot.
	// +optional
	// +kubebuilder:default=unless-stopped
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`

	// shutdownTimeout is how long a shutdown may take before it is reported as failed, such as 60s. The container is never killed.
	// +optional
	// +kubebuilder:default="60s"
	ShutdownTimeout *Duration `json:"shutdownTimeout,omitempty"`

	// resources of the container. What is omitted comes from the host's defaults.
	// +optional
	Resources Resources `json:"resources,omitzero"`

	// ports documents what the service listens on: a number, or a number with a protocol such as "53/udp". The first TCP port is the
	// health check when healthCheck is omitted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(p, type(p) != int || (p >= 1 && p <= 65535))",message="a port is a number from 1 to 65535, with or without a protocol: 5432, \"53/udp\""
	// +kubebuilder:validation:items:XIntOrString
	// +kubebuilder:validation:items:Pattern=`^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(/(tcp|udp))?$`
	Ports []intstr.IntOrString `json:"ports,omitempty"`

	// volumes are disks beside the root disk. A volume's identity is its name, for ever: reordering the list moves no data.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=15
	Volumes []Volume `json:"volumes,omitempty"`

	// template is the image that the container is created from, such as local:vztmpl/nixos.tar.xz. It cannot be changed afterwards.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*:vztmpl/[^/,]+$')",message="template must name a storage and a file, such as local:vztmpl/nixos.tar.xz"
	Template string `json:"template,omitempty"`

	// vmid fixes the container's number on Proxmox. Omitted: one is allocated once from the host's vmidRange. Immutable once set.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=999999999
	VMID *int32 `json:"vmid,omitempty"`

	// node is the Proxmox node that the container is created on. Omitted: the one with the least memory committed among the host's
	// nodes. A change does not move an existing container.
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

	// tags are added to the container on Proxmox, beside the tag nixmox.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(t, t.matches('^[a-z0-9_][a-z0-9_.+-]*$'))",message="a tag consists of lower-case letters, digits and _ . + -, and starts with a letter, a digit or _"
	Tags []string `json:"tags,omitempty"`

	// deletionPolicy says what happens to the container when this object is deleted. Retain: it is shut down, marked and kept, and
	// the same object applied again takes it back. Delete: it is destroyed with its volumes.
	// +optional
	// +kubebuilder:default=Retain
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// suspend stops the controller from changing anything; it still observes and reports.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// HostReference names a NixMoxHost in the service's namespace.
type HostReference struct {
	// name of the NixMoxHost.
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

// Resources of a container.
type Resources struct {
	// memory, such as 2Gi or 512Mi. Changed in place.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('16Mi')) >= 0",message="memory must be at least 16Mi; write a unit, such as 2Gi or 512Mi (a bare number is bytes)"
	Memory *resource.Quantity `json:"memory,omitempty"`

	// cpu in cores, such as 2 or "1500m". Changed in place.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('10m')) >= 0 && quantity(string(self)).compareTo(quantity('8192')) <= 0",message="cpu must be between 10m and 8192 cores, such as 2 or \"1500m\""
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// storage is the size of the root disk, such as 20Gi. It grows in place and never shrinks.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('16Mi')) >= 0",message="storage must be at least 16Mi; write a unit, such as 20Gi (a bare number is bytes)"
	Storage *resource.Quantity `json:"storage,omitempty"`

	// swap, such as 512Mi or 0. Changed in place.
	// +optional
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('0')) >= 0",message="swap must not be negative"
	Swap *resource.Quantity `json:"swap,omitempty"`
}

// Volume is a disk beside the root disk.
type Volume struct {
	// name is the volume's identity within the service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// mountPath is where the volume appears in the container: an absolute path other than /.
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/,]+)+$') && !self.matches('(^|/)[.][.]?(/|$)')",message="mountPath must be an absolute path other than /, without a trailing '/', without ',' and without '.' or '..' as a part"
	MountPath string `json:"mountPath"`

	// size of the volume, such as 20Gi. It grows in place and never shrinks.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity('1Mi')) >= 0",message="size must be at least 1Mi; write a unit, such as 20Gi (a bare number is bytes)"
	Size resource.Quantity `json:"size"`

	// storage holds the volume (default: the host's defaults.storage). It cannot be changed afterwards.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*$')",message="storage must be the name of a Proxmox storage, such as local-zfs"
	Storage string `json:"storage,omitempty"`

	// backup includes the volume in Proxmox backups.
	// +optional
	// +kubebuilder:default=true
	Backup *bool `json:"backup,omitempty"`
}

// ServiceNetwork overrides the host's network for one container.
type ServiceNetwork struct {
	// bridge to attach to, such as vmbr0.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9_.-]*$')",message="bridge must be the name of a bridge, such as vmbr0"
	Bridge string `json:"bridge,omitempty"`

	// vlanTag of the container's interface.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLANTag *int32 `json:"vlanTag,omitempty"`

	// gateway of the container.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="gateway must be an IPv4 or IPv6 address"
	Gateway string `json:"gateway,omitempty"`

	// macAddress of the interface, upper or lower case. Omitted: Proxmox makes one, which is kept.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$')",message="macAddress must be a unicast MAC address, such as BC:24:11:00:00:01"
	MACAddress string `json:"macAddress,omitempty"`

	// firewall puts the interface behind Proxmox's firewall.
	// +optional
	Firewall *bool `json:"firewall,omitempty"`
}

// Features of a container.
type Features struct {
	// nesting lets systemd in the container work; NixOS and other systemd guests need it.
	// +optional
	Nesting *bool `json:"nesting,omitempty"`
}
