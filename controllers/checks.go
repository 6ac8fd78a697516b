package controllers

import (
	"fmt"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// checks are what tells of a service whether it is well.
type checks struct {
	liveness health.Check
	startup  *health.Check  // nil: the liveness check, or its layers
	layers   []health.Layer // of a comprehensive check
}

// now is the text of the check that counts at the moment.
func (c checks) now(state health.Observation) string {
	switch {
	case c.startup != nil && !state.StartupPassed:
		return c.startup.String()
	case len(c.layers) > 0:
		return fmt.Sprintf("comprehensive, %d layers", len(c.layers))
	}
	return c.liveness.String()
}

// checksOf are a service's own checks, else what is known of it by its name, its ports, or nothing. exec is whether commands can be run
// inside its container.
func checksOf(svc *v1alpha1.NixMoxService, exec bool) (checks, error) {
	own := ownHealth(svc)
	var c checks
	startup, err := parsed("spec.health.startup", string(own.Startup))
	if err != nil {
		return c, err
	}
	liveness, err := parsed("spec.health.liveness", string(own.Liveness))
	if err != nil {
		return c, err
	}
	check, err := parsed("spec.healthCheck", svc.Spec.HealthCheck)
	if err != nil {
		return c, err
	}
	if liveness == nil {
		liveness = check
	}
	ports := make([]string, len(svc.Spec.Ports))
	for i, port := range svc.Spec.Ports {
		ports[i] = port.String()
	}
	c.startup = startup
	if own.Comprehensive {
		c.layers = health.LayersFor(svc.Name, liveness, ports)
	}
	if liveness != nil {
		c.liveness = *liveness
	} else {
		c.liveness = health.DefaultFor(svc.Name, ports, exec)
	}
	return c, nil
}

// parsed is nil for a check that is not given.
func parsed(field, text string) (*health.Check, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // there is none, and nothing is wrong
	}
	c, err := health.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return &c, nil
}

// needsExec is whether something of a service can only be done inside its container.
func needsExec(svc *v1alpha1.NixMoxService) bool {
	if hasEnvironment(svc) {
		return true
	}
	c, err := checksOf(svc, false)
	return err == nil && (c.liveness.NeedsExec() || c.startup != nil && c.startup.NeedsExec())
}
