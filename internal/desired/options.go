package desired

import (
	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

func unprivileged(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) bool {
	return firstBool(true, svc.Spec.Unprivileged, host.Spec.Defaults.Unprivileged)
}

// nesting is on unless somebody says otherwise; of a privileged container only root@pam in person may change it, so there it is off.
func nesting(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) bool {
	own, defaults := orZero(svc.Spec.Features), orZero(host.Spec.Defaults.Features)
	return firstBool(unprivileged(host, svc), own.Nesting, defaults.Nesting)
}

// options are the settings that stay as the container has them unless the service or the host says something about them.
func options(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) plan.Options {
	own, defaults := orZero(svc.Spec.Features), orZero(host.Spec.Defaults.Features)
	o := plan.Options{Keyctl: firstSet(own.Keyctl, defaults.Keyctl), FUSE: firstSet(own.FUSE, defaults.FUSE), Mount: own.Mount}
	if o.Mount == nil {
		o.Mount = defaults.Mount
	}
	if zone := first(svc.Spec.Timezone, host.Spec.Defaults.Timezone); zone != "" {
		o.Timezone = &zone
	}
	network := orZero(svc.Spec.Network)
	if network.MTU != nil {
		mtu := int(*network.MTU)
		o.MTU = &mtu
	}
	if network.RateLimit != nil {
		rate := float64(network.RateLimit.MilliValue()) / 1000
		o.RateMBps = &rate
	}
	return o
}

func firstSet[T any](values ...*T) *T {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
