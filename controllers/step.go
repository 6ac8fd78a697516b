package controllers

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// startStep starts the first step of the plan, if nothing holds it back. The rest is planned anew once it has ended.
func (r *ServiceReconciler) startStep(ctx context.Context, p *pass) *Outcome {
	if len(p.plan.Steps) == 0 {
		return nil
	}
	s := p.plan.Steps[0]
	for _, check := range []func(context.Context, *pass, plan.Step) *Outcome{r.suspended, r.confirmed, r.locked, r.backedOff, r.crashedLately, r.gated, r.addressTaken, r.booting, r.movable} {
		if o := check(ctx, p, s); o != nil {
			return o
		}
	}
	if o := r.slot(ctx, p, s); o != nil {
		return o
	}
	if s.Kind == plan.Create {
		if o := r.allocate(ctx, p); o != nil {
			return o
		}
		p.marker = p.ours(proxmox.VMID(p.svc.Status.VMID))
	}
	if owes := plan.OwedBy(s); len(owes) > 0 {
		p.svc.Status.RestartOwed = remember(p.svc.Status.RestartOwed, owes)
		r.owing.forget(p.key)
	}
	if o := r.begin(ctx, p, s.Kind); o != nil {
		return o
	}
	if s.Kind == plan.Create {
		op := p.svc.Status.Operation
		p.marker.Nonce = op.Nonce
		p.session.own(proxmox.VMID(op.VMID), p.key)
		p.session.cluster.Load().placeInFlight(p.key, placement{op.Node, p.desired.MemoryMiB, p.now, proxmox.VMID(op.VMID)})
	}
	o := r.call(ctx, p, s)
	return &o
}

// suspended leaves everything as it is and judges what is there.
func (r *ServiceReconciler) suspended(_ context.Context, p *pass, _ plan.Step) *Outcome {
	if !p.svc.Spec.Suspend {
		return nil
	}
	if p.observed.Exists && p.observed.Running {
		o := r.verdict(p)
		return &o
	}
	o := waiting(v1alpha1.ReasonPending, "%s", p.plan.Steps[0])
	return &o
}

// locked waits for whoever holds Proxmox's lock on the container: a backup, a snapshot, a migration.
func (r *ServiceReconciler) locked(_ context.Context, p *pass, s plan.Step) *Outcome {
	if p.view == nil || p.view.Live.Lock == "" {
		return nil
	}
	p.session.inventory.Invalidate(p.guest.VMID)
	o := waiting(v1alpha1.ReasonWaitingForLock, "Waiting for the lock %q on container %d before: %s; if nothing holds it any more, clear it with `pct unlock %d` on %s",
		p.view.Live.Lock, p.guest.VMID, s.Kind, p.guest.VMID, p.guest.Node).again(later)
	return &o
}

// backedOff waits after a failure of the same step, unless the service or its host was edited since or somebody asks for it now.
func (r *ServiceReconciler) backedOff(_ context.Context, p *pass, s plan.Step) *Outcome {
	f := p.svc.Status.Failure
	if f == nil {
		return nil
	}
	// An edit may begin with a step of another kind, which mends what made this one fail.
	if p.base.Status.ObservedGeneration != p.svc.Generation || f.HostGeneration != p.host.Generation || p.base.Status.LastHandledReconcileAt != p.svc.Annotations[v1alpha1.RequestedAtAnnotation] {
		p.svc.Status.Failure = nil
		return nil
	}
	left := f.RetryAt.Sub(p.now)
	if left <= 0 || f.Kind != string(s.Kind) {
		return nil
	}
	o := failing(v1alpha1.ReasonOperationFailed, "%s; tried %d times, again at %s", f.Message, f.Count, f.RetryAt.UTC().Format(time.RFC3339)).again(left)
	return &o
}

