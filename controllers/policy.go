package controllers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// policyRefuses says what of a service's spec the host's policy does not allow, empty when nothing. What the host itself gives by
// default is always allowed. A container that exists is left as it is.
func policyRefuses(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) string {
	policy := host.Spec.Policy
	if t := svc.Spec.Template; len(policy.Templates) > 0 && t != "" && t != host.Spec.Defaults.Template &&
		!slices.ContainsFunc(policy.Templates, func(pattern string) bool { return globs(pattern, t) }) {
		return fmt.Sprintf("spec.template: host %s does not allow %s, only %s (spec.policy.templates)", host.Name, t, list(policy.Templates))
	}
	if n := svc.Spec.Network; n != nil && n.Bridge != "" && !topology.AllowsBridge(host, n.Bridge) {
		return fmt.Sprintf("spec.network.bridge: host %s does not allow %s, only %s (spec.policy.bridges)", host.Name, n.Bridge,
			list(slices.Compact(slices.Sorted(slices.Values(append([]string{topology.Bridge(host)}, policy.Bridges...))))))
	}
	return pathRefused(host, svc)
}

// pathRefused says which path of the node the host does not allow to be mounted.
func pathRefused(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) string {
	allowed := host.Spec.Policy.HostPaths
	for _, v := range svc.Spec.Volumes {
		if v.HostPath == "" || topology.AllowsPath(host, v.HostPath) {
			continue
		}
		only := "and none is allowed"
		if len(allowed) > 0 {
			only = "only what is in " + list(allowed)
		}
		return fmt.Sprintf("spec.volumes: host %s does not allow %s, the path of volume %s, %s (spec.policy.hostPaths)", host.Name, v.HostPath, v.Name, only)
	}
	return ""
}

// globs is whether a text fits a pattern in which * stands for any characters.
func globs(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
