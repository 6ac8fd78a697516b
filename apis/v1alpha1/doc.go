// Package v1alpha1 is the API of nixmox.dev: NixMoxHost, a Proxmox VE installation, and NixMoxService, the wish for one LXC
// container on it. What one object can be judged by stands here as OpenAPI and CEL rules, so that the API server refuses it
// in a clear sentence; what needs other objects is reported on status by the controllers.
//
// +kubebuilder:object:generate=true
// +groupName=nixmox.dev
package v1alpha1
