package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NixMoxHost is a Proxmox VE installation, a node or a cluster: how to reach it, the network and defaults of its containers, and
// the order in which they are rolled out.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=nmh,categories=nixmox,path=nixmoxhosts
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.spec.endpoints[0]`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Services",type=string,JSONPath=`.status.services`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type NixMoxHost struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec NixMoxHostSpec `json:"spec"`
	// +optional
	// +kubebuilder:default={observedGeneration:-1, conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller to look at it", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status NixMoxHostStatus `json:"status,omitzero"`
}

// NixMoxHostList is a list of hosts.
//
// +kubebuilder:object:root=true
type NixMoxHostList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NixMoxHost `json:"items"`
}

// NixMoxHostSpec says how to reach a Proxmox VE installation and what its containers have in common.
//
// +kubebuilder:validation:XValidation:rule="!has(self.pollInterval) || !self.pollInterval.matches('^([0-9]{1,5}([.][0-9]{1,9})?(s|m|h)|[0-9]{1,8}ms){1,4}$') || duration(self.pollInterval) >= duration('1s')",message="pollInterval must be at least 1s",fieldPath=".pollInterval"
type NixMoxHostSpec struct {
	// instance is the name under which this controller owns containers; unique among the controllers of one
	// Proxmox (default nixmox). Immutable: the containers carry it.
	// +optional
	// +kubebuilder:default=nixmox
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="instance must be lower-case letters, digits and '-', such as home"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="instance is immutable: the containers on Proxmox carry it (left out, it is nixmox)"
	Instance string `json:"instance,omitempty"`

	// endpoints of the Proxmox API, tried in order; any node of a cluster serves all of it.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.all(e, e.matches('^https?://([a-zA-Z0-9.-]+|[[][0-9a-fA-F:.]+[]])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?/?$'))",message="an endpoint is a URL without a path, such as https://pve1.lan:8006"
	Endpoints []string `json:"endpoints"`

	// credentialsRef names the Secret, in the host's namespace, with tokenID (user@realm!name) and tokenSecret, or with username
	// (user@realm) and password, for which tickets are taken. It is read again every minute, and at once when the host changes.
	// +required
	CredentialsRef SecretReference `json:"credentialsRef"`

	// tls says how the endpoints' certificate is verified. Omitted: by the system's certificate authorities.
	// +optional
	TLS *TLSSettings `json:"tls,omitempty"`

	// allowedNamespaces says from which namespaces services may refer to this host with their hostRef, beside its own, which always may
	// (default: from no other). Services of any other namespace have no part in the host: they hold no address and no phase.
	// +optional
	AllowedNamespaces AllowedNamespaces `json:"allowedNamespaces,omitzero"`

	// nodes that may hold containers. Omitted: every node that is online.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.all(n, n.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'))",message="nodes must be names of Proxmox nodes, such as pve1"
	Nodes []string `json:"nodes,omitempty"`

	// vmidRange is where container numbers are allocated from, both ends included (default: 900 to 999).
	// +optional
	// +kubebuilder:default={from: 900, to: 999}
	VMIDRange VMIDRange `json:"vmidRange,omitzero"`

	// network of the containers: the prefix of their addresses, and their gateway, DNS servers, bridge and VLAN.
	// +required
	Network HostNetwork `json:"network"`

	// defaults of the services: what a service that omits one of these gets.
	// +optional
	Defaults ServiceDefaults `json:"defaults,omitzero"`

	// phases order the roll-out by named lists. Omitted: a service's phase is one more than the highest phase among what it depends on. With
	// phases, a service in none of them takes the highest phase among what it depends on, else the first.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Phases []Phase `json:"phases,omitempty"`

	// policy opens what is closed where harm is possible.
	// +optional
	Policy HostPolicy `json:"policy,omitzero"`

	// rollout says what holds a service back and how many are brought up at once (default: by phase, four on a node).
	// +optional
	// +kubebuilder:default={}
	Rollout Rollout `json:"rollout,omitzero"`

	// health settings of services that have none of their own (defaults: every 30s, time-out 10s, 3 retries 10s apart, 5m to start).
	// +optional
	Health *HealthSettings `json:"health,omitempty"`

	// exec is the way to run commands inside the containers: for systemctl and other command checks, for URLs of localhost, and for
	// environment files (default: none; such checks are unknown then, see rollout.unknownHealth).
	// +optional
	Exec *ExecSettings `json:"exec,omitempty"`

	// pollInterval is how often the state of all containers is read, with one call (default 10s).
	// +optional
	// +kubebuilder:default="10s"
	PollInterval *Duration `json:"pollInterval,omitempty"`
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret, in the namespace of the object that refers to it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// SecretKeyReference names a key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret, in the namespace of the object that refers to it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// key of the value (default ca.crt).
	// +optional
	// +kubebuilder:default=ca.crt
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`
}

