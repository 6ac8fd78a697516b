package cli

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// errNoCluster is that nobody said which cluster.
var errNoCluster = errors.New("no cluster is configured\n  choose one with --kubeconfig or KUBECONFIG")

// client talks to the cluster that the flags choose.
func (p *program) client() (client.WithWatch, error) {
	cfg, err := p.config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("%w\n  choose a cluster with --kubeconfig, KUBECONFIG or --context", err)
	}
	// Without any configuration client-go asks a port at which nothing has answered for years.
	if cfg.Host == "http://localhost:8080" || cfg.Host == "localhost:8080" {
		return nil, errNoCluster
	}
	cfg.QPS, cfg.Burst = 50, 100
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return c, nil
}

// namespace that the flags and the kubeconfig choose.
func (p *program) namespace() (string, error) {
	namespace, _, err := p.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("read the kubeconfig: %w", err)
	}
	return namespace, nil
}

// fromCluster reads the objects of the namespace, or of all.
func (p *program) fromCluster(ctx context.Context, s *source) (*stack, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	namespace := ""
	if !s.allNamespaces {
		if namespace, err = p.namespace(); err != nil {
			return nil, err
		}
	}
	return readStack(ctx, c, namespace)
}

// readStack reads and judges the hosts and services of a namespace ("": of all).
func readStack(ctx context.Context, c client.Client, namespace string) (*stack, error) {
	st, err := readObjects(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	if err := st.fetch(ctx, c); err != nil {
		return nil, err
	}
	st.group()
	if len(st.sets) == 0 {
		where := "namespace " + namespace
		if namespace == "" {
			where = "any namespace"
		}
		return nil, fmt.Errorf("no NixMoxHost or NixMoxService in %s", where)
	}
	return st, nil
}

func readObjects(ctx context.Context, c client.Client, namespace string) (*stack, error) {
	var hosts v1alpha1.NixMoxHostList
	var services v1alpha1.NixMoxServiceList
	for _, list := range []client.ObjectList{&hosts, &services} {
		err := c.List(ctx, list, client.InNamespace(namespace))
		if meta.IsNoMatchError(err) {
			return nil, fmt.Errorf("the cluster does not know NixMox yet; apply config/crd first: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("read the cluster: %w", err)
		}
	}
	return &stack{hosts: hosts.Items, services: services.Items}, nil
}

// readObjectsAround reads those of all namespaces, or of this one where the right to see the others is missing.
func readObjectsAround(ctx context.Context, c client.Client, namespace string) (*stack, error) {
	all, err := readObjects(ctx, c, "")
	if apierrors.IsForbidden(err) {
		return readObjects(ctx, c, namespace)
	}
	return all, err
}

// fetch reads what the objects refer to elsewhere.
func (st *stack) fetch(ctx context.Context, c client.Client) error {
	if err := st.fetchHosts(ctx, c); err != nil {
		return err
	}
	return st.fetchLabels(ctx, c)
}

// fetchLabels reads the labels of namespaces where a host chooses by them; those that this user may not read stay unknown.
func (st *stack) fetchLabels(ctx context.Context, c client.Client) error {
	chooses := map[types.NamespacedName]bool{}
	for i := range st.hosts {
		chooses[client.ObjectKeyFromObject(&st.hosts[i])] = topology.AsksForLabels(&st.hosts[i])
	}
	asked := map[string]bool{}
	for i := range st.services {
		host, name := topology.HostOf(&st.services[i]), st.services[i].Namespace
		if !chooses[host] || host.Namespace == name || asked[name] {
			continue
		}
		asked[name] = true
		namespace := &corev1.Namespace{}
		switch err := c.Get(ctx, client.ObjectKey{Name: name}, namespace); {
		case err == nil:
			st.label(name, namespace.Labels)
		case !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err):
			return fmt.Errorf("read namespace %s: %w", name, err)
		}
	}
	return nil
}

// fetchHosts reads the hosts in other namespaces that services refer to: without them their domain, defaults and phases were not known.
func (st *stack) fetchHosts(ctx context.Context, c client.Client) error {
	st.unread = map[types.NamespacedName]string{}
	asked := map[types.NamespacedName]bool{}
	for i := range st.hosts {
		asked[client.ObjectKeyFromObject(&st.hosts[i])] = true
	}
	for i := range st.services {
		name := topology.HostOf(&st.services[i])
		if asked[name] {
			continue
		}
		asked[name] = true
		host := &v1alpha1.NixMoxHost{}
		switch err := c.Get(ctx, name, host); {
		case err == nil:
			st.hosts = append(st.hosts, *host)
		case apierrors.IsForbidden(err):
			st.unread[name] = fmt.Sprintf("you may not read NixMoxHost %s", name)
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("read host %s: %w", name, err)
		}
	}
	return nil
}
