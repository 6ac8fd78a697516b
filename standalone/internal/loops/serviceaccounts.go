package loops

import (
	"context"
	"os"

	"k8s.io/client-go/util/keyutil"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	signer "k8s.io/kubernetes/pkg/serviceaccount"
)

// serviceAccounts gives every namespace its "default" account.
func serviceAccounts(ctx context.Context, s *shared) (loop, error) {
	_, client, err := s.client("service-account-controller")
	if err != nil {
		return nil, err
	}
	core := s.informers.Core().V1()
	controller, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), client,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}

// serviceAccountTokens fills secrets of type kubernetes.io/service-account-token:
// the long-lived tokens with which an Argo CD elsewhere logs in.
func serviceAccountTokens(ctx context.Context, s *shared) (loop, error) {
	_, client, err := s.client("tokens-controller")
	if err != nil {
		return nil, err
	}
	key, err := keyutil.PrivateKeyFromFile(s.config.ServiceAccountKey)
	if err != nil {
		return nil, err
	}
	generator, err := signer.JWTTokenGenerator(signer.LegacyIssuer, key)
	if err != nil {
		return nil, err
	}
	rootCA, err := os.ReadFile(s.config.RootCA)
	if err != nil {
		return nil, err
	}
	core := s.informers.Core().V1()
	controller, err := serviceaccount.NewTokensController(klog.FromContext(ctx), core.ServiceAccounts(), core.Secrets(), client,
		serviceaccount.TokensControllerOptions{TokenGenerator: generator, RootCA: rootCA})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) { controller.Run(ctx, 1) }, nil
}
