package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// The indexes of services: by the host that they refer to, and by the VMIDs that they claim.
const (
	indexHost = "host"
	indexVMID = "vmid"
)

// surveyPause lets several changes become one write of the host's status. With thousands of services, whose names are in it, it is longer.
const surveyPause = 200 * time.Millisecond

func (t *topologies) pause(host types.NamespacedName) time.Duration {
	return max(surveyPause, min(time.Duration(t.size(host))*time.Millisecond/2, 5*time.Second))
}

// queue is a controller's work queue, for whoever wakes an object without an event of the API server.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Options of the controllers.
type Options struct {
	// Workers is how many services are looked at at once.
	Workers int
	// ProblemGrace is how long a circle or a duplicate may last before it counts as stalled: manifests are applied one by one.
	// Zero means 30 s.
	ProblemGrace time.Duration
	// NamespaceLabels is whether the labels of namespaces may be read.
	NamespaceLabels bool
	// Timing is how patient the controller is with Proxmox.
	Timing Timing
}

// Setup wires both controllers into the manager: what wakes a service is on this page.
//
//   - its own spec, annotations and deletion;
//   - a change of the set of services of its host, of the host, or of the labels by which it allows namespaces;
//   - a service that it waits for became ready, or ill;
//   - its container changed on Proxmox, or a task on it ended (inventory);
//   - its verdict turned (health).
func Setup(mgr ctrl.Manager, sessions *Sessions, newScheduler func(onChange func(key string)) (*health.Scheduler, error), guests GuestAccess, opts Options) error {
	if err := index(mgr); err != nil {
		return err
	}
	var ns namespaces
	if opts.NamespaceLabels {
		ns.reader = mgr.GetClient()
	}
	shared := newTopologies(mgr.GetClient(), ns, sessions.foreign)
	var serviceQueue, hostQueue waker
	wakeService := serviceQueue.wake
	scheduler, err := newScheduler(func(key string) { wakeService(parseKey(key)) })
	if err != nil {
		return err
	}
	services := &ServiceReconciler{
		Client: mgr.GetClient(), Uncached: mgr.GetAPIReader(), Events: mgr.GetEventRecorder(v1alpha1.FieldOwner),
		Sessions: sessions, Scheduler: scheduler, Guests: guests, Timing: opts.Timing, topologies: shared, freshness: newFreshness(), waiters: newWaiters(), owing: newOwing(), tasks: newTasks(), tellings: newTellings(wakeService, opts.Timing.telling()),
		outbreaks: health.NewOutbreaks(opts.Timing.outbreak()), wakeService: wakeService, environments: newEnvironments(wakeService),
		problemGrace: cmp.Or(opts.ProblemGrace, 30*time.Second),
	}
	hosts := &HostReconciler{
		Client: mgr.GetClient(), Uncached: mgr.GetAPIReader(), Events: mgr.GetEventRecorder(v1alpha1.FieldOwner),
		Sessions: sessions, Guests: guests, Timing: opts.Timing, topologies: shared,
	}
	sessions.wakeService = wakeService
	sessions.wakeHost = hostQueue.wake
	hosts.wakeHost = hostQueue.wake
	sessions.wakeServices = func(host types.NamespacedName) {
		for _, r := range services.all(context.Background(), host) {
			wakeService(r.NamespacedName)
		}
	}
	sessions.strangersChanged = func(host types.NamespacedName) {
		shared.invalidate(host)
		hostQueue.wake(host)
		sessions.wakeServices(host)
	}
	if err := services.setup(mgr, &serviceQueue, opts.Workers); err != nil {
		return err
	}
	return hosts.setup(mgr, &hostQueue)
}

func index(mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.NixMoxService{}, indexHost, func(o client.Object) []string {
		return []string{hostOf(o.(*v1alpha1.NixMoxService)).String()}
	})
	if err != nil {
		return fmt.Errorf("index services by host: %w", err)
	}
	err = mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.NixMoxService{}, indexVMID, func(o client.Object) []string {
		return claims(o.(*v1alpha1.NixMoxService))
	})
	if err != nil {
		return fmt.Errorf("index services by VMID: %w", err)
	}
	return nil
}

// claims are the VMIDs that a service names: its container's, the one of a creation under way, the one that it asks for.
func claims(svc *v1alpha1.NixMoxService) []string {
	numbers := []int32{svc.Status.VMID}
	if svc.Status.Operation != nil {
		numbers = append(numbers, svc.Status.Operation.VMID)
	}
	if svc.Spec.VMID != nil {
		numbers = append(numbers, *svc.Spec.VMID)
	}
	slices.Sort(numbers)
	var keys []string
	for _, n := range slices.Compact(numbers) {
		if n != 0 {
			keys = append(keys, fmt.Sprint(n))
		}
	}
	return keys
}

