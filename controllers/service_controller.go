// Package controllers reconciles NixMoxHost and NixMoxService objects with Proxmox. A pass over a service is a straight line: resolve
// the operation under way, observe, plan, gate, start at most one step, report. Workers never wait for a task. What is decided purely
// stands in dag, manifest, desired, plan and health; what is done to Proxmox in execute; what is known of it in inventory.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// The cache needs a moment to catch up with what somebody else wrote, and with what we wrote ourselves.
const (
	conflictPause = 100 * time.Millisecond
	cachePause    = 10 * time.Millisecond
)

// ServiceReconciler brings one container at a time nearer to its service.
type ServiceReconciler struct {
	client.Client
	// Uncached reads what must not be old: the object before its finalizer is dropped.
	Uncached   client.Reader
	Events     events.EventRecorder
	Sessions   *Sessions
	Scheduler  *health.Scheduler
	Guests     GuestAccess
	Timing     Timing
	topologies *topologies
	freshness  *freshness
	waiters    *waiters
	owing      *owing
	tasks      *tasks
	tellings   *tellings

	outbreaks    *health.Outbreaks
	environments *environments
	wakeService  func(types.NamespacedName)

	problemGrace time.Duration
}

// pass is one look at one service: what was read and decided so far.
type pass struct {
	log     logr.Logger
	now     time.Time
	key     types.NamespacedName
	base    *v1alpha1.NixMoxService // as the API server has it
	svc     *v1alpha1.NixMoxService // with our changes
	host    *v1alpha1.NixMoxHost
	session *session
	report  *manifest.Report
	steps   map[string]step
	after   []func() // once the status is written

	environment *environment

	guest    inventory.Guest
	view     *proxmox.View
	marker   marker.Marker
	adopting bool // the container is nobody's yet, and the service's next
	desired  plan.Desired
	observed plan.Observed
	plan     plan.Plan
	planned  bool     // plan was computed
	onTrust  bool     // observed is what was seen before the controller was restarted
	options  []string // the optional settings that the spec names
}

// Reconcile is one pass.
func (r *ServiceReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	svc := &v1alpha1.NixMoxService{}
	if err := r.Get(ctx, req.NamespacedName, svc); err != nil {
		r.stopChecks(req.NamespacedName)
		r.environments.forget(req.NamespacedName)
		r.freshness.forget(req.NamespacedName)
		r.waiters.set(req.NamespacedName)
		r.owing.forget(req.NamespacedName)
		r.tasks.forget(req.NamespacedName)
		r.tellings.forget(req.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if r.freshness.stale(req.NamespacedName, svc.ResourceVersion) {
		return ctrl.Result{RequeueAfter: cachePause}, nil
	}
	p := &pass{
		log: logr.FromContextOrDiscard(ctx).WithValues("host", hostOf(svc).String()),
		now: time.Now(), key: req.NamespacedName, base: svc.DeepCopy(), svc: svc, steps: map[string]step{},
	}
	if svc.DeletionTimestamp != nil {
		return r.release(ctx, p)
	}
	if err := r.ensureFinalizer(ctx, p); err != nil {
		return ctrl.Result{}, err
	}
	defer func() {
		if p.session != nil {
			p.session.passes.leave(p.key)
		}
	}()
	return r.finish(ctx, p, r.advance(ctx, p))
}

// advance is the way of a service from a wish to a healthy container. Each step either ends the pass with an outcome or goes on.
func (r *ServiceReconciler) advance(ctx context.Context, p *pass) Outcome {
	for _, do := range []func(context.Context, *pass) *Outcome{
		r.resolveHost,
		r.takeTurn,
		r.lookAfresh,
		r.judgeSet,
		r.resolveOperation,
		r.fillDefaults,
		r.observe,
		r.judgeOwed,
		r.judgeMove,
		r.judgeStop,
		r.judgeRestart,
		r.readEnvironment,
		r.planSteps,
		r.startStep,
	} {
		if o := do(ctx, p); o != nil {
			return *o
		}
	}
	return r.verdict(p)
}

// ensureFinalizer keeps the object until its container was let go of. It comes before anything is made.
func (r *ServiceReconciler) ensureFinalizer(ctx context.Context, p *pass) error {
	if !controllerutil.AddFinalizer(p.svc, v1alpha1.Finalizer) {
		return nil
	}
	err := r.Patch(ctx, p.svc, client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner))
	if err != nil {
		return fmt.Errorf("add the finalizer to service %s: %w", p.key, err)
	}
	p.base = p.svc.DeepCopy()
	r.freshness.wrote(p.key, p.svc.ResourceVersion)
	return nil
}

// resolveHost finds the host and the conversation with its Proxmox.
func (r *ServiceReconciler) resolveHost(ctx context.Context, p *pass) *Outcome {
	name := hostOf(p.svc)
	p.host = &v1alpha1.NixMoxHost{}
	if err := r.Get(ctx, name, p.host); err != nil {
		p.host = nil
		if client.IgnoreNotFound(err) != nil {
			return &Outcome{Keep: true, Err: fmt.Errorf("read host %s: %w", name, err)}
		}
		o := waiting(v1alpha1.ReasonHostNotFound, "Waiting for NixMoxHost %s, which does not exist yet; spec.hostRef.name names it", name)
		return &o
	}
	allowed, err := r.topologies.namespaces.allows(ctx, p.host, p.svc.Namespace)
	if err != nil {
		return &Outcome{Keep: true, Err: err}
	}
	if !allowed && p.svc.DeletionTimestamp == nil {
		if session := r.Sessions.of(name); session != nil && p.svc.Status.VMID != 0 {
			session.inventory.Unwatch(proxmox.VMID(p.svc.Status.VMID)) // the address that it has is a stranger's now
		}
		o := stalled(v1alpha1.ReasonPolicyRefused, "Host %s does not allow services of namespace %s: have its spec.allowedNamespaces admit it, or name another host in spec.hostRef", name, p.svc.Namespace)
		p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, o.Reason, "%s", o.Message)
		return &o
	}
	p.session = r.Sessions.of(name)
	if p.session == nil {
		return hostNotReady(p.host)
	}
	switch err := p.session.inventory.Reachable(); {
	case errors.Is(err, inventory.ErrNotRead):
		// We have just begun: what was judged before holds until the first answer, which wakes us.
		return &Outcome{Keep: true}
	case err != nil:
		o := classify(err, "read the resource list")
		o.Again = 0 // the session wakes us when that changes
		return &o
	case !p.session.usable():
		return hostNotReady(p.host)
	}
	return nil
}