// TLSSettings say how the endpoints' certificate is verified.
//
// +kubebuilder:validation:XValidation:rule="[has(self.caBundle), has(self.caSecretRef), has(self.fingerprint), has(self.insecureSkipVerify) && self.insecureSkipVerify].filter(x, x).size() <= 1",message="use one of caBundle, caSecretRef, fingerprint and insecureSkipVerify"
type TLSSettings struct {
	// caBundle is the certificate authority in PEM: of a Proxmox node, the file /etc/pve/pve-root-ca.pem.
	// +optional
	// +kubebuilder:validation:MaxLength=1048576
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----')",message="caBundle must hold certificates in PEM, which begin with -----BEGIN CERTIFICATE-----"
	CABundle string `json:"caBundle,omitempty"`

	// caSecretRef names a Secret, in the host's namespace, that holds the certificate authority in PEM. It is read again every minute.
	// +optional
	CASecretRef *SecretKeyReference `json:"caSecretRef,omitempty"`

	// fingerprint is the SHA-256 of the endpoint's certificate, such as AA:BB:...; the certificate is then verified by it alone. It is one
	// certificate: change it when that is renewed. Each node has its own, so with several endpoints use caSecretRef or caBundle.
	// +optional
	// +kubebuilder:validation:MaxLength=95
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}$')",message="fingerprint must be a SHA-256 of 32 bytes in hex, separated by ':', as Proxmox shows it"
	Fingerprint string `json:"fingerprint,omitempty"`

	// insecureSkipVerify accepts any certificate (default false). Whoever is on the way can then read the token.
	// +optional
	InsecureSkipVerify bool `json:"insecureSkipVerify,omitempty"`
}

// NamespacesFrom is which other namespaces may refer to a host.
//
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

const (
	// NamespacesFromSame is the host's own namespace alone.
	NamespacesFromSame NamespacesFrom = "Same"
	// NamespacesFromAll is every namespace.
	NamespacesFromAll NamespacesFrom = "All"
	// NamespacesFromSelector is the namespaces whose labels match a selector.
	NamespacesFromSelector NamespacesFrom = "Selector"
)

// AllowedNamespaces say which namespaces may refer to a host beside its own, in the form of Gateway API's allowedRoutes.
//
// +kubebuilder:validation:XValidation:rule="(has(self.from) && self.from == 'Selector') == has(self.selector)",message="selector goes with from: Selector"
// +kubebuilder:validation:XValidation:rule="!has(self.selector) || !has(self.selector.matchExpressions) || self.selector.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && !has(e.values))",message="an operator is In or NotIn, with values, or Exists or DoesNotExist, without"
type AllowedNamespaces struct {
	// from is Same (default): the host's own namespace alone; All: every namespace; Selector: those whose labels match selector.
	// +optional
	// +kubebuilder:default=Same
	From NamespacesFrom `json:"from,omitempty"`

	// selector is over the labels of namespaces. Each has one with its name, kubernetes.io/metadata.name; a controller that is limited
	// to some namespaces knows no other.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// VMIDRange is a range of container numbers, both ends included.
//
// +kubebuilder:validation:XValidation:rule="self.from <= self.to",message="vmidRange.from must not be greater than vmidRange.to"
type VMIDRange struct {
	// from is the smallest number, at least 100.
	// +required
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=999999999
	From int32 `json:"from"`
	// to is the greatest number, at least from.
	// +required
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=999999999
	To int32 `json:"to"`
}

// HostNetwork is the network of the containers.
type HostNetwork struct {
	// cidr of the network, such as 192.168.1.0/24: an address without a prefix takes its prefix.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).prefixLength() >= 8",message="cidr must be a network with a prefix length of at least 8, such as 192.168.1.0/24"
	CIDR string `json:"cidr"`

	// gateway of the containers, an address such as 192.168.1.1 (default: none).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="gateway must be an IPv4 or IPv6 address"
	Gateway string `json:"gateway,omitempty"`

	// dnsServers of the containers, as addresses, asked in order (default: those of the Proxmox node).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.all(s, isIP(s))",message="dnsServers must be IPv4 or IPv6 addresses"
	DNSServers []string `json:"dnsServers,omitempty"`

	// vlanTag of the containers' interfaces, from 1 to 4094 (default: untagged).
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLANTag *int32 `json:"vlanTag,omitempty"`

	// bridge of the Proxmox node that the containers are attached to (default vmbr0).
	// +optional
	// +kubebuilder:default=vmbr0
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9_.-]*$')",message="bridge must be the name of a bridge, such as vmbr0"
	Bridge string `json:"bridge,omitempty"`

	// domain is the search domain of the containers; it completes a hostname without a dot.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$')",message="domain must be an RFC 1123 name, such as example.com"
	Domain string `json:"domain,omitempty"`

	// sshPublicKeys may log in as root in containers that are created from now on.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^(ssh|ecdsa|sk)-[a-zA-Z0-9@.-]+ [a-zA-Z0-9+/]+=*( [^[:cntrl:]]*)?$'))",message="an SSH public key is one line that starts with its type and the key, such as ssh-ed25519 AAAA..."
	SSHPublicKeys []string `json:"sshPublicKeys,omitempty"`
}

