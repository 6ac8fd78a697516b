package loops

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/kubernetes/pkg/controller/namespace"
)

// namespaces empties a namespace that is being deleted, custom resources
// included, and then lets it go. Upstream waits five seconds first.
func namespaces(ctx context.Context, s *shared) (loop, error) {
	config, client, err := s.client("namespace-controller")
	if err != nil {
		return nil, err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	controller := namespace.NewNamespaceController(ctx, client, metadataClient,
		client.Discovery().ServerPreferredNamespacedResources,
		s.informers.Core().V1().Namespaces(), resync, corev1.FinalizerKubernetes)
	return func(ctx context.Context) { controller.Run(ctx, 2) }, nil
}
