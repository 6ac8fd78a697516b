package controllers

import (
	"net/netip"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// trusted is whether a service that the controller knew to be in order before it was restarted may be taken to be so until the round of reads
// comes to its container: everything that the API server and the resource list tell is as it was. Otherwise a restart with thousands
// of services would read thousands of configurations. Nothing is done to a container on trust: whatever calls for a step reads first.
func (r *ServiceReconciler) trusted(p *pass) bool {
	s := &p.svc.Status
	if p.session.inventory.Known(p.guest.VMID) || s.Observed == nil || s.Template == "" || s.Operation != nil || s.Failure != nil ||
		len(s.Plan) > 0 || len(s.RestartOwed) > 0 || s.Stopped != nil || s.FirstReadyTime == nil ||
		hasEnvironment(p.svc) || s.Environment != nil { // a Secret may have changed meanwhile
		return false
	}
	if s.ObservedGeneration != p.svc.Generation || s.ObservedHostGeneration != p.host.Generation || !meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionReady) ||
		p.svc.Annotations[v1alpha1.RequestedAtAnnotation] != s.LastHandledReconcileAt || p.svc.Annotations[v1alpha1.MigrateAnnotation] != "" {
		return false
	}
	state, probed := r.Scheduler.Verdict(p.key.String())
	if probed && state.Verdict != health.Healthy && state.Verdict != health.Unknown {
		return false
	}
	g := p.guest
	return p.desired.Run && g.Running && !g.Uncertain && g.Lock == "" && g.Node == s.Node && g.Starts == 0 && proxmox.HasTag(g.Tags, marker.Tag) &&
		(g.MaxMemBytes == 0 || g.MaxMemBytes>>20 == s.Observed.MemoryMiB)
}

// trust takes the container to be what it was seen to be last.
func (p *pass) trust() {
	p.onTrust = true
	p.session.inventory.Watch(p.guest.VMID)
	p.observed = plan.Observed{Exists: true, Running: true, Hostname: p.svc.Status.Observed.Hostname}
	if ip, err := netip.ParsePrefix(p.svc.Status.Observed.IP); err == nil {
		p.observed.Net.IP = ip
	}
}