// gated holds a first start, an update that interrupts the service, and any update that comes from the host, until what it builds on is
// settled.
func (r *ServiceReconciler) gated(ctx context.Context, p *pass, s plan.Step) *Outcome {
	starts := s.Kind == plan.Create || s.Kind == plan.Start
	switch {
	case s.Kind == plan.Shutdown && !p.desired.Run:
		return nil // disabled
	case s.Kind == plan.Shutdown && p.desired.HandOver != "":
		return nil // what it builds on may be what waits for its address
	case s.Kind == plan.Start && len(p.svc.Status.RestartOwed) > 0:
		return nil // the second half of a restart: it was interrupted already
	case !starts && !s.Disrupts && !p.hostChanged():
		return nil
	}
	in := gateInput{
		host: p.host, svc: p.svc, key: keyOf(p.svc), report: p.report, now: p.now, update: !starts && !r.ill(p),
		lookup: func(k manifest.Key) *v1alpha1.NixMoxService {
			svc := &v1alpha1.NixMoxService{}
			if err := r.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: k.Name}, svc, client.UnsafeDisableDeepCopy); err != nil {
				return nil
			}
			return svc
		},
		memo: r.topologies.holds(hostOf(p.svc)),
	}
	o := hold(in)
	if o != nil {
		o := *o // it may be shared
		r.waiters.set(p.key, o.On...)
		if slices.ContainsFunc(o.On, func(n types.NamespacedName) bool {
			ok, _ := in.settled(manifest.Key{Namespace: n.Namespace, Name: n.Name})
			return ok
		}) {
			o.Again = time.Millisecond // it became ready between our look and our waiting for it
		}
		if !starts {
			o.Message += ", before: " + s.String()
		}
		p.mark(v1alpha1.ConditionDependenciesReady, metav1.ConditionFalse, o.Reason, "%s", o.Message)
		return &o
	}
	r.waiters.set(p.key)
	p.mark(v1alpha1.ConditionDependenciesReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "What it builds on is ready")
	return nil
}

// hostChanged is whether the container was in line with an earlier spec of its host, and is not yet with this one.
func (p *pass) hostChanged() bool {
	before := p.base.Status.ObservedHostGeneration
	return before != 0 && before != p.host.Generation
}

// ill is whether the service failed its check: an update of it interrupts nothing, and may be what mends it.
func (r *ServiceReconciler) ill(p *pass) bool {
	if state, known := r.Scheduler.Verdict(p.key.String()); known && state.Verdict != health.Unknown {
		return state.Verdict == health.Unhealthy
	}
	healthy := meta.FindStatusCondition(p.base.Status.Conditions, v1alpha1.ConditionHealthy)
	return healthy != nil && healthy.Status == metav1.ConditionFalse
}

// slot bounds how much is created and started at once on a node. A new container's node is chosen here, when it is its turn.
func (r *ServiceReconciler) slot(ctx context.Context, p *pass, s plan.Step) *Outcome {
	if s.Kind != plan.Create && s.Kind != plan.Start && s.Kind != plan.Migrate {
		return nil
	}
	shared := p.session.cluster.Load()
	nodes, reason := []string{p.svc.Status.Node}, p.svc.Status.Placement
	if s.Kind == plan.Migrate {
		nodes = []string{s.Node}
	}
	if s.Kind == plan.Create && (p.svc.Status.Node == "" || p.svc.Status.Template == "") {
		shared.placing.Lock()
		defer shared.placing.Unlock()
		var o *Outcome
		if nodes, reason, o = p.session.place(ctx, p.host, p.svc, p.desired, p.now); o != nil {
			return o
		}
	}
	most := int(max(p.host.Spec.Rollout.MaxConcurrent, 1))
	scarce := len(nodes)*most < r.topologies.size(client.ObjectKeyFromObject(p.host))
	if node, ok := shared.slots.acquire(p.key, wish{nodes: nodes, most: most, chain: p.report.Chain(keyOf(p.svc)), gather: s.Kind == plan.Create && scarce}); ok {
		if s.Kind == plan.Migrate {
			return nil // until it is there, it is where it is
		}
		p.svc.Status.Node, p.svc.Status.Placement = node, reason
		if s.Kind == plan.Create {
			shared.placeInFlight(p.key, placement{node: node, memoryMiB: p.desired.MemoryMiB, at: p.now})
		}
		return nil
	}
	o := waiting(v1alpha1.ReasonWaitingForSlot, "Waiting for one of the %d slots of the node (spec.rollout.maxConcurrent)", most)
	return &o
}

func remember(owed, more []string) []string {
	for _, name := range more {
		if !slices.Contains(owed, name) {
			owed = append(owed, name)
		}
	}
	return owed
}
