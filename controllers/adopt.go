package controllers

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// ConfirmAdoptionAnnotation lets the plan of an adoption be carried out; its value is the plan's code, which the message names.
const ConfirmAdoptionAnnotation = "nixmox.dev/confirm-adoption"

// templateUnknown stands in status.template of an adopted container whose service names no template.
const templateUnknown = "unknown"

// adopt is for a container that no marker gives to anybody, and that the service asks for by its number.
func (r *ServiceReconciler) adopt(ctx context.Context, p *pass, want marker.Marker) *Outcome {
	vmid, why := p.guest.VMID, ""
	switch {
	case !adopt.Allowed(p.host.Spec.Policy.AdoptableVMIDs, vmid):
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

// confirmed holds an adoption until somebody has agreed to what it interrupts or cannot do.
func (r *ServiceReconciler) confirmed(_ context.Context, p *pass, _ plan.Step) *Outcome {
	if !p.adopting || !adopt.Delicate(p.plan) {
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

// planCode is short and another one for another plan: what was agreed to is what happens.
func planCode(steps plan.Plan) string {
	sum := sha256.Sum256([]byte(steps.String()))
	return fmt.Sprintf("%x", sum[:4])
}
