// Package v1alpha1 is the API of nixmox.dev: NixMoxHost, a Proxmox VE installation, and NixMoxService, the wish for one LXC
// container on it. What one object can be judged by stands here as OpenAPI and CEL rules, so that the API server refuses it
// in a clear sentence; what needs other objects is reported on status by the controllers.
//
// Every string and list that a rule reads has a greatest length: the API server refuses a kind whose rules could cost too much. A rule
// that compares with what was there before stands where the field cannot vanish from under it: on the object or the spec, or on a field
// with a default.
//
// +kubebuilder:object:generate=true
// +groupName=nixmox.dev
package v1alpha1
