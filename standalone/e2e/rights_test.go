package e2e

import (
	"context"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// account makes a service account that may read services in its namespace, and
// nothing else.
func account(t *testing.T, client kubernetes.Interface, ns string) string {
	t.Helper()
	const name = "reader"
	if _, err := client.CoreV1().ServiceAccounts(ns).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{services.Group}, Resources: []string{services.Resource}, Verbs: []string{"get", "list", "watch"}},
	}}
	if _, err := client.RbacV1().Roles(ns).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: ns, Name: name}}}
	if _, err := client.RbacV1().RoleBindings(ns).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkReader checks what the account may do with its token.
func checkReader(t *testing.T, i *instance, ns, token string) {
	t.Helper()
	config := rest.AnonymousClientConfig(i.config(t))
	config.BearerToken = token
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the role takes effect", func(ctx context.Context) (bool, error) {
		_, err := client.Resource(services).Namespace(ns).List(ctx, metav1.ListOptions{})
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return err == nil, err
	})
	if _, err := client.Resource(services).Namespace("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may list in another namespace: %v", err)
	}
	if _, err := client.Resource(services).Namespace(ns).Create(t.Context(), service(ns, "db", "192.168.1.11"), metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may create: %v", err)
	}
	if _, err := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("it may read secrets: %v", err)
	}
}

func TestRequestedTokenHasTheRightsOfItsAccount(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	ns := namespace(t, client)
	token, err := client.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), account(t, client, ns), &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkReader(t, cluster(t), ns, token.Status.Token)
}

// A token that never expires is how an Argo CD elsewhere logs in.
func TestTokenSecretIsFilled(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	ns := namespace(t, client)
	secret := &corev1.Secret{Type: corev1.SecretTypeServiceAccountToken, ObjectMeta: metav1.ObjectMeta{
		Name: "token", Annotations: map[string]string{corev1.ServiceAccountNameKey: account(t, client, ns)}}}
	if _, err := client.CoreV1().Secrets(ns).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the secret has a token", func(ctx context.Context) (bool, error) {
		var err error
		secret, err = client.CoreV1().Secrets(ns).Get(ctx, "token", metav1.GetOptions{})
		return err == nil && len(secret.Data[corev1.ServiceAccountTokenKey]) > 0, err
	})
	if string(secret.Data[corev1.ServiceAccountRootCAKey]) != string(cluster(t).config(t).CAData) {
		t.Error("the secret's CA is not the server's")
	}
	checkReader(t, cluster(t), ns, string(secret.Data[corev1.ServiceAccountTokenKey]))
}

func TestStrangersSeeNothing(t *testing.T) {
	t.Parallel()
	client := clientFor(t, rest.AnonymousClientConfig(cluster(t).config(t)))
	if _, err := client.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("without credentials: %v, want forbidden", err)
	}
	config := rest.AnonymousClientConfig(cluster(t).config(t))
	config.BearerToken = "guessed"
	if _, err := clientFor(t, config).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("with a wrong token: %v, want unauthorized", err)
	}
}

func TestRolesAreAggregated(t *testing.T) {
	t.Parallel()
	client := cluster(t).client(t)
	part := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "part-", Labels: map[string]string{"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{services.Group}, Resources: []string{services.Resource}, Verbs: []string{"list"}}}}
	if _, err := client.RbacV1().ClusterRoles().Create(t.Context(), part, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the role view has the part's rule", func(ctx context.Context) (bool, error) {
		view, err := client.RbacV1().ClusterRoles().Get(ctx, "view", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, rule := range view.Rules {
			if len(rule.Resources) == 1 && rule.Resources[0] == services.Resource {
				return true, nil
			}
		}
		return false, nil
	})
}