func (r *ServiceReconciler) setup(mgr ctrl.Manager, w *waker, workers int) error {
	b := ctrl.NewControllerManagedBy(mgr).Named("service").
		For(&v1alpha1.NixMoxService{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.NixMoxService{}, r.others()).
		Watches(&v1alpha1.NixMoxHost{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
			r.topologies.invalidate(client.ObjectKeyFromObject(o))
			return r.all(ctx, client.ObjectKeyFromObject(o))
		}), builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, connectionChanged{}))).
		WatchesRawSource(w.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		WithLogConstructor(logsOf(mgr.GetLogger(), "service"))
	if r.topologies.namespaces.reader != nil {
		b = b.WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.ofNamespace), builder.WithPredicates(predicate.LabelChangedPredicate{}))
	}
	return b.Complete(r)
}

// hostWorkers is how many hosts are looked at at once: one that does not answer takes its worker for as long as a call may last.
const hostWorkers = 16

func (r *HostReconciler) setup(mgr ctrl.Manager, w *waker) error {
	return ctrl.NewControllerManagedBy(mgr).Named("host").
		For(&v1alpha1.NixMoxHost{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.NixMoxService{}, handler.Funcs{
			CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { r.wakeToSurvey(q, e.Object) },
			DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { r.wakeToSurvey(q, e.Object) },
			UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
				if changesSet(e) || changesReadiness(e) {
					r.wakeToSurvey(q, e.ObjectNew)
				}
			},
		}).
		WatchesRawSource(w.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: hostWorkers}).
		WithLogConstructor(logsOf(mgr.GetLogger(), "host")).
		Complete(r)
}

// logsOf names the object in every line, and nothing that only the library's authors want.
func logsOf(base logr.Logger, kind string) func(*reconcile.Request) logr.Logger {
	return func(request *reconcile.Request) logr.Logger {
		if request == nil {
			return base
		}
		return base.WithValues(kind, request.String())
	}
}

// others wakes the services that a change of one may concern. A change of the set may move phases and problems: the host's survey, which
// it wakes too, finds out whose. A change of readiness concerns those that wait for it, and a deletion those that it was in the way of.
func (r *ServiceReconciler) others() handler.EventHandler {
	wake := func(o client.Object, q queue) {
		for _, who := range r.waiters.take(client.ObjectKeyFromObject(o)) {
			q.Add(reconcile.Request{NamespacedName: who})
		}
	}
	goes := func(svc *v1alpha1.NixMoxService, q queue) {
		for _, name := range svc.Spec.DependsOn {
			q.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: svc.Namespace, Name: name}})
		}
	}
	setChanged := func(o client.Object, q queue) {
		r.topologies.invalidate(hostOf(o.(*v1alpha1.NixMoxService)))
		wake(o, q)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { setChanged(e.Object, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			setChanged(e.Object, q)
			goes(e.Object.(*v1alpha1.NixMoxService), q)
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			before, after := e.ObjectOld.(*v1alpha1.NixMoxService), e.ObjectNew.(*v1alpha1.NixMoxService)
			if self := client.ObjectKeyFromObject(after); r.freshness.foreign(self, after.ResourceVersion) && !equality.Semantic.DeepEqual(before.Status, after.Status) {
				q.Add(reconcile.Request{NamespacedName: self}) // a status that was emptied, or restored from a backup
			}
			switch {
			case editsSet(before, after) || holds(before) != holds(after) && !(hasItsOwn(after) && r.topologies.clean(hostOf(after))):
				setChanged(after, q)
				if (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil) {
					goes(after, q)
				}
			case changesReadiness(e):
				r.topologies.readinessChanged(hostOf(after))
				wake(after, q)
			}
		},
	}
}

// changesSet is whether an update changes what the services of a host are judged by.
func changesSet(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.NixMoxService), e.ObjectNew.(*v1alpha1.NixMoxService)
	return editsSet(before, after) || holds(before) != holds(after)
}

// editsSet is whether the services of a host are another set than before. What a container has taken only decides between duplicates.
func editsSet(before, after *v1alpha1.NixMoxService) bool {
	return before.Generation != after.Generation || (before.DeletionTimestamp == nil) != (after.DeletionTimestamp == nil)
}

