// Package checkup says by which checks a service is seen to be well, and how often and how patiently: from the two objects to what
// internal/health runs. It is pure. The controllers check by it, and the scripts for a node wait by the same.
package checkup

import (
	"fmt"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/health"
)

// Checks are what tells of a service whether it is well.
type Checks struct {
	Liveness health.Check
	Startup  *health.Check  // nil: the liveness check, or its layers
	Layers   []health.Layer // of a comprehensive check
}

// Text is the check that counts before or after the startup passed.
func (c Checks) Text(startupPassed bool) string {
	switch {
	case c.Startup != nil && !startupPassed:
		return c.Startup.String()
	case len(c.Layers) > 0:
		return fmt.Sprintf("comprehensive, %d layers", len(c.Layers))
	}
	return c.Liveness.String()
}

// Of are a service's own checks, else what is known of it by its name, its ports, or nothing. exec is whether commands can be run inside
// its container.
func Of(svc *v1alpha1.NixMoxService, exec bool) (Checks, error) {
	own := ownHealth(svc)
	var c Checks
	startup, err := parsed("spec.health.startup", string(own.Startup))
	if err != nil {
		return c, err
	}
	liveness, err := livenessOf(svc)
	if err != nil {
		return c, err
	}
	c.Startup = startup
	if own.Comprehensive {
		c.Layers = health.LayersFor(svc.Name, liveness, ports(svc))
	}
	if liveness != nil {
		c.Liveness = *liveness
	} else {
		c.Liveness = health.DefaultFor(svc.Name, ports(svc), exec)
	}
	return c, nil
}

// NeedsExec is whether something of a service can only be done inside its container: its environment file, or a check.
func NeedsExec(svc *v1alpha1.NixMoxService) bool {
	if len(svc.Spec.Environment) > 0 || len(svc.Spec.EnvironmentFrom) > 0 {
		return true
	}
	c, err := Of(svc, false)
	return err == nil && (c.Liveness.NeedsExec() || c.Startup != nil && c.Startup.NeedsExec())
}

// Layers are all the checks of a service, whether or not it asks for them.
func Layers(svc *v1alpha1.NixMoxService) ([]health.Layer, error) {
	liveness, err := livenessOf(svc)
	if err != nil {
		return nil, err
	}
	return health.LayersFor(svc.Name, liveness, ports(svc)), nil
}

// livenessOf is the service's own; nil for one that gives none.
func livenessOf(svc *v1alpha1.NixMoxService) (*health.Check, error) {
	liveness, err := parsed("spec.health.liveness", string(ownHealth(svc).Liveness))
	if err != nil {
		return nil, err
	}
	check, err := parsed("spec.healthCheck", svc.Spec.HealthCheck)
	if liveness == nil {
		liveness = check
	}
	return liveness, err
}

func ports(svc *v1alpha1.NixMoxService) []string {
	texts := make([]string, len(svc.Spec.Ports))
	for i, port := range svc.Spec.Ports {
		texts[i] = port.String()
	}
	return texts
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

// Spec is what the scheduler is told of these checks, with the times of the service, else of its host, else the defaults. What it is to
// be about, the container, is for the caller to fill in.
func Spec(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, c Checks) health.Spec {
	own, defaults := ownHealth(svc).HealthSettings, v1alpha1.HealthSettings{}
	if host.Spec.Health != nil {
		defaults = *host.Spec.Health
	}
	return health.Spec{
		Check: c.Liveness, Layers: c.Layers, StartupCheck: c.Startup,

		Interval:       duration(health.DefaultInterval, own.Interval, defaults.Interval),
		Timeout:        duration(health.DefaultTimeout, own.Timeout, defaults.Timeout),
		RetryDelay:     duration(health.DefaultRetryDelay, own.RetryDelay, defaults.RetryDelay),
		Retries:        number(health.DefaultRetries, own.Retries, defaults.Retries),
		StartupTimeout: duration(health.DefaultStartupTimeout, own.StartupTimeout, defaults.StartupTimeout),
	}
}

func ownHealth(svc *v1alpha1.NixMoxService) v1alpha1.ServiceHealth {
	if svc.Spec.Health == nil {
		return v1alpha1.ServiceHealth{}
	}
	return *svc.Spec.Health
}

func duration(otherwise time.Duration, values ...*v1alpha1.Duration) time.Duration {
	for _, v := range values {
		if v != nil {
			return v.Duration.Duration
		}
	}
	return otherwise
}

func number(otherwise int, values ...*int32) int {
	for _, v := range values {
		if v != nil {
			return int(*v)
		}
	}
	return otherwise
}