// lookAfresh reads the container anew when somebody asks for a reconcile: whoever edited it by hand need not wait for the round.
func (r *ServiceReconciler) lookAfresh(_ context.Context, p *pass) *Outcome {
	if p.svc.Status.VMID != 0 && p.svc.Annotations[v1alpha1.RequestedAtAnnotation] != p.svc.Status.LastHandledReconcileAt {
		p.session.inventory.Invalidate(proxmox.VMID(p.svc.Status.VMID))
	}
	return nil
}

// hostNotReady passes on why the host cannot be worked with. While the host controller is only about to connect it, nothing is said.
func hostNotReady(host *v1alpha1.NixMoxHost) *Outcome {
	ready := meta.FindStatusCondition(host.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason == v1alpha1.ReasonPending || ready.Status == metav1.ConditionTrue {
		return &Outcome{Keep: true}
	}
	o := Outcome{Class: Blind, Reason: v1alpha1.ReasonHostUnreachable, Message: fmt.Sprintf("Host %s: %s", host.Name, ready.Message)}
	if ready.Reason == v1alpha1.ReasonHostUnauthorized {
		o.Reason = ready.Reason
	}
	return &o
}

// judgeSet stops a service that the set of all services cannot hold: a circle, a duplicate, a dependency that does not exist.
func (r *ServiceReconciler) judgeSet(ctx context.Context, p *pass) *Outcome {
	report, again, err := r.topologies.of(ctx, p.host, p.svc)
	if err != nil || report == nil {
		return &Outcome{Keep: true, Err: err, Again: again}
	}
	p.report = report
	p.svc.Status.Phase = int32(report.Phase(keyOf(p.svc)))
	block, blocked := report.Block(keyOf(p.svc))
	if !blocked || !desired.Enabled(p.svc) || p.svc.Status.Operation != nil {
		p.mark(v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "Nothing is wrong with it among the services of the host")
		return nil
	}
	o := r.blocked(p, block)
	return &o
}

func (r *ServiceReconciler) blocked(p *pass, block manifest.Block) Outcome {
	reason := string(block.Cause.Kind)
	if !block.NeedsEdit() {
		p.mark(v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "Nothing in it needs to be edited")
	}
	if len(block.Problems) == 0 {
		o := waiting(v1alpha1.ReasonWaitingForDependency, "%s", block.Message())
		o.WaitingFor = []string{block.Through.Name}
		return o
	}
	if !block.NeedsEdit() {
		o := waiting(reason, "%s", block.Message())
		o.WaitingFor = block.Cause.Names
		return o
	}
	p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, reason, "%s", block.Message())
	since := p.now
	for _, c := range p.base.Status.Conditions {
		if c.Type == v1alpha1.ConditionValid && c.Status == metav1.ConditionFalse {
			since = c.LastTransitionTime.Time
		}
	}
	if left := r.problemGrace - p.now.Sub(since); left > 0 {
		return waiting(reason, "%s", block.Message()).again(left)
	}
	return stalled(reason, "%s", block.Message())
}

// fillDefaults computes the container that the service asks for.
func (r *ServiceReconciler) fillDefaults(_ context.Context, p *pass) *Outcome {
	d, err := desired.Container(p.host, p.svc, p.report.Level(keyOf(p.svc)))
	if err != nil {
		p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "%s", err)
		o := stalled(v1alpha1.ReasonInvalid, "%s", err)
		return &o
	}
	if why := policyRefuses(p.host, p.svc); why != "" && p.svc.Status.Operation == nil {
		p.mark(v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused, "%s", why)
		o := stalled(v1alpha1.ReasonPolicyRefused, "%s", why)
		return &o
	}
	p.desired = d
	p.manageOptions()
	p.handOver()
	return nil
}

// planSteps computes what remains to be done and writes it where people see it.
func (r *ServiceReconciler) planSteps(_ context.Context, p *pass) *Outcome {
	if p.onTrust {
		return nil
	}
	p.plan, p.planned = plan.Compute(p.desired, p.observed), true
	p.svc.Status.Plan = p.plan.Lines()
	if f := p.svc.Status.Failure; f != nil && len(p.plan.Steps) == 0 && f.Kind != string(plan.Migrate) {
		p.svc.Status.Failure = nil // what failed is done, by whomever
	}
	return nil
}