// hasItsOwn is whether a service's container has the address that it is to have, or none.
func hasItsOwn(svc *v1alpha1.NixMoxService) bool {
	wanted, _, _ := strings.Cut(svc.Spec.IP, "/")
	return svc.Status.Observed == nil || topology.Address(svc).String() == wanted
}

// holds is what a service's container has taken of the things that no two may have. Whether it runs matters while it has an address that
// it is to give up.
func holds(svc *v1alpha1.NixMoxService) string {
	o := svc.Status.Observed
	if o == nil {
		return ""
	}
	text := o.IP + " " + o.Hostname
	wanted, _, _ := strings.Cut(svc.Spec.IP, "/")
	if has := topology.Address(svc).String(); o.Running && (has != wanted || !desired.Enabled(svc) || svc.DeletionTimestamp != nil) {
		text += " running"
	}
	return text
}

func changesReadiness(e event.UpdateEvent) bool {
	return readiness(e.ObjectOld.(*v1alpha1.NixMoxService)) != readiness(e.ObjectNew.(*v1alpha1.NixMoxService))
}

// ofNamespace are the services of a namespace whose hosts look at its labels, which changed.
func (r *ServiceReconciler) ofNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	var services v1alpha1.NixMoxServiceList
	if err := r.List(ctx, &services, client.InNamespace(namespace.GetName()), client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Services could not be woken", "namespace", namespace.GetName())
		return nil
	}
	byHost := map[types.NamespacedName][]reconcile.Request{}
	for i := range services.Items {
		svc := &services.Items[i]
		byHost[hostOf(svc)] = append(byHost[hostOf(svc)], reconcile.Request{NamespacedName: client.ObjectKeyFromObject(svc)})
	}
	var woken []reconcile.Request
	for name, requests := range byHost {
		host := &v1alpha1.NixMoxHost{}
		if err := r.Get(ctx, name, host); err != nil || !topology.AsksForLabels(host) {
			continue // one that comes, or changes, wakes its services
		}
		r.topologies.invalidate(name)
		r.Sessions.wakeHost(name)
		woken = append(woken, requests...)
	}
	return woken
}

// all are the services of a host, those first that most others build on, one after the other: they come to the slots in this order.
func (r *ServiceReconciler) all(ctx context.Context, name types.NamespacedName) []reconcile.Request {
	services, err := servicesOf(ctx, r, name)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Services could not be woken", "host", name.String())
		return nil
	}
	host := &v1alpha1.NixMoxHost{}
	if err := r.Get(ctx, name, host); err == nil {
		if report, _, err := r.topologies.of(ctx, host); err == nil && report != nil {
			slices.SortStableFunc(services, func(a, b v1alpha1.NixMoxService) int {
				return cmp.Compare(report.Chain(keyOf(&b)), report.Chain(keyOf(&a)))
			})
		}
	}
	var requests []reconcile.Request
	for i := range services {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&services[i])})
	}
	return requests
}

func (r *HostReconciler) wakeToSurvey(q queue, o client.Object) {
	host := hostOf(o.(*v1alpha1.NixMoxService))
	q.AddAfter(reconcile.Request{NamespacedName: host}, r.topologies.pause(host))
}

// connectionChanged passes updates in which the host's Ready condition changed.
type connectionChanged struct{ predicate.Funcs }

// Update compares the two conditions.
func (connectionChanged) Update(e event.UpdateEvent) bool {
	ready := func(o client.Object) string {
		if c := meta.FindStatusCondition(o.(*v1alpha1.NixMoxHost).Status.Conditions, v1alpha1.ConditionReady); c != nil {
			return string(c.Status) + c.Reason + c.Message
		}
		return ""
	}
	return ready(e.ObjectOld) != ready(e.ObjectNew)
}

// waker puts objects into a controller's queue once that runs; before, everything is going to be looked at anyway.
type waker struct{ queue atomic.Pointer[queue] }

// source tells the waker the queue when the controller starts.
func (w *waker) source() source.Source {
	return source.Func(func(_ context.Context, q queue) error {
		w.queue.Store(&q)
		return nil
	})
}

func (w *waker) wake(n types.NamespacedName) {
	if q := w.queue.Load(); q != nil {
		(*q).Add(reconcile.Request{NamespacedName: n})
	}
}

// parseKey reads namespace/name, as NamespacedName prints it.
func parseKey(key string) types.NamespacedName {
	for i := range key {
		if key[i] == types.Separator {
			return types.NamespacedName{Namespace: key[:i], Name: key[i+1:]}
		}
	}
	return types.NamespacedName{Name: key}
}
