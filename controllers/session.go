package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/connect"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// trust is what a host's Secrets hold: who we are on Proxmox, and the certificate authority of its endpoints.
type trust struct {
	proxmox.Credentials
	caBundle string
}

// session is our conversation with one Proxmox: the client, what is known about it, and who works on it.
type session struct {
	api       execute.API
	client    *proxmox.Client
	inventory *inventory.Inventory
	passes    *passes
	// cluster is shared with whoever else works on this Proxmox.
	cluster atomic.Pointer[cluster]
	log     logr.Logger

	stop context.CancelFunc
	made string // what it was made from, to notice a change
	// hosts that share the session: objects with the same endpoints, trust and credentials, in whatever namespace. Guarded by Sessions.
	hosts map[types.NamespacedName]bool
	// known is what the Proxmox is recognised by, and metAt when its nodes were asked for. Guarded by Sessions.
	known identity
	metAt time.Time

	mu      sync.Mutex
	creds   proxmox.Credentials
	names   map[string]bool // under which Proxmox lists our tasks, those from before a change of the credentials too
	version proxmox.Version
	// recognised is set once it was seen whether others work on the same Proxmox.
	recognised bool
	owners     map[proxmox.VMID]map[types.NamespacedName]bool
	checked    map[types.NamespacedName]preflight
	shelves    map[string]shelf
	seen       map[types.UID]time.Time // services without a container, and when we first looked at them
}

// asRoot is whether Proxmox is asked by root@pam in person: a few settings are for nobody else, not even for root's tokens.
func (s *session) asRoot() bool { return s.identity() == "root@pam" }

// identity is the name under which Proxmox lists the tasks that we begin now.
func (s *session) identity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.creds.Identity()
}

// isUs is whether a task of this user or token is one of ours.
func (s *session) isUs(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[user]
}

func (s *session) is(c proxmox.Credentials) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.creds == c
}

// become goes on as somebody else, in the middle of whatever is under way: operations remember who began them.
func (s *session) become(c proxmox.Credentials) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.creds == c {
		return nil
	}
	if err := s.client.SetCredentials(c); err != nil {
		return err
	}
	s.log.Info("The credentials were changed", "identity", c.Identity())
	s.creds, s.names[c.Identity()] = c, true
	s.inventory.PollSoon()
	return nil
}

// own makes a change of the container wake its service. Several may name one number, until it is settled whose it is.
func (s *session) own(vmid proxmox.VMID, service types.NamespacedName) {
	if vmid == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners[vmid] == nil {
		s.owners[vmid] = map[types.NamespacedName]bool{}
	}
	s.owners[vmid][service] = true
}

// disown wakes the service for the container no more. With the last one, whatever was remembered of the container is forgotten.
func (s *session) disown(vmid proxmox.VMID, service types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owners[vmid], service)
	if len(s.owners[vmid]) > 0 {
		return
	}
	delete(s.owners, vmid)
	s.inventory.Unwatch(vmid)
	s.inventory.Release(vmid)
}

// ownersOf are the services that a change of the container wakes.
func (s *session) ownersOf(vmid proxmox.VMID) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.owners[vmid]))
}

// firstLook is when a service without a container was looked at for the first time.
func (s *session) firstLook(uid types.UID, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.seen[uid]; known {
		return at
	}
	s.seen[uid] = now
	return now
}

// settle forgets when it was: the service has a container now, or its object is gone.
func (s *session) settle(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, uid)
}

// usable is whether this Proxmox is known to be one that we work with, and who else does.
func (s *session) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recognised && s.version.AtLeast(oldestMajor, oldestMinor)
}