// ServiceDefaults are what services that omit them get.
type ServiceDefaults struct {
	// template that containers are created from, such as local:vztmpl/nixos.tar.xz.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*:vztmpl/[^/,[:space:]]+$')",message="template must name a storage and a file, such as local:vztmpl/nixos.tar.xz"
	Template string `json:"template,omitempty"`

	// storage of root disks and volumes (default local).
	// +optional
	// +kubebuilder:default=local
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z][a-zA-Z0-9._-]*$')",message="storage must be the name of a Proxmox storage, such as local-zfs"
	Storage string `json:"storage,omitempty"`

	// resources of services that omit them (default: 512Mi memory, 512Mi swap, 1 cpu, 8Gi storage).
	// +optional
	Resources Resources `json:"resources,omitzero"`

	// unprivileged containers run in a user namespace (default true).
	// +optional
	Unprivileged *bool `json:"unprivileged,omitempty"`

	// timezone of services that omit it, such as Europe/Berlin, or host for that of the node (default: what the template has).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9_+-]+(/[a-zA-Z0-9_+-]+)*$')",message="timezone must be a name of the time zone database, such as Europe/Berlin, or host"
	Timezone string `json:"timezone,omitempty"`

	// features of services that omit them (default: nesting, of unprivileged containers).
	// +optional
	Features *Features `json:"features,omitempty"`
}

// HostPolicy opens what is closed where harm is possible.
type HostPolicy struct {
	// adoptableVMIDs are numbers of existing containers that services may adopt, such as "120", and ranges of them, such as "900-950"
	// (default: none).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=19
	// +kubebuilder:validation:XValidation:rule="self.all(r, r.matches('^[1-9][0-9]{2,8}(-[1-9][0-9]{2,8})?$'))",message="adoptableVMIDs lists numbers and ranges in quotes, such as \"120\" or \"900-950\""
	AdoptableVMIDs []string `json:"adoptableVMIDs,omitempty"`

	// hostPaths are folders of the nodes that services may mount with volumes[].hostPath, each with all that lies below it, such as
	// /tank/media (default: none). Links within them lead wherever they lead on the node.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.all(p, p.matches('^(/[^/,[:cntrl:]]+)+$') && !p.matches('(^|/)[.][.]?(/|$)'))",message="hostPaths lists absolute paths other than /, without a trailing '/', without ',' and without '.' or '..' as a part"
	HostPaths []string `json:"hostPaths,omitempty"`

	// probeHosts are what health checks may reach from the controller besides the service's own container: names, addresses or networks,
	// such as auth.example.com or 192.168.1.0/24 (default: none).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.all(h, isIP(h) || isCIDR(h) || h.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*$'))",message="a probe host is a name, an address or a network, such as 192.168.1.0/24"
	ProbeHosts []string `json:"probeHosts,omitempty"`

	// templates that services may name, where * stands for any characters, such as local:vztmpl/nixos-* (default: all). The host's own
	// default is always allowed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=255
	Templates []string `json:"templates,omitempty"`

	// bridges that services may name, beside the host's own (default: all).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Bridges []string `json:"bridges,omitempty"`
}

// Phase is a named step of the roll-out.
type Phase struct {
	// name of the phase, for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// services of the phase, by name, in every namespace whose services refer to the host. While a name has no service, later phases wait.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Services []string `json:"services,omitempty"`
}

// Rollout says what holds a service back.
type Rollout struct {
	// gate: Phase (default) holds a service back until every service of the earlier phases is settled; Dependencies only until what it
	// depends on is.
	// +optional
	// +kubebuilder:default=Phase
	Gate Gate `json:"gate,omitempty"`

	// maxConcurrent is how many creations and starts run at once on a node (default 4).
	// +optional
	// +kubebuilder:default=4
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	MaxConcurrent int32 `json:"maxConcurrent,omitempty"`

	// unknownHealth says what a service that runs and whose check cannot be made counts as. Hold (default):
	// not ready. Proceed: ready.
	// +optional
	// +kubebuilder:default=Hold
	UnknownHealth UnknownHealth `json:"unknownHealth,omitempty"`

	// degraded says what a service counts as of whose layers some fail (health.comprehensive). Proceed (default): ready. Hold: not ready.
	// +optional
	// +kubebuilder:default=Proceed
	Degraded DegradedHealth `json:"degraded,omitempty"`
}

