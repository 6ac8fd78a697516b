package topology

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Bridge is the one that the host's containers are attached to where they name none.
func Bridge(host *v1alpha1.NixMoxHost) string { return cmp.Or(host.Spec.Network.Bridge, "vmbr0") }

// AllowsBridge is whether the host's policy lets a service ask for a bridge. An empty list allows all, and the host's own is always allowed.
func AllowsBridge(host *v1alpha1.NixMoxHost, bridge string) bool {
	allowed := host.Spec.Policy.Bridges
	return len(allowed) == 0 || bridge == Bridge(host) || slices.Contains(allowed, bridge)
}

// AllowsPath is whether the host's policy lets a service mount a path of the node: one that is listed, or is in a folder that is. An empty
// list allows none. Paths are compared part by part, as they are written: a link on the node leads where it leads.
func AllowsPath(host *v1alpha1.NixMoxHost, hostPath string) bool {
	return path.Clean(hostPath) == hostPath && slices.ContainsFunc(host.Spec.Policy.HostPaths, func(dir string) bool {
		return hostPath == dir || strings.HasPrefix(hostPath, dir+"/")
	})
}
