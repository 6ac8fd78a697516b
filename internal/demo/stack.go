package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/view"
)

// Namespace holds the sample stack.
const Namespace = "homelab"

// Proxmox is where the stack's host is, and the token to use there.
type Proxmox struct{ Endpoint, TokenID, TokenSecret string }

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
	objects := []*unstructured.Unstructured{secret}
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
			if err := unstructured.SetNestedStringSlice(o.Object, []string{pve.Endpoint}, "spec", "endpoints"); err != nil {
				return err
			}
		}
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("demo"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	return nil
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
