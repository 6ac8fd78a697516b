package controllers

// This file is the source of config/rbac/role.yaml (`make generate`): what the controller may do in a cluster, and why. It is all that
// it may do: test/manifests runs it with these rights alone and fails when one is missing, or when one is granted that it never uses.

// The wishes are read and watched: through the cache, so what is called is list and watch; get gives no more than list does. A service's
// own object is changed for one thing only, the finalizer; that is a patch.
//
// +kubebuilder:rbac:groups=nixmox.dev,resources=nixmoxhosts,verbs=get;list;watch
// +kubebuilder:rbac:groups=nixmox.dev,resources=nixmoxservices,verbs=get;list;watch;patch

// What is observed is reported with patches; nothing is ever updated whole, which would rewrite what people wrote.
//
// +kubebuilder:rbac:groups=nixmox.dev,resources=nixmoxhosts/status;nixmoxservices/status,verbs=patch

// The labels of namespaces, by which a host may allow them. Their metadata alone is read.
//
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch

// The credentials of a host. Get alone: without list and watch no Secret can be found that no host names, and none is kept in memory.
//
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get

// Events tell what happened to a service; a patch counts one that repeats.
//
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Only one of several replicas works: the lease in the controller's own namespace says which, and an event there tells of a change.
//
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update,namespace=nixmox-system,roleName=nixmox-controller-leader-election
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch,namespace=nixmox-system,roleName=nixmox-controller-leader-election