// release reads the version once; it does not change while Proxmox runs, and a new session follows an upgrade's lost connection.
func (s *session) release(ctx context.Context) (proxmox.Version, error) {
	s.mu.Lock()
	known := s.version
	s.mu.Unlock()
	if known.Version != "" {
		return known, nil
	}
	version, err := s.client.Version(ctx)
	if err != nil {
		return proxmox.Version{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
	return version, nil
}

// Sessions are the sessions of all hosts. The host controller makes and ends them; the service controller uses them. Hosts that point at one
// Proxmox in the same way, as the same user or token, share one, with its poller. Others, whose rights may differ, have their own, and share
// the cluster: slots, placement and numbers.
type Sessions struct {
	log logr.Logger
	// wakeService and wakeHost put an object into its controller's queue.
	wakeService, wakeHost func(types.NamespacedName)
	// wakeServices wakes all services of a host.
	wakeServices func(host types.NamespacedName)
	// strangersChanged is called when guests of somebody else took addresses or gave them up.
	strangersChanged func(host types.NamespacedName)

	mu   sync.Mutex
	ctx  context.Context
	all  map[types.NamespacedName]*session
	done sync.WaitGroup
}

// NewSessions makes an empty set.
func NewSessions(log logr.Logger) *Sessions {
	return &Sessions{log: log, all: map[types.NamespacedName]*session{}}
}

// Start keeps the context that sessions live in and ends them with it. It is a manager's Runnable.
func (s *Sessions) Start(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.done.Wait()
	return nil
}

func (s *Sessions) started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx != nil
}

// of is the session of a host, nil when there is none yet.
func (s *Sessions) of(host types.NamespacedName) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[host]
}

// ensure is the session of a host with these credentials: the one that runs, or a new one when what it was made from changed.
func (s *Sessions) ensure(host *v1alpha1.NixMoxHost, c trust) (*session, error) {
	name := types.NamespacedName{Namespace: host.Namespace, Name: host.Name}
	made := fmt.Sprintf("%q %+v %v", host.Spec.Endpoints, connect.TLS(host, c.caBundle), host.Spec.PollInterval)
	s.mu.Lock()
	defer s.mu.Unlock()
	if running := s.all[name]; running != nil {
		switch {
		case running.made == made && running.is(c.Credentials):
			return running, nil
		case running.made == made && len(running.hosts) == 1:
			return running, running.become(c.Credentials)
		}
		s.leave(name) // the other hosts that share it go on as before
	}
	for _, other := range s.all {
		if other.made == made && other.is(c.Credentials) {
			other.hosts[name] = true
			s.all[name] = other
			return other, nil
		}
	}
	created, err := s.open(name, host, c)
	if err != nil {
		return nil, err
	}
	created.made = made
	s.all[name] = created
	return created, nil
}

// leave takes a host out of its session, which ends with its last. The lock is held.
func (s *Sessions) leave(host types.NamespacedName) {
	running := s.all[host]
	if running == nil {
		return
	}
	delete(s.all, host)
	if delete(running.hosts, host); len(running.hosts) == 0 {
		running.stop()
	}
}

// sharing are the hosts of a session.
func (s *Sessions) sharing(one *session) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(one.hosts))
}

func (s *Sessions) open(name types.NamespacedName, host *v1alpha1.NixMoxHost, c trust) (*session, error) {
	options := connect.Options(host, c.Credentials, c.caBundle)
	log := s.log.WithValues("host", name.String()) // the first of those that share it
	options.Observe = func(call proxmox.Call) {
		log.V(2).Info("Call", "method", call.Method, "path", call.Path, "status", call.Status, "duration", call.Duration)
	}
	client, err := proxmox.New(options)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(s.ctx)
	created := &session{
		api: client, client: client, creds: c.Credentials, names: map[string]bool{c.Identity(): true}, log: log, stop: stop,
		hosts: map[types.NamespacedName]bool{name: true}, checked: map[types.NamespacedName]preflight{}, passes: newPasses(s.wakeService), known: endpointsOf(host.Spec.Endpoints),
		owners: map[proxmox.VMID]map[types.NamespacedName]bool{}, shelves: map[string]shelf{}, seen: map[types.UID]time.Time{},
	}
	poll := inventory.Options{
		Log: log,
		OnGuest: func(vmid proxmox.VMID) {
			for _, service := range created.ownersOf(vmid) {
				s.wakeService(service)
			}
		},
		OnReach: func() {
			for _, host := range s.sharing(created) {
				s.wakeHost(host)
				s.wakeServices(host)
			}
		},
		OnStrangers: func() { s.strangersChanged(name) },
	}
	if host.Spec.PollInterval != nil {
		poll.PollInterval = host.Spec.PollInterval.Duration.Duration
	}
	shared := s.clusterAt(created.known)
	created.cluster.Store(shared)
	poll.Numbers = shared.numbers
	created.inventory = inventory.New(client, poll)
	s.done.Go(func() { created.inventory.Run(ctx) })
	return created, nil
}

// end closes the session of a host that is gone.
func (s *Sessions) end(host types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(host)
}
