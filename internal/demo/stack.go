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

// appliedAnnotation is set on the namespace once the whole stack was applied to it.
const appliedAnnotation = "nixmox.dev/sample-stack-applied"

// Apply applies the manifests of a folder as `kubectl apply` does, with the host's endpoint and the Secret of the given Proxmox. Once that was
// done in whole, the stack belongs to whoever changes it: later calls only tell the host where the Proxmox is now.
func Apply(ctx context.Context, c client.Client, manifests fs.FS, folder string, pve Proxmox) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}
	if err := c.Create(ctx, namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", Namespace, err)
	}
	if err := c.Get(ctx, client.ObjectKeyFromObject(namespace), namespace); err != nil {
		return fmt.Errorf("look at namespace %s: %w", Namespace, err)
	}
	if namespace.Annotations[appliedAnnotation] != "" {
		return pve.repoint(ctx, c)
	}
	objects, err := pve.secrets()
	if err != nil {
		return err
	}
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
	before := namespace.DeepCopy()
	metav1.SetMetaDataAnnotation(&namespace.ObjectMeta, appliedAnnotation, "true")
	if err := c.Patch(ctx, namespace, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("note that the stack was applied: %w", err)
	}
	return nil
}

// secrets are what the controller logs in with: to the API, and to the nodes with a new key.
func (pve Proxmox) secrets() ([]*unstructured.Unstructured, error) {
	key, err := sshd.NewKey()
	if err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{
		{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "pve-credentials"},
			"stringData": map[string]any{"tokenID": pve.TokenID, "tokenSecret": pve.TokenSecret},
		}},
		{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/ssh-auth", "metadata": map[string]any{"name": "pve-ssh"},
			"stringData": map[string]any{"ssh-privatekey": string(key)},
		}},
	}, nil
}

// repoint tells the stack's host where the Proxmox is now, and leaves all else as somebody may have changed it.
func (pve Proxmox) repoint(ctx context.Context, c client.Client) error {
	host := &unstructured.Unstructured{}
	host.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("NixMoxHost"))
	err := c.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: "default"}, host)
	if apierrors.IsNotFound(err) {
		return nil // deleted, which is a change like any other
	}
	if err != nil {
		return fmt.Errorf("look at the host: %w", err)
	}
	before := host.DeepCopy()
	if err := pve.adapt(host); err != nil {
		return err
	}
	if err := c.Patch(ctx, host, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("tell the host where the Proxmox is: %w", err)
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

// Done is when all are ready. Somebody may have deleted every one of them.
func (p Progress) Done() bool { return p.Ready == len(p.Services) }

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
