package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/connect"
)

// secretTime is how often the Secrets of a host are read again: they are not watched, since that would need the right to list Secrets.
const secretTime = time.Minute

// trust reads the host's Secrets.
func (r *HostReconciler) trust(ctx context.Context, host *v1alpha1.NixMoxHost) (trust, *Outcome) {
	data, name, o := r.secret(ctx, host, host.Spec.CredentialsRef.Name, "tokenID and tokenSecret")
	if o != nil {
		return trust{}, o
	}
	credentials, whole := connect.Credentials(data)
	t := trust{Credentials: credentials}
	if !whole {
		o := waiting(v1alpha1.ReasonCredentials, "Secret %s must hold tokenID (user@realm!name) and tokenSecret, or username (user@realm) and password", name).again(later)
		return trust{}, &o
	}
	if ref, key := connect.CASecret(host); ref != "" {
		data, name, o := r.secret(ctx, host, ref, key)
		if o != nil {
			return trust{}, o
		}
		if t.caBundle = string(data[key]); t.caBundle == "" {
			o := waiting(v1alpha1.ReasonCredentials, "Secret %s must hold the certificate authority of the endpoints in PEM under %q (spec.tls.caSecretRef)", name, key).again(later)
			return trust{}, &o
		}
	}
	return t, nil
}

// secret reads one Secret of the host's namespace.
func (r *HostReconciler) secret(ctx context.Context, host *v1alpha1.NixMoxHost, ref, with string) (map[string][]byte, client.ObjectKey, *Outcome) {
	name := client.ObjectKey{Namespace: host.Namespace, Name: ref}
	secret := &corev1.Secret{}
	if err := r.Uncached.Get(ctx, name, secret); err != nil {
		o := waiting(v1alpha1.ReasonCredentials, "Secret %s cannot be read: %s", name, err).again(later)
		if apierrors.IsNotFound(err) {
			o = waiting(v1alpha1.ReasonCredentials, "Waiting for Secret %s with %s", name, with).again(later)
		}
		return nil, name, &o
	}
	return secret.Data, name, nil
}

// warnOfTLS keeps the condition that says that anybody on the way can read the token.
func warnOfTLS(host *v1alpha1.NixMoxHost) {
	conditions := &host.Status.Conditions
	if host.Spec.TLS == nil || !host.Spec.TLS.InsecureSkipVerify {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionInsecure)
		return
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionInsecure, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonInsecureSkipVerify, ObservedGeneration: host.Generation,
		Message: fmt.Sprintf("The certificate of %s is not verified (spec.tls.insecureSkipVerify): whoever is on the way can read the credentials and command Proxmox; "+
			"set fingerprint or a CA instead", host.Spec.Endpoints[0]),
	})
}
