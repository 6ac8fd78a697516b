package controllers

import (
	"context"
	"fmt"
	"slices"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// handOver has a service that swaps addresses with others stop first, if it is the one of them whose turn that is.
func (p *pass) handOver() {
	if h, ok := p.report.Handover(keyOf(p.svc)); ok && h.To.Name != "" {
		p.desired.HandOver = fmt.Sprintf("hands %s over to %s", topology.Address(p.svc), h.To.Name)
	}
}

// addressTaken holds a step back that would put a second container on an address: the first still runs with it.
func (r *ServiceReconciler) addressTaken(_ context.Context, p *pass, s plan.Step) *Outcome {
	h, held := p.report.Handover(keyOf(p.svc))
	if !held || !takesAddress(s, p.observed.Running) {
		return nil
	}
	o := waiting(v1alpha1.ReasonWaitingForAddress, "Waiting for the container of %s to give up %s, before: %s", h.Holder.Name, p.desired.Net.IP.Addr(), s)
	o.WaitingFor = []string{h.Holder.Name}
	return &o
}

// takesAddress is whether a step makes a running container answer at its desired address.
func takesAddress(s plan.Step, running bool) bool {
	return s.Kind == plan.Start || running && slices.ContainsFunc(s.Changes, func(c plan.Change) bool { return c.Field == plan.FieldIP })
}
