package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// namespaces tells which of them a host allows. reader is nil in a controller that may not read them: it knows their names
// alone.
type namespaces struct{ reader client.Reader }

// allows is whether a namespace's services may refer to a host.
func (n namespaces) allows(ctx context.Context, host *v1alpha1.NixMoxHost, namespace string) (bool, error) {
	if n.reader == nil || !topology.AsksForLabels(host) {
		return topology.Allows(host, namespace, nil), nil
	}
	found := namespaceObject()
	if err := n.reader.Get(ctx, client.ObjectKey{Name: namespace}, found); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read namespace %s: %w", namespace, err)
	}
	return topology.Allows(host, namespace, found.Labels), nil
}

// part tells the services whose namespaces a host allows from the others.
func (n namespaces) part(ctx context.Context, host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) (allowed, others []v1alpha1.NixMoxService, err error) {
	verdicts, all := map[string]bool{host.Namespace: true}, true
	for i := range services {
		namespace := services[i].Namespace
		if _, judged := verdicts[namespace]; judged {
			continue
		}
		verdict, err := n.allows(ctx, host, namespace)
		if err != nil {
			return nil, nil, err
		}
		verdicts[namespace] = verdict
		all = all && verdict
	}
	if all {
		return services, nil, nil
	}
	for i := range services {
		if verdicts[services[i].Namespace] {
			allowed = append(allowed, services[i])
		} else {
			others = append(others, services[i])
		}
	}
	return allowed, others, nil
}

// namespaceObject is a namespace of which the metadata alone is read and kept.
func namespaceObject() *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return o
}
