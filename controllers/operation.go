package controllers

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// This file is the only writer of status.operation: the step under way, recorded before Proxmox is asked and resolved before anything
// else is done.

// begin records a step ahead of its call. The write is conditional on the object that was read: whoever read an older one fails here
// and calls nobody.
func (r *ServiceReconciler) begin(ctx context.Context, p *pass, kind plan.Kind) *Outcome {
	p.svc.Status.Operation = &v1alpha1.Operation{
		Kind: string(kind), Node: p.svc.Status.Node, VMID: p.svc.Status.VMID, TokenID: p.session.identity(), StartedAt: metav1.NewTime(p.now), Nonce: nonce(),
	}
	if kind == plan.Create {
		p.svc.Status.Operation.Template = p.desired.Template
	}
	if kind == plan.Migrate {
		p.svc.Status.Operation.Target = p.desired.Node
	}
	r.tellings.begins()
	r.Scheduler.Pause(p.key.String()) // checks do not count while we work on it ourselves
	report(p, working(kind, p))
	if err := r.patchStatus(ctx, p); err != nil {
		if apierrors.IsConflict(err) {
			return &Outcome{Keep: true, Again: conflictPause}
		}
		return &Outcome{Keep: true, Err: fmt.Errorf("record the %s of service %s ahead: %w", kind, p.key, err)}
	}
	return nil
}

