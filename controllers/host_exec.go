package controllers

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
	"github.com/nixmox/nixmox-controller/internal/desired"
)

// privateKeyField is the Secret's key, as of Kubernetes' own type kubernetes.io/ssh-auth.
const privateKeyField = corev1.SSHAuthPrivateKey

// prepareExec sets up the way into the host's containers as spec.exec says.
func (r *HostReconciler) prepareExec(ctx context.Context, host *v1alpha1.NixMoxHost) Outcome {
	name := client.ObjectKeyFromObject(host)
	if host.Spec.Exec == nil || r.Guests.Refuses(host) != nil {
		_ = r.configureExec(host, nil) // taking a way away does not fail
		return failing(v1alpha1.ReasonExecNotConfigured, "Commands inside containers are not configured (spec.exec)")
	}
	ssh := host.Spec.Exec.SSH
	secret := &corev1.Secret{}
	secretName := client.ObjectKey{Namespace: host.Namespace, Name: ssh.PrivateKeySecretRef.Name}
	if err := r.Uncached.Get(ctx, secretName, secret); err != nil {
		_ = r.configureExec(host, nil) // taking a way away does not fail
		if apierrors.IsNotFound(err) {
			return failing(v1alpha1.ReasonExecKeyMissing, "Waiting for Secret %s with %s", secretName, privateKeyField).again(later)
		}
		return failing(v1alpha1.ReasonExecKeyMissing, "Secret %s cannot be read: %s", secretName, err).again(later)
	}
	key := secret.Data[privateKeyField]
	if len(key) == 0 {
		_ = r.configureExec(host, nil) // taking a way away does not fail
		return failing(v1alpha1.ReasonExecKeyMissing, "Secret %s must hold %s, the private key", secretName, privateKeyField).again(later)
	}
	err := r.configureExec(host, &Way{
		User: ssh.User, PrivateKey: key, KnownHosts: ssh.KnownHosts, Address: r.sshAddress(host),
		Settings: fmt.Sprint(ssh.Port, ssh.Addresses, host.Spec.Endpoints),
	})
	if err != nil {
		return failing(v1alpha1.ReasonExecInvalid, "spec.exec.ssh: %s", err)
	}
	problems := r.Guests.Problems(name)
	if len(problems) == 0 {
		return settled(v1alpha1.ReasonExecReady, "Commands inside containers go over SSH as %s", ssh.User)
	}
	var all []string
	for _, node := range slices.Sorted(maps.Keys(problems)) {
		all = append(all, problems[node])
	}
	return failing(v1alpha1.ReasonExecUnreachable, "%s", strings.Join(all, "; ")).again(later)
}

func (r *HostReconciler) configureExec(host *v1alpha1.NixMoxHost, way *Way) error {
	name := client.ObjectKeyFromObject(host)
	changed, err := r.Guests.Configure(name, way, func() { r.wakeHost(name) })
	if changed {
		r.Sessions.wakeServices(name)
	}
	return err
}

// sshAddress says where a node's SSH server is: where the host says, at the endpoint if that is the only node or bears its name, else
// under its name.
func (r *HostReconciler) sshAddress(host *v1alpha1.NixMoxHost) func(string) string {
	name, spec := client.ObjectKeyFromObject(host), host.Spec.DeepCopy()
	return func(node string) string {
		single := false
		if session := r.Sessions.of(name); session != nil {
			single = len(session.inventory.Nodes()) == 1
		}
		return addressOf(spec, node, single)
	}
}

func addressOf(spec *v1alpha1.NixMoxHostSpec, node string, single bool) string {
	port := strconv.Itoa(int(spec.Exec.SSH.Port))
	if given := string(spec.Exec.SSH.Addresses[node]); given != "" {
		if _, _, err := net.SplitHostPort(given); err == nil {
			return given
		}
		return net.JoinHostPort(strings.Trim(given, "[]"), port)
	}
	for _, endpoint := range spec.Endpoints {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		if first, _, _ := strings.Cut(u.Hostname(), "."); single || strings.EqualFold(first, node) {
			return net.JoinHostPort(u.Hostname(), port)
		}
	}
	return net.JoinHostPort(node, port)
}

// reportExec writes the host's condition ExecReady, with the services that are concerned when it is not so.
func (r *HostReconciler) reportExec(ctx context.Context, host *v1alpha1.NixMoxHost, o Outcome) error {
	c := metav1.Condition{Type: v1alpha1.ConditionExecReady, Status: metav1.ConditionTrue, Reason: o.Reason, Message: o.Message, ObservedGeneration: host.Generation}
	if o.Class != Settled {
		services, err := servicesOf(ctx, r, client.ObjectKeyFromObject(host))
		if err != nil {
			return err
		}
		c.Status = metav1.ConditionFalse
		c.Message += concerned(services)
	}
	meta.SetStatusCondition(&host.Status.Conditions, c)
	return nil
}

// concerned names the services that need commands inside their containers.
func concerned(services []v1alpha1.NixMoxService) string {
	var names []string
	for i := range services {
		if svc := &services[i]; desired.Enabled(svc) && checkup.NeedsExec(svc) {
			names = append(names, svc.Name)
		}
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return "; no service needs them"
	case 1:
		return "; needed by " + names[0]
	}
	return fmt.Sprintf("; needed by %d services: %s", len(names), list(names))
}
