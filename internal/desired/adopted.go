package desired

import (
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// AsFound leaves a container that a service adopts as it is where the service itself says nothing: the host's network and defaults are for
// containers that are made here. Written into one that somebody else configured, they would cut it off or restart it. It holds while
// spec.adopt is true.
func AsFound(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, d *plan.Desired, o plan.Observed) {
	if !svc.Spec.Adopt || !o.Exists {
		return
	}
	d.Nameservers, d.SearchDomain = o.Nameservers, o.SearchDomain
	if strings.EqualFold(o.Hostname, svc.Spec.Hostname) {
		d.Hostname = o.Hostname
	}
	if svc.Spec.Resources.CPU == nil {
		d.CPU = o.CPU
	}
	network := orZero(svc.Spec.Network)
	if network.Gateway == "" && !o.Net.Gateway.IsValid() {
		d.Net.Gateway = o.Net.Gateway
	}
	if network.VLANTag == nil && o.Net.VLANTag == 0 {
		d.Net.VLANTag = 0
	}
	features, defaults := orZero(svc.Spec.Features), orZero(host.Spec.Defaults.Features)
	if features.Nesting == nil {
		d.Nesting = o.Nesting
	}
	if features.Keyctl == nil && defaults.Keyctl != nil {
		d.Options.Keyctl = nil
	}
	if features.FUSE == nil && defaults.FUSE != nil {
		d.Options.FUSE = nil
	}
	if features.Mount == nil && defaults.Mount != nil {
		d.Options.Mount = nil
	}
	if svc.Spec.Timezone == "" && host.Spec.Defaults.Timezone != "" {
		d.Options.Timezone = nil
	}
}
