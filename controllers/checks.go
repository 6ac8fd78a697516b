package controllers

import (
	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
)

// needsExec is whether something of a service can only be done inside its container.
func needsExec(svc *v1alpha1.NixMoxService) bool {
	if hasEnvironment(svc) {
		return true
	}
	c, err := checkup.Of(svc, false)
	return err == nil && (c.Liveness.NeedsExec() || c.Startup != nil && c.Startup.NeedsExec())
}
