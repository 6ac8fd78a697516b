// Package adopt is about containers that somebody made by hand: which of them may be taken over, what a manifest for one says, and what
// applying it would change. It is pure. The controllers and the kubectl plugin stand on it, so that what the plugin writes down is what
// the controller will do.
package adopt

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Allowed is whether a list of numbers and ranges (policy.adoptableVMIDs) holds a number.
func Allowed(list []string, vmid proxmox.VMID) bool {
	return slices.ContainsFunc(list, func(text string) bool {
		from, to, isRange := strings.Cut(text, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		return err == nil && err2 == nil && first <= int(vmid) && int(vmid) <= last
	})
}

// VolumesByPath are the volumes of a container that is adopted: no marker names them yet, so they are matched by where they are mounted.
func VolumesByPath(wanted []plan.Volume, config *proxmox.Config) map[string]plan.RememberedVolume {
	found := map[string]plan.RememberedVolume{}
	for _, w := range wanted {
		for index, m := range config.Mounts {
			if m.Path == w.MountPath {
				found[w.Name] = plan.RememberedVolume{Key: proxmox.MountKey(index), Volume: m.Volume, MountPath: m.Path}
			}
		}
	}
	return found
}

// Delicate is whether a plan does to a running service what somebody should know before: such an adoption waits for confirmation.
func Delicate(steps plan.Plan) bool {
	cuts := []plan.Field{plan.FieldIP, plan.FieldGateway, plan.FieldBridge, plan.FieldVLAN, plan.FieldMAC, plan.FieldFirewall}
	return steps.Disrupts() || len(steps.Refused) > 0 || slices.ContainsFunc(steps.Steps, func(s plan.Step) bool {
		return s.Kind == plan.Start || slices.ContainsFunc(s.Changes, func(c plan.Change) bool { return slices.Contains(cuts, c.Field) })
	})
}

// Plan is what adopting the container for the service would do, as the controller computes it.
func Plan(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, view *proxmox.View, running bool) (plan.Plan, error) {
	d, o, err := Compared(host, svc, view, running)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.Compute(d, o), nil
}

// Compared are the two that the plan of an adoption is computed from. The place in the boot order is not known here, since it depends on
// all other services: it is taken to be what the container has.
func Compared(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, view *proxmox.View, running bool) (plan.Desired, plan.Observed, error) {
	d, err := desired.Container(host, svc, 0)
	if err != nil {
		return plan.Desired{}, plan.Observed{}, err
	}
	o := inventory.Observe(view, running, inventory.Memory{Volumes: VolumesByPath(d.Volumes, view.Future)})
	desired.AsFound(host, svc, &d, o)
	d.BootOrder = o.BootOrder
	return d, o, nil
}
