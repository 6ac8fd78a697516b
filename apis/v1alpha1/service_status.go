package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NixMoxServiceStatus is what the controller observed, does and waits for. Nothing in it ticks: it changes only when something happened.
type NixMoxServiceStatus struct {
	// observedGeneration is the generation of the spec that this status judges; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// observedHostGeneration is the generation of the host's spec that the container was brought in line with last. While it is behind, what
	// remains to be done is a change of the host's, which is rolled out phase by phase.
	// +optional
	ObservedHostGeneration int64 `json:"observedHostGeneration,omitempty"`

	// conditions: Ready is the summary; Valid, DependenciesReady, Provisioned and Healthy are the steps to it.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// state is one word for people; programs read conditions.
	// +optional
	State string `json:"state,omitempty"`

	// health is the last verdict: Healthy, Unhealthy, Degraded or Unknown.
	// +optional
	Health string `json:"health,omitempty"`

	// checks are the layers of a comprehensive check, with the result of each when the verdict changed last.
	// +optional
	// +listType=map
	// +listMapKey=name
	Checks []CheckStatus `json:"checks,omitempty"`

	// environment is what was written to the container's environment file.
	// +optional
	Environment *EnvironmentStatus `json:"environment,omitempty"`

	// restarts are those of a service that ran and was unhealthy, since it was healthy last.
	// +optional
	Restarts *RestartsStatus `json:"restarts,omitempty"`

	// phase is the deployment phase of the service, from 1.
	// +optional
	Phase int32 `json:"phase,omitempty"`

	// waitingFor names the services that hold this one back.
	// +optional
	WaitingFor []string `json:"waitingFor,omitempty"`

	// vmid is the container's number on Proxmox, once one is allocated.
	// +optional
	VMID int32 `json:"vmid,omitempty"`

	// node holds the container.
	// +optional
	Node string `json:"node,omitempty"`

	// placement says why the container is on that node: why it was created there, or that it was moved there on request.
	// +optional
	Placement string `json:"placement,omitempty"`

	// firstReadyTime is when the service became ready for the first time; from then on a start of it is a recovery, which waits for
	// its direct dependencies at most.
	// +optional
	FirstReadyTime *metav1.Time `json:"firstReadyTime,omitempty"`

	// inherited is true of a container that was not created for this very object: it was found by its marker, taken over or adopted. It may
	// hold data, whether or not it was healthy since.
	// +optional
	Inherited bool `json:"inherited,omitempty"`

	// ownership is what we saw of the container's marker.
	// +optional
	Ownership *Ownership `json:"ownership,omitempty"`

	// operation is the step under way. It is written before Proxmox is asked, so that nothing is done twice.
	// +optional
	Operation *Operation `json:"operation,omitempty"`

	// failure is the last step that failed, until one of its kind succeeds.
	// +optional
	Failure *Failure `json:"failure,omitempty"`

	// restartOwed names why the container is to be started anew: settings that Proxmox holds but that take effect only at its next start,
	// unhealthy for a service that is ill, node for a move that has begun.
	// +optional
	RestartOwed []string `json:"restartOwed,omitempty"`

	// managed names the optional settings that the spec set, such as mtu: when it no longer does, they are taken back. Settings that it
	// never named are left as somebody else made them.
	// +optional
	// +listType=atomic
	Managed []string `json:"managed,omitempty"`

	// stopped is a stop that restartPolicy leaves as it is. It is forgotten when the container runs again.
	// +optional
	Stopped *Stopped `json:"stopped,omitempty"`

	// crashes are the times that the container stopped by itself, each soon after the one before.
	// +optional
	Crashes *Crashes `json:"crashes,omitempty"`

	// plan is the list of steps that remain, each with its causes.
	// +optional
	Plan []string `json:"plan,omitempty"`

	// observed is the part of the container's configuration that we manage.
	// +optional
	Observed *ObservedContainer `json:"observed,omitempty"`

	// template that the container was created from.
	// +optional
	Template string `json:"template,omitempty"`

	// granted holds the disk sizes that were asked for and given, by volume name, rootfs for the root disk: asking for less is refused,
	// while a disk that somebody enlarged on Proxmox is left as it is.
	// +optional
	Granted map[string]string `json:"granted,omitempty"`

	// lastHandledReconcileAt is the value of the annotation reconcile.fluxcd.io/requestedAt that was acted on last.
	// +optional
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// Ownership is what we saw of the container's marker: two controllers that take a container from each other notice by it.
type Ownership struct {
	// uid that the marker had when it was read last.
	// +optional
	UID string `json:"uid,omitempty"`
	// contested counts how often somebody else wrote the marker over since it was this object's.
	// +optional
	Contested int32 `json:"contested,omitempty"`
}

// Operation is one step under way: recorded before the call, its task after.
type Operation struct {
	// kind of the step: Create, Configure, Grow, Start, Shutdown, Migrate or Destroy.
	Kind string `json:"kind"`
	// node that was asked.
	Node string `json:"node"`
	// vmid of the container.
	VMID int32 `json:"vmid"`
	// target is the node that a Migrate goes to.
	// +optional
	Target string `json:"target,omitempty"`
	// nonce tells this attempt from every other; that of a creation stands in the container's description too.
	// +optional
	Nonce string `json:"nonce,omitempty"`
	// template that the container is created from.
	// +optional
	Template string `json:"template,omitempty"`
	// tokenID that the call was made with: it owns the task.
	// +optional
	TokenID string `json:"tokenID,omitempty"`
	// startedAt is when the step was recorded.
	StartedAt metav1.Time `json:"startedAt"`
	// upid is Proxmox's task. It is written once the task has run for three seconds; shorter ones are followed without.
	// +optional
	UPID string `json:"upid,omitempty"`
}

// CheckStatus is one layer of a comprehensive check.
type CheckStatus struct {
	// name of the layer, such as systemd or http.
	Name string `json:"name"`
	// check in the forms of healthCheck.
	Check string `json:"check"`
	// result: Passed, Failed or NotRun.
	Result string `json:"result"`
	// message says what was found.
	// +optional
	Message string `json:"message,omitempty"`
}

// EnvironmentStatus is what was written to a container's environment file.
type EnvironmentStatus struct {
	// hash of the content under a key that only the controller has: it tells a change and nothing else.
	Hash string `json:"hash"`
}

// RestartsStatus are the restarts of an unhealthy service.
type RestartsStatus struct {
	// count in a row.
	Count int32 `json:"count"`
	// notBefore is when the next one may be, at the earliest.
	NotBefore metav1.Time `json:"notBefore"`
}

// Stopped is a stop that is left as it is, until the spec changes or a start is asked for.
type Stopped struct {
	// by is the Proxmox user or token who stopped the container; empty when nobody did, or nobody knows.
	// +optional
	By string `json:"by,omitempty"`
	// generation of the spec when the stop was seen.
	Generation int64 `json:"generation"`
	// startRequest is the value that the annotation nixmox.dev/start had then.
	// +optional
	StartRequest string `json:"startRequest,omitempty"`
}

// Crashes are stops in a row that nobody asked for. They are forgotten when the container ran for a while, when the spec changes, and when a
// start is asked for.
type Crashes struct {
	// count of stops in a row.
	Count int32 `json:"count"`
	// restartAt is when the container is, or was, started again after the last of them.
	RestartAt metav1.Time `json:"restartAt"`
	// generation of the spec when the last was seen.
	Generation int64 `json:"generation"`
	// startRequest is the value that the annotation nixmox.dev/start had then.
	// +optional
	StartRequest string `json:"startRequest,omitempty"`
}

// Failure is a step that failed and when it is tried again.
type Failure struct {
	// kind of the step that failed.
	Kind string `json:"kind"`
	// message says what Proxmox said.
	Message string `json:"message"`
	// count of failures of this step in a row.
	Count int32 `json:"count"`
	// retryAt is when it is tried again. An edit of the service or of its host is not waited for.
	RetryAt metav1.Time `json:"retryAt"`
	// hostGeneration is the generation of the host's spec under which it failed.
	// +optional
	HostGeneration int64 `json:"hostGeneration,omitempty"`
}

// ObservedContainer is the container as Proxmox has it, as far as we manage it.
type ObservedContainer struct {
	// running is whether the container runs.
	Running bool `json:"running"`
	// hostname as configured.
	// +optional
	Hostname string `json:"hostname,omitempty"`
	// ip with prefix, as configured.
	// +optional
	IP string `json:"ip,omitempty"`
	// gateway as configured.
	// +optional
	Gateway string `json:"gateway,omitempty"`
	// bridge as configured.
	// +optional
	Bridge string `json:"bridge,omitempty"`
	// vlanTag as configured.
	// +optional
	VLANTag int32 `json:"vlanTag,omitempty"`
	// macAddress of the interface.
	// +optional
	MACAddress string `json:"macAddress,omitempty"`
	// memoryMiB as configured.
	// +optional
	MemoryMiB int64 `json:"memoryMiB,omitempty"`
	// swapMiB as configured.
	// +optional
	SwapMiB int64 `json:"swapMiB,omitempty"`
	// cpu as configured, in cores, such as 1500m.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// rootVolume is the volume id of the root disk.
	// +optional
	RootVolume string `json:"rootVolume,omitempty"`
	// rootSize is the size of the root disk, such as 20Gi.
	// +optional
	RootSize string `json:"rootSize,omitempty"`
	// volumes by name, with the key and the volume id that they have on Proxmox.
	// +optional
	// +listType=map
	// +listMapKey=name
	Volumes []ObservedVolume `json:"volumes,omitempty"`
	// tags as configured.
	// +optional
	Tags []string `json:"tags,omitempty"`
	// unmanaged names the interfaces, mount points and devices that somebody else added, such as net1: they are left alone.
	// +optional
	// +listType=atomic
	Unmanaged []string `json:"unmanaged,omitempty"`
}

// ObservedVolume is a volume as Proxmox has it.
type ObservedVolume struct {
	// name of the volume in the spec.
	Name string `json:"name"`
	// key of the mount point, such as mp0; none of a volume that is detached.
	// +optional
	Key string `json:"key,omitempty"`
	// volume id, such as local-zfs:subvol-901-disk-1, or the path of the node that is mounted in its place.
	Volume string `json:"volume"`
	// mountPath as configured.
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// size, such as 20Gi.
	// +optional
	Size string `json:"size,omitempty"`
	// state of a volume that is not attached. Leaving: the container has it until it stops. Kept: detached, and attached again when the
	// name comes back into the spec. Lost: neither mounted nor kept by the container.
	// +optional
	State string `json:"state,omitempty"`
}
