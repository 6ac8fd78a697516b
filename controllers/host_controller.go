package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// The oldest Proxmox VE that we work with: `pct exec --keep-env` exists since.
const oldestMajor, oldestMinor = 8, 4

// HostReconciler keeps the conversation with a host's Proxmox and reports on the host as a whole.
type HostReconciler struct {
	client.Client
	// Uncached reads Secrets: they are never kept.
	Uncached   client.Reader
	Events     events.EventRecorder
	Sessions   *Sessions
	Guests     GuestAccess
	Timing     Timing
	topologies *topologies
	wakeHost   func(types.NamespacedName)
}

// Reconcile connects the host and reports.
func (r *HostReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if !r.Sessions.started() {
		return ctrl.Result{RequeueAfter: cachePause}, nil // the manager starts them and us at the same time
	}
	host := &v1alpha1.NixMoxHost{}
	if err := r.Get(ctx, req.NamespacedName, host); err != nil {
		if apierrors.IsNotFound(err) {
			r.Sessions.end(req.NamespacedName)
			r.Guests.Forget(req.NamespacedName)
			r.topologies.invalidate(req.NamespacedName)
			r.Sessions.wakeServices(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := host.DeepCopy()
	execOutcome := r.prepareExec(ctx, host) // first: a service that is looked at has its way into the container
	o := r.connect(ctx, host)
	again, err := r.survey(ctx, host)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.reportExec(ctx, host, execOutcome); err != nil {
		return ctrl.Result{}, err
	}
	o.Again = shorter(shorter(o.Again, execOutcome.Again), again)
	if !o.Keep {
		reportHost(host, o)
	}
	if err := r.patch(ctx, host, before); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: r.Timing.pause(o.Again)}, nil
}

// connect makes sure that there is a session with these credentials, and says how it stands.
func (r *HostReconciler) connect(ctx context.Context, host *v1alpha1.NixMoxHost) Outcome {
	if o := r.Guests.Refuses(host); o != nil {
		return *o
	}
	creds, o := r.trust(ctx, host)
	if o != nil {
		return *o
	}
	session, err := r.Sessions.ensure(host, creds)
	if err != nil {
		return stalled(v1alpha1.ReasonInvalid, "%s", err)
	}
	if err := session.inventory.Reachable(); errors.Is(err, inventory.ErrNotRead) {
		return Outcome{Keep: true} // we have just begun; the first answer wakes us
	} else if err != nil {
		o := classify(err, "read the resource list")
		o.Again = secretTime // the poller tells when that changes; the Secrets are read again meanwhile
		if proxmox.IsUnauthorized(err) || proxmox.IsTLS(err) {
			o.Again = secretTime / 2
		}
		return o
	}
	wasUsable := session.usable()
	version, err := session.release(ctx)
	if err != nil {
		return classify(err, "read the version of Proxmox").again(soon) // everything waits for it
	}
	host.Status.Version, host.Status.Identity = version.Version, session.identity()
	if err := r.recognise(ctx, session); err != nil {
		return classify(err, "list the nodes of Proxmox").again(soon)
	}
	if session.usable() != wasUsable {
		r.Sessions.wakeServices(client.ObjectKeyFromObject(host))
	}
	if !version.AtLeast(oldestMajor, oldestMinor) {
		return failing(v1alpha1.ReasonUnsupported, "Proxmox VE %s is too old: %d.%d or newer is needed", version.Version, oldestMajor, oldestMinor)
	}
	services, _, err := r.topologies.part(ctx, host)
	if err != nil {
		return Outcome{Keep: true, Again: soon}
	}
	var again time.Duration
	host.Status.Preflight, again = session.preflight(ctx, host, services)
	return settled(v1alpha1.ReasonConnected, "Connected to Proxmox VE %s", version.Version).again(min(again, secretTime))
}

// recognise finds out who else works on this Proxmox, before anything is given out.
func (r *HostReconciler) recognise(ctx context.Context, one *session) error {
	for _, s := range r.Sessions.unmet(one) {
		nodes, err := s.client.Nodes(ctx)
		switch {
		case err == nil:
			r.Sessions.met(s, nodes)
		case s == one && !one.usable():
			return err
		} // another's that does not answer is asked when it does
	}
	return nil
}

// survey reports on the services as a set: order, phases, problems, how many are ready.
// It wakes those for whom a change of the set means something new.
func (r *HostReconciler) survey(ctx context.Context, host *v1alpha1.NixMoxHost) (again time.Duration, err error) {
	name := client.ObjectKeyFromObject(host)
	report, again, err := r.topologies.of(ctx, host)
	if err != nil || report == nil {
		return again, err
	}
	moved, all := r.topologies.moved(name, report)
	if all {
		r.Sessions.wakeServices(name)
	}
	for _, key := range moved {
		r.Sessions.wakeService(types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
	}
	services, err := servicesOf(ctx, r, name)
	if err != nil {
		return 0, err
	}
	surveyInto(&host.Status, report, services, time.Now())
	return 0, nil
}

func (r *HostReconciler) patch(ctx context.Context, host, before *v1alpha1.NixMoxHost) error {
	if equality.Semantic.DeepEqual(before.Status, host.Status) {
		return nil
	}
	err := r.Status().Patch(ctx, host, client.MergeFrom(before), client.FieldOwner(v1alpha1.FieldOwner))
	if err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the status of host %s/%s: %w", host.Namespace, host.Name, err))
	}
	announceHost(r.Events, before, host)
	return nil
}

// problemsOf are the problems of the set as the host's status shows them.
func problemsOf(report *manifest.Report) []v1alpha1.ProblemStatus {
	var all []v1alpha1.ProblemStatus
	for i := range report.Problems {
		problem := &report.Problems[i]
		s := v1alpha1.ProblemStatus{Message: problem.Message, Detail: problem.Detail}
		for _, key := range problem.Services {
			s.Services = append(s.Services, key.Name)
		}
		all = append(all, s)
	}
	return all
}
