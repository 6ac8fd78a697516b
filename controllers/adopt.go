package controllers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// ConfirmAdoptionAnnotation lets the plan of an adoption be carried out; its value is the plan's code, which the message names.
const ConfirmAdoptionAnnotation = "nixmox.dev/confirm-adoption"

// templateUnknown stands in status.template of an adopted container whose service names no template.
const templateUnknown = "unknown"

// adopt is for a container that no marker gives to anybody, and that the service asks for by its number.
func (r *ServiceReconciler) adopt(ctx context.Context, p *pass, want marker.Marker) *Outcome {
	vmid, why := p.guest.VMID, ""
	switch {
	case !adoptable(p.host.Spec.Policy.AdoptableVMIDs, vmid):
		why = fmt.Sprintf("host %s does not allow it: add it to spec.policy.adoptableVMIDs", p.host.Name)
	case r.claimed(ctx, p, vmid):
		why = "another service here names it"
	case p.view.Live.Template:
		why = "it is a template for containers"
	}
	if why != "" {
		p.mark(v1alpha1.ConditionProvisioned, metav1.ConditionFalse, v1alpha1.ReasonVMIDConflict, "Container %d is not adopted", vmid)
		o := stalled(v1alpha1.ReasonVMIDConflict, "Container %d is not adopted, and nothing is done to it: %s", vmid, why).again(time.Minute)
		return &o
	}
	p.adopting, p.marker = true, want
	return nil
}

// adoptable is whether a list of numbers and ranges holds a number.
func adoptable(list []string, vmid proxmox.VMID) bool {
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

// volumesByPath are the volumes of a container that is adopted: no marker names them yet, so they are matched by where they are mounted.
func (p *pass) volumesByPath() map[string]plan.RememberedVolume {
	found := map[string]plan.RememberedVolume{}
	for _, w := range p.desired.Volumes {
		for index, m := range p.view.Future.Mounts {
			if m.Path == w.MountPath {
				found[w.Name] = plan.RememberedVolume{Key: proxmox.MountKey(index), Volume: m.Volume, MountPath: m.Path}
			}
		}
	}
	return found
}

// confirmed holds an adoption until somebody has agreed to what it interrupts or cannot do.
func (r *ServiceReconciler) confirmed(_ context.Context, p *pass, _ plan.Step) *Outcome {
	if !p.adopting || !delicate(p.plan) {
		return nil
	}
	code := planCode(p.plan)
	if p.svc.Annotations[ConfirmAdoptionAnnotation] == code {
		return nil
	}
	o := waiting(v1alpha1.ReasonWaitingForConfirm, "Container %d is not adopted yet and nothing was changed. Adopting it would: %s. If that is right: "+
		"kubectl annotate --overwrite nms %s %s=%s", p.guest.VMID, strings.Join(p.plan.Lines(), "; "), p.svc.Name, ConfirmAdoptionAnnotation, code)
	return &o
}

// delicate is whether a plan does to a running service what somebody should know before.
func delicate(steps plan.Plan) bool {
	cuts := []plan.Field{plan.FieldIP, plan.FieldGateway, plan.FieldBridge, plan.FieldVLAN, plan.FieldMAC, plan.FieldFirewall}
	return steps.Disrupts() || len(steps.Refused) > 0 || slices.ContainsFunc(steps.Steps, func(s plan.Step) bool {
		return s.Kind == plan.Start || slices.ContainsFunc(s.Changes, func(c plan.Change) bool { return slices.Contains(cuts, c.Field) })
	})
}

// planCode is short and another one for another plan: what was agreed to is what happens.
func planCode(steps plan.Plan) string {
	sum := sha256.Sum256([]byte(steps.String()))
	return fmt.Sprintf("%x", sum[:4])
}