// DegradedHealth says what a degraded verdict counts as.
//
// +kubebuilder:validation:Enum=Hold;Proceed
type DegradedHealth string

// The two ways to take a degraded verdict.
const (
	DegradedHold    DegradedHealth = "Hold"
	DegradedProceed DegradedHealth = "Proceed"
)

// Gate is what holds a service back.
//
// +kubebuilder:validation:Enum=Phase;Dependencies
type Gate string

// The gates.
const (
	GatePhase        Gate = "Phase"
	GateDependencies Gate = "Dependencies"
)

// UnknownHealth says what an unknown verdict counts as.
//
// +kubebuilder:validation:Enum=Hold;Proceed
type UnknownHealth string

// The two ways to take an unknown verdict.
const (
	UnknownHold    UnknownHealth = "Hold"
	UnknownProceed UnknownHealth = "Proceed"
)

// NixMoxHostStatus is what the controller knows of the host as a whole.
type NixMoxHostStatus struct {
	// observedGeneration is the generation of the spec that this status judges; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions: Ready says whether Proxmox can be worked with.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// version of Proxmox VE.
	// +optional
	Version string `json:"version,omitempty"`

	// identity is the user or token that Proxmox knows us as, such as nixmox@pve!ctl.
	// +optional
	Identity string `json:"identity,omitempty"`

	// preflight says whether what the spec names is there for our credentials: privileges, storages, bridge and template.
	// +optional
	// +listType=map
	// +listMapKey=name
	Preflight []PreflightCheck `json:"preflight,omitempty"`

	// phase that the roll-out is in, and how many there are, such as 3/6.
	// +optional
	Phase string `json:"phase,omitempty"`

	// services that are ready, and how many are enabled, such as 7/10.
	// +optional
	Services string `json:"services,omitempty"`

	// deploymentOrder of the enabled, valid services.
	// +optional
	// +listType=atomic
	DeploymentOrder []string `json:"deploymentOrder,omitempty"`

	// phases with their services and state.
	// +optional
	// +listType=atomic
	Phases []PhaseStatus `json:"phases,omitempty"`

	// changes are the containers that do not have yet what is asked for, for instance after an edit of the host's defaults.
	// +optional
	Changes *ChangesStatus `json:"changes,omitempty"`

	// problems of the services as a set.
	// +optional
	// +listType=atomic
	Problems []ProblemStatus `json:"problems,omitempty"`

	// freedVMIDs are numbers whose container was destroyed lately, oldest first: they rest before they are used again.
	// +optional
	// +listType=atomic
	FreedVMIDs []int32 `json:"freedVMIDs,omitempty"`

	// lastHandledReconcileAt is the value of the annotation reconcile.fluxcd.io/requestedAt that was acted on last.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// ChangesStatus counts the containers that are still to be changed.
type ChangesStatus struct {
	// containers with steps that remain.
	Containers int32 `json:"containers"`
	// disrupted are those among them that are interrupted by a step.
	// +optional
	Disrupted int32 `json:"disrupted,omitempty"`
}

// PreflightCheck is one thing that containers need, and whether it is there.
type PreflightCheck struct {
	// name of the check: privileges, storages, bridge or template; each is about all that the host, its policy and its services name.
	Name string `json:"name"`
	// ok is whether nothing is missing.
	OK bool `json:"ok"`
	// message says what is missing.
	// +optional
	Message string `json:"message,omitempty"`
	// fix is a line for the shell of a Proxmox node that mends it, or shows more.
	// +optional
	Fix string `json:"fix,omitempty"`
}

// PhaseStatus is one phase of the roll-out.
type PhaseStatus struct {
	// number of the phase, from 1.
	Number int32 `json:"number"`
	// name of the phase, where the host names its phases.
	// +optional
	Name string `json:"name,omitempty"`
	// services of the phase.
	// +optional
	// +listType=atomic
	Services []string `json:"services,omitempty"`
	// state: Waiting, Progressing or Ready.
	State string `json:"state"`
}

// ProblemStatus is one problem of the services as a set.
type ProblemStatus struct {
	// message in short.
	Message string `json:"message"`
	// detail of the problem.
	// +optional
	Detail string `json:"detail,omitempty"`
	// services concerned.
	// +optional
	// +listType=atomic
	Services []string `json:"services,omitempty"`
}