func nonce() string {
	var random [10]byte
	_, _ = rand.Read(random[:]) // crypto/rand never fails: it crashes the program instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}

// call makes the step's call and records what came of it.
func (r *ServiceReconciler) call(ctx context.Context, p *pass, s plan.Step) Outcome {
	op := p.svc.Status.Operation
	target := execute.Target{Node: op.Node, VMID: proxmox.VMID(op.VMID), Marker: p.marker, View: p.view}
	upid, err := execute.Step(ctx, p.session.api, s, p.desired, target)
	switch {
	case proxmox.AnsweredAfterStoring(err):
		return r.refusedInPart(p, s.Kind, err)
	case proxmox.MayHaveHappened(err):
		// The operation stays: the next pass finds out what became of it.
		p.log.Info("The answer was lost", "step", op.Kind, "vmid", op.VMID, "node", op.Node, "error", err.Error())
		return waiting(v1alpha1.ReasonResolving, "The answer to %s was lost; finding out what became of it: %s", op.Kind, err).again(soon)
	case err != nil:
		return r.refused(ctx, p, s.Kind, err)
	case upid.IsZero():
		r.succeeded(p, op)
		return working(s.Kind, p).again(time.Millisecond)
	}
	p.log.Info(string(s.Kind), "vmid", op.VMID, "node", op.Node, "upid", upid.String(), "cause", s.String())
	r.tasks.began(p.key, op, upid)
	p.session.inventory.Track(upid)
	return working(s.Kind, p).again(r.Timing.shortTask())
}

// lastLook reads the container once more right before a call that destroys it, and calls it off when anything is not as it was.
func (r *ServiceReconciler) lastLook(ctx context.Context, p *pass) *Outcome {
	view, err := p.session.inventory.Fresh(ctx, p.guest.Node, p.guest.VMID)
	if err == nil && view.Live.Digest == p.view.Live.Digest {
		return nil
	}
	p.svc.Status.Operation = nil
	o := waiting(v1alpha1.ReasonDeleting, "Container %d was edited before it was to be destroyed; looking again", p.guest.VMID).again(time.Second)
	if err != nil {
		o = classify(err, fmt.Sprintf("read container %d before it is destroyed", p.guest.VMID))
	}
	return &o
}

// refused is a call that certainly had no effect.
func (r *ServiceReconciler) refused(ctx context.Context, p *pass, kind plan.Kind, err error) Outcome {
	op := p.svc.Status.Operation
	p.svc.Status.Operation = nil
	p.session.inventory.Invalidate(proxmox.VMID(op.VMID)) // what we knew of it led to a call that was refused
	if kind == plan.Create && proxmox.IsAlreadyExists(err) {
		return r.vmidTaken(ctx, p, proxmox.VMID(op.VMID), err)
	}
	o := classify(err, describe(kind, op))
	if storage := p.unseenStorage(op.Node); kind == plan.Create && storage != "" && o.Class == Failing {
		// Proxmox refuses a storage that does not exist as it refuses one that the token may not use.
		o.Message = fmt.Sprintf("Could not %s: there is no storage %q on %s that the token can see: correct its name, or grant Datastore.Audit and "+
			"Datastore.AllocateSpace on /storage/%s (Proxmox says: %s)", describe(kind, op), storage, op.Node, storage, words(err))
	}
	if o.Class == Failing {
		r.fail(p, string(kind), o.Message)
		o.Again = p.svc.Status.Failure.RetryAt.Sub(p.now)
	}
	return o
}

// refusedInPart is a change of the configuration that Proxmox refused and may have stored all the same. What is there is looked at once more; if the
// change is not, it is tried again after a pause.
func (r *ServiceReconciler) refusedInPart(p *pass, kind plan.Kind, err error) Outcome {
	op := p.svc.Status.Operation
	p.svc.Status.Operation = nil
	p.session.inventory.Invalidate(proxmox.VMID(op.VMID))
	o := classify(err, describe(kind, op))
	r.fail(p, string(kind), o.Message)
	return o.again(time.Millisecond)
}

// unseenStorage names a storage that the container is to be on and that its node does not show us; empty when all are there.
func (p *pass) unseenStorage(node string) string {
	for _, name := range p.storages() {
		if _, seen := p.session.inventory.Storage(node, name); !seen {
			return name
		}
	}
	return ""
}

// vmidTaken is a creation that found its VMID in use. It may be by a late attempt of our own: the next pass looks at whose the guest is.
// Only one that is not shown to us is a stranger's for certain; then another VMID is allocated, unless the service insists on this one.
func (r *ServiceReconciler) vmidTaken(ctx context.Context, p *pass, vmid proxmox.VMID, err error) Outcome {
	if failed := p.session.inventory.Refresh(ctx); failed != nil {
		return classify(failed, "see whose VMID it is")
	}
	switch {
	case p.session.inventory.Guest(vmid).Present:
		return waiting(v1alpha1.ReasonRetrying, "VMID %d is in use; looking by whom", vmid).again(time.Millisecond)
	case p.svc.Spec.VMID != nil:
		return stalled(v1alpha1.ReasonVMIDConflict, "VMID %d (spec.vmid) is in use: %s; take vmid out of the spec, or remove that guest", vmid, words(err)).again(time.Minute)
	}
	p.session.inventory.Block(vmid)
	p.svc.Status.VMID, p.svc.Status.Node = 0, ""
	return waiting(v1alpha1.ReasonRetrying, "VMID %d was taken meanwhile; allocating another", vmid).again(time.Second)
}

// resolveOperation asks what became of the step under way. Nothing else happens before that is known.
func (r *ServiceReconciler) resolveOperation(ctx context.Context, p *pass) *Outcome {
	op := p.svc.Status.Operation
	if op == nil {
		return nil
	}
	p.session.own(proxmox.VMID(op.VMID), p.key)
	switch plan.Kind(op.Kind) {
	case plan.Create, plan.Start:
		p.session.cluster.Load().slots.hold(p.key, op.Node)
	case plan.Migrate:
		p.session.cluster.Load().slots.hold(p.key, op.Target)
	}
	upid, age, known := r.tasks.of(p.key, op)
	if !known {
		var err error
		if upid, err = proxmox.ParseUPID(op.UPID); err != nil {
			return r.findOperation(ctx, p)
		}
	}
	p.session.inventory.Track(upid)
	status, ended := p.session.inventory.TaskEnded(upid)
	if left := r.Timing.shortTask() - age; known && !ended && left > 0 {
		o := working(plan.Kind(op.Kind), p).again(left)
		return &o
	}
	op.UPID = upid.String()
	if !ended {
		o := working(plan.Kind(op.Kind), p)
		return &o
	}
	inv := p.session.inventory
	p.after = append(p.after, func() {
		inv.ForgetTask(upid)
		r.tasks.ended(p.key, upid)
	})
	p.log.V(1).Info("Task ended", "step", op.Kind, "vmid", op.VMID, "node", op.Node, "upid", op.UPID, "exitStatus", status.ExitStatus)
	switch {
	case status.OK():
		r.succeeded(p, op)
	case status.ExitStatus == inventory.TaskForgotten:
		return r.findOperation(ctx, p)
	default:
		r.fail(p, op.Kind, fmt.Sprintf("Could not %s: %s (task %s)", describe(plan.Kind(op.Kind), op), status.ExitStatus, op.UPID))
		p.svc.Status.Operation = nil
		if op.Kind == string(plan.Migrate) {
			r.moveFailed(ctx, p, op, status.ExitStatus)
		}
	}
	return nil
}

// succeeded notes what the end of a step changed.
func (r *ServiceReconciler) succeeded(p *pass, op *v1alpha1.Operation) {
	s := &p.svc.Status
	vmid := proxmox.VMID(op.VMID)
	switch plan.Kind(op.Kind) {
	case plan.Create:
		s.VMID, s.Node, s.Template = op.VMID, op.Node, op.Template
		s.Environment = nil
		p.session.inventory.Note(op.Node, vmid, false)
	case plan.Start:
		s.RestartOwed = nil
		p.session.inventory.Note(op.Node, vmid, true)
		p.session.cluster.Load().slots.release(p.key) // the next need not wait for our write
		r.stopChecks(p.key)                           // a start begins a new startup check
		r.environments.started(p.key)
	case plan.Shutdown:
		p.session.inventory.Note(op.Node, vmid, false)
	case plan.Migrate:
		ran := s.Observed != nil && s.Observed.Running
		s.Node = op.Target
		p.session.inventory.Note(op.Target, vmid, ran)
		p.session.inventory.Invalidate(vmid)
		if ran {
			s.RestartOwed = nil
			r.stopChecks(p.key)
			r.environments.started(p.key)
		}
	case execute.Destroy:
		p.session.inventory.NoteGone(vmid)
	default:
		p.session.inventory.Invalidate(vmid)
	}
	s.Operation = nil
	if s.Failure != nil && s.Failure.Kind == op.Kind {
		s.Failure = nil
	}
}

// findOperation is for a step whose task we do not know: the answer was lost, or we died before it was written down.
func (r *ServiceReconciler) findOperation(ctx context.Context, p *pass) *Outcome {
	op := p.svc.Status.Operation
	vmid, kind := proxmox.VMID(op.VMID), plan.Kind(op.Kind)
	if execute.TaskType(kind) == "" {
		// A change of the configuration has no task, and a late one carries an old digest: what is there now decides.
		p.session.inventory.Invalidate(vmid)
		p.svc.Status.Operation = nil
		return nil
	}
	upid, found, err := p.session.inventory.FindTask(ctx, op.Node, vmid, execute.TaskType(kind), op.TokenID, op.StartedAt.Time)
	if err != nil {
		o := classify(err, "find out what became of the last call")
		return &o
	}
	if found && upid.String() != op.UPID {
		p.log.Info("Found the task of a call whose answer was lost", "step", op.Kind, "vmid", op.VMID, "node", op.Node, "upid", upid.String())
		op.UPID = upid.String()
		p.session.inventory.Track(upid)
		// Its end may have come while an earlier write of its id failed: then nobody wakes us any more.
		o := working(kind, p).again(time.Millisecond)
		return &o
	}
	if age := p.now.Sub(op.StartedAt.Time); age < r.Timing.lostReply() {
		o := waiting(v1alpha1.ReasonResolving, "The answer to %s was lost; waiting until it cannot have an effect any more", op.Kind).again(min(r.Timing.lostReply()-age, soon))
		return &o
	}
	if o := r.stillCreating(ctx, p); o != nil {
		return o
	}
	// It never began, or Proxmox has forgotten its task: what is there now decides.
	p.session.inventory.Invalidate(vmid)
	p.svc.Status.Operation = nil
	return nil
}

// hiddenCreation is how long a creation whose task we may not see is believed to run as long as its lock is there.
const hiddenCreation = 10 * time.Minute

// stillCreating is a creation by a token that is not ours any more: its task is hidden from us, but not the lock that it holds.
func (r *ServiceReconciler) stillCreating(ctx context.Context, p *pass) *Outcome {
	op := p.svc.Status.Operation
	if op.Kind != string(plan.Create) || p.now.Sub(op.StartedAt.Time) > hiddenCreation {
		return nil
	}
	if err := p.session.inventory.Refresh(ctx); err != nil {
		o := classify(err, "see whether the creation still runs")
		return &o
	}
	if p.session.inventory.Guest(proxmox.VMID(op.VMID)).Lock != "create" {
		return nil
	}
	o := waiting(v1alpha1.ReasonResolving, "Container %d on %s holds the lock of its creation, whose task these credentials may not see; waiting for its end",
		op.VMID, op.Node).again(soon)
	return &o
}

// fail remembers a failed step and when it is tried again.
func (r *ServiceReconciler) fail(p *pass, kind, message string) {
	s := &p.svc.Status
	count := int32(1)
	if s.Failure != nil && s.Failure.Kind == kind {
		count = s.Failure.Count + 1
	}
	s.Failure = &v1alpha1.Failure{
		Kind: kind, Message: message, Count: count, RetryAt: metav1.NewTime(p.now.Add(r.Timing.retry(count))), HostGeneration: p.host.Generation,
	}
}

// working is the outcome of a step under way.
func working(kind plan.Kind, p *pass) Outcome {
	s := p.svc.Status
	switch kind {
	case plan.Create:
		return waiting(v1alpha1.ReasonCreating, "Creating container %d on %s", s.VMID, s.Node)
	case plan.Start:
		return waiting(v1alpha1.ReasonStarting, "Starting container %d on %s", s.VMID, s.Node)
	case execute.Destroy:
		return waiting(v1alpha1.ReasonDeleting, "Destroying container %d on %s with its volumes", s.VMID, s.Node)
	case plan.Migrate:
		target := p.desired.Node
		if s.Operation != nil {
			target = s.Operation.Target
		}
		return waiting(v1alpha1.ReasonMigrating, "Moving container %d from %s to %s", s.VMID, s.Node, target)
	case plan.Shutdown:
		return waiting(v1alpha1.ReasonStopping, "Shutting down container %d on %s", s.VMID, s.Node)
	}
	return waiting(v1alpha1.ReasonUpdating, "Updating container %d on %s: %s", s.VMID, s.Node, strings.Join(s.Plan, "; "))
}

func describe(kind plan.Kind, op *v1alpha1.Operation) string {
	verb := map[plan.Kind]string{plan.Create: "create", plan.Configure: "configure", plan.Grow: "grow a disk of", plan.Start: "start", plan.Shutdown: "shut down",
		plan.Migrate: "move to " + op.Target, execute.Destroy: "destroy"}[kind]
	return fmt.Sprintf("%s container %d on %s", verb, op.VMID, op.Node)
}
