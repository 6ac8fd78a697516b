package cli

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/connect"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// chooseHost is the host of a name, or the only one of the namespace.
func chooseHost(hosts []v1alpha1.NixMoxHost, namespace, name string) (*v1alpha1.NixMoxHost, error) {
	var names []string
	var chosen *v1alpha1.NixMoxHost
	for i := range hosts {
		if hosts[i].Namespace == namespace && (name == "" || hosts[i].Name == name) {
			names, chosen = append(names, hosts[i].Name), &hosts[i]
		}
	}
	switch {
	case len(names) == 0 && name != "":
		return nil, fmt.Errorf("no NixMoxHost %s in namespace %s", name, namespace)
	case len(names) == 0:
		return nil, fmt.Errorf("no NixMoxHost in namespace %s: choose another with -n", namespace)
	case len(names) > 1:
		return nil, fmt.Errorf("namespace %s has several hosts: choose one with --host: %s", namespace, strings.Join(names, ", "))
	}
	return chosen, nil
}

// direct is a client of the host's Proxmox, as the controller makes one.
func direct(ctx context.Context, kube client.Client, host *v1alpha1.NixMoxHost) (*proxmox.Client, error) {
	read := func(name string) (map[string][]byte, error) {
		secret := &corev1.Secret{}
		if err := kube.Get(ctx, client.ObjectKey{Namespace: host.Namespace, Name: name}, secret); err != nil {
			return nil, fmt.Errorf("read the Secret of host %s, which --direct needs: %w", host.Name, err)
		}
		return secret.Data, nil
	}
	data, err := read(host.Spec.CredentialsRef.Name)
	if err != nil {
		return nil, err
	}
	credentials, whole := connect.Credentials(data)
	if !whole {
		return nil, fmt.Errorf("secret %s must hold tokenID and tokenSecret, or username and password", host.Spec.CredentialsRef.Name)
	}
	bundle := ""
	if name, key := connect.CASecret(host); name != "" {
		if data, err = read(name); err != nil {
			return nil, err
		}
		if bundle = string(data[key]); bundle == "" {
			return nil, fmt.Errorf("secret %s must hold the certificate authority of the endpoints under %q", name, key)
		}
	}
	return proxmox.New(connect.Options(host, credentials, bundle))
}
