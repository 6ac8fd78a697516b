// Package loops runs the few loops of kube-controller-manager that an API server
// without nodes still needs: namespaces that are deleted become empty and go,
// objects whose owner is gone are collected, every namespace has its default
// service account, secrets of type service-account-token get their token, and
// aggregated cluster roles get their rules. The loops are upstream's; here is
// only how each is put together.
package loops

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
)

// resync is how often every loop looks again at what it has already seen. The
// watches carry the changes; this is a safety net.
const resync = 12 * time.Hour

// Config is what the loops need to know.
type Config struct {
	Client            *rest.Config // all rights; the same process
	ServiceAccountKey string       // file with the private key that signs tokens
	RootCA            string       // file with the CA that goes into token secrets
}

// loop runs until its context ends.
type loop func(context.Context)

// shared is what the loops have in common.
type shared struct {
	config    Config
	informers informers.SharedInformerFactory
	// started is closed once the informers run; the garbage collector waits for
	// it before it adds its own.
	started chan struct{}
}

// client for one loop, told apart in the API server's audit by its name.
func (s *shared) client(name string) (*rest.Config, kubernetes.Interface, error) {
	config := rest.AddUserAgent(rest.CopyConfig(s.config.Client), name)
	client, err := kubernetes.NewForConfig(config)
	return config, client, err
}

// Start starts all loops and returns at once. They end with ctx.
func Start(ctx context.Context, config Config) error {
	common := &shared{config: config, started: make(chan struct{})}
	_, client, err := common.client("shared-informers")
	if err != nil {
		return fmt.Errorf("control loops: %w", err)
	}
	common.informers = informers.NewSharedInformerFactoryWithOptions(client, resync, informers.WithTransform(dropManagedFields))

	constructors := []struct {
		name string
		make func(context.Context, *shared) (loop, error)
	}{
		{"namespace", namespaces},
		{"garbage collector", garbageCollector},
		{"service account", serviceAccounts},
		{"service account token", serviceAccountTokens},
		{"cluster role aggregation", clusterRoles},
	}
	var all []loop
	for _, constructor := range constructors {
		made, err := constructor.make(ctx, common)
		if err != nil {
			return fmt.Errorf("%s loop: %w", constructor.name, err)
		}
		all = append(all, made)
	}
	common.informers.Start(ctx.Done())
	close(common.started)
	for _, run := range all {
		go run(ctx)
	}
	return nil
}

func clusterRoles(_ context.Context, s *shared) (loop, error) {
	_, client, err := s.client("clusterrole-aggregation")
	if err != nil {
		return nil, err
	}
	controller := clusterroleaggregation.NewClusterRoleAggregation(s.informers.Rbac().V1().ClusterRoles(), client.RbacV1())
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}
