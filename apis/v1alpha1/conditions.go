package v1alpha1

// Condition types of both kinds. Ready is the summary. Reconciling and Stalled exist only while they are True, never both,
// and each implies that Ready is not True: that is what kstatus (Flux, Argo CD, `kubectl wait`) reads.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"

	// The steps of a service's life, for whoever wants to know how far it came.
	ConditionValid             = "Valid"
	ConditionDependenciesReady = "DependenciesReady"
	ConditionProvisioned       = "Provisioned"
	ConditionHealthy           = "Healthy"

	// ConditionExecReady of a host: commands can be run inside its containers.
	ConditionExecReady = "ExecReady"
	// ConditionInsecure is on hosts whose certificate is not verified, and on no others.
	ConditionInsecure = "InsecureTLS"
)

// Reasons of the conditions: the whole list, so that a reader of a reason finds its meaning here.
const (
	// ReasonPending: nobody looked at the object yet.
	ReasonPending = "Pending"

	// Waiting: the controller goes on by itself once the thing named in the message has happened.
	ReasonWaitingForDependency = "WaitingForDependency"
	ReasonWaitingForPhase      = "WaitingForPhase"
	ReasonWaitingForSlot       = "WaitingForSlot"
	ReasonWaitingForLock       = "WaitingForLock"
	ReasonWaitingForAddress    = "WaitingForAddress"
	ReasonEnvironment          = "Environment"
	ReasonMissingDependency    = "MissingDependency"
	ReasonDisabledDependency   = "DisabledDependency"
	ReasonWaitingForConfirm    = "WaitingForConfirmation"
	ReasonHostNotFound         = "HostNotFound"
	ReasonHostNotReady         = "HostNotReady"
	ReasonNodeUnavailable      = "NodeUnavailable"
	ReasonVMIDRangeExhausted   = "VMIDRangeExhausted"

	// Working: a task runs on Proxmox, or the startup check has not passed yet.
	ReasonCreating         = "Creating"
	ReasonStarting         = "Starting"
	ReasonUpdating         = "Updating"
	ReasonStopping         = "Stopping"
	ReasonDeleting         = "Deleting"
	ReasonMigrating        = "Migrating"
	ReasonResolving        = "ResolvingOperation"
	ReasonWaitingForHealth = "WaitingForHealth"
	ReasonRetrying         = "Retrying"

	// Proxmox cannot be asked.
	ReasonHostUnreachable  = "HostUnreachable"
	ReasonHostUnauthorized = "HostUnauthorized"
	ReasonCredentials      = "CredentialsMissing"
	ReasonIllTogether      = "IllTogether"
	ReasonRefusedByMode    = "RefusedByMode"
	ReasonUnsupported      = "UnsupportedVersion"

	// Stalled: only an edit helps.
	ReasonCircularDependency = "CircularDependency"
	ReasonDuplicateIP        = "DuplicateIP"
	ReasonDuplicateHostname  = "DuplicateHostname"
	ReasonPhaseContradiction = "PhaseContradiction"
	ReasonInvalid            = "Invalid"
	ReasonChangeRefused      = "ChangeRefused"
	ReasonVMIDConflict       = "VMIDConflict"
	ReasonOwnedElsewhere     = "OwnedElsewhere"

	// ReasonPolicyRefused: the host's policy does not allow what the spec asks for.
	ReasonPolicyRefused = "PolicyRefused"

	// ReasonInsecureSkipVerify: the certificate of Proxmox is not verified.
	ReasonInsecureSkipVerify = "InsecureSkipVerify"

	// Failing: not the fault of this object's spec.
	ReasonStartupTimeout  = "StartupTimeout"
	ReasonUnhealthy       = "Unhealthy"
	ReasonStopped         = "Stopped"
	ReasonCrashLoop       = "CrashLoop"
	ReasonContainerGone   = "ContainerGone"
	ReasonLockLeftBehind  = "LockLeftBehind"
	ReasonOperationFailed = "OperationFailed"

	// Good.
	ReasonHealthy          = "Healthy"
	ReasonDegraded         = "Degraded"
	ReasonRunningUnchecked = "RunningUnchecked"
	ReasonDisabled         = "Disabled"
	ReasonSucceeded        = "Succeeded"
	ReasonConnected        = "Connected"

	// Commands inside containers, on the host's condition ExecReady.
	ReasonExecNotConfigured = "ExecNotConfigured"
	ReasonExecKeyMissing    = "ExecKeyMissing"
	ReasonExecInvalid       = "ExecInvalid"
	ReasonExecUnreachable   = "ExecUnreachable"
	ReasonExecReady         = "ExecReady"
)

const (
	// Finalizer keeps a service's object until its container was let go of as deletionPolicy says.
	Finalizer = "nixmox.dev/container"
	// RequestedAtAnnotation asks for a reconcile now; Flux and the kubectl plugin set it.
	RequestedAtAnnotation = "reconcile.fluxcd.io/requestedAt"
	// StartAnnotation asks for a container that is left stopped to be started: any new value is a new request.
	StartAnnotation = "nixmox.dev/start"
	// MigrateAnnotation asks for the container to be moved to the node that is its value. It is taken off once it is there.
	MigrateAnnotation = "nixmox.dev/migrate"
	// FieldOwner is the controller's name in managedFields and events.
	FieldOwner = "nixmox-controller"
)
