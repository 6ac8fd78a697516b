package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
	"github.com/nixmox/nixmox-controller/internal/view"
)

// Namespace holds the sample stack.
const Namespace = "homelab"

// Proxmox is where the stack's host is, and the token to use there.
type Proxmox struct {
	Endpoint, TokenID, TokenSecret string
	// SSH is the address of the SSH server of its nodes, and its host key as in known_hosts. Every key may log in there.
	SSH, HostKey string
}

// line is what pvesim prints once it listens, and what it says there of the Proxmox.
var line = regexp.MustCompile(`listening on (http://\S+) .*, control (http://[^,]+), ssh (\S+) (\S+ \S+)`)

// ReadLine takes from pvesim's line where it listens: with --control and --ssh.
func ReadLine(text string) (pve Proxmox, control string, err error) {
	m := line.FindStringSubmatch(text)
	if m == nil {
		return pve, "", fmt.Errorf("pvesim did not say where it listens: %q", text)
	}
	return Proxmox{Endpoint: m[1], TokenID: TokenID, TokenSecret: TokenSecret, SSH: m[3], HostKey: m[4]}, m[2], nil
}

// Apply applies the manifests of a folder as `kubectl apply` does, with the host's endpoint and the Secret of the given Proxmox.
func Apply(ctx context.Context, c client.Client, manifests fs.FS, folder string, pve Proxmox) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if err := c.Create(ctx, namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", Namespace, err)
	}
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "pve-credentials"},
		"stringData": map[string]any{"tokenID": pve.TokenID, "tokenSecret": pve.TokenSecret},
	}}
	key, err := sshd.NewKey()
	if err != nil {
		return err
	}
	login := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/ssh-auth", "metadata": map[string]any{"name": "pve-ssh"},
		"stringData": map[string]any{"ssh-privatekey": string(key)},
	}}
	objects := []*unstructured.Unstructured{secret, login}
	files, err := fs.Glob(manifests, path.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		found, err := readObjects(manifests, file)
		if err != nil {
			return err
		}
		objects = append(objects, found...)
	}
	for _, o := range objects {
		o.SetNamespace(Namespace)
		if o.GetKind() == "NixMoxHost" {
			if err := pve.adapt(o); err != nil {
				return err
			}
		}
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("demo"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
}

// adapt makes the stack's host the one of this Proxmox.
func (pve Proxmox) adapt(host *unstructured.Unstructured) error {
	return errors.Join(
		unstructured.SetNestedStringSlice(host.Object, []string{pve.Endpoint}, "spec", "endpoints"),
		unstructured.SetNestedField(host.Object, pve.HostKey, "spec", "exec", "ssh", "knownHosts"),
		unstructured.SetNestedStringMap(host.Object, map[string]string{"pve1": pve.SSH}, "spec", "exec", "ssh", "addresses"),
	)
}

func readObjects(manifests fs.FS, file string) ([]*unstructured.Unstructured, error) {
	data, err := fs.ReadFile(manifests, file)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if o.Object != nil {
			objects = append(objects, o)
		}
	}
}

// Progress is one look at the stack.
type Progress struct {
	Services []v1alpha1.NixMoxService
	Ready    int
}

// Done is when all are ready.
func (p Progress) Done() bool { return len(p.Services) > 0 && p.Ready == len(p.Services) }

// Look lists the services of the stack.
func Look(ctx context.Context, c client.Client) (Progress, error) {
	var all v1alpha1.NixMoxServiceList
	if err := c.List(ctx, &all, client.InNamespace(Namespace)); err != nil {
		return Progress{}, fmt.Errorf("list the services: %w", err)
	}
	p := Progress{Services: all.Items}
	for i := range p.Services {
		if meta.IsStatusConditionTrue(p.Services[i].Status.Conditions, v1alpha1.ConditionReady) {
			p.Ready++
		}
	}
	return p, nil
}

// Follow looks at the stack until all is ready, and calls changed whenever a service's state changed.
func Follow(ctx context.Context, c client.Client, changed func(svc *v1alpha1.NixMoxService, p Progress)) (Progress, error) {
	states := map[string]string{}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := Look(ctx, c)
		if err != nil {
			return p, err
		}
		for i := range p.Services {
			svc := &p.Services[i]
			if now := svc.Status.State + view.Message(svc); states[svc.Name] != now {
				states[svc.Name] = now
				changed(svc, p)
			}
		}
		if p.Done() {
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, fmt.Errorf("%d of %d services are ready: %w", p.Ready, len(p.Services), ctx.Err())
		case <-tick.C:
		}
	}
}

// RolloutOf takes from the objects what the judge needs.
func RolloutOf(p Progress, slots int) Rollout {
	r := Rollout{Slots: slots}
	for _, svc := range p.Services {
		r.Services = append(r.Services, Service{
			Name: svc.Name, VMID: int(svc.Status.VMID), Phase: int(svc.Status.Phase), DependsOn: svc.Spec.DependsOn,
		})
	}
	return r
}
