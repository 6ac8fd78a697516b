// Package crds installs the custom resource definitions of NixMox into an API
// server, so that a standalone control plane needs no kubectl apply first, and
// an upgrade of the binary upgrades them.
package crds

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// fieldManager owns the fields that we apply.
const fieldManager = "nixmox"

// Install applies every definition that this binary carries and returns when
// all are served and found by discovery.
func Install(ctx context.Context, config *rest.Config) error {
	return install(ctx, config, bases())
}

func install(ctx context.Context, config *rest.Config, source fs.FS) error {
	definitions, err := load(source)
	if err != nil || len(definitions) == 0 {
		return err
	}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("custom resource definitions: %w", err)
	}
	for _, definition := range definitions {
		if err := apply(ctx, client, definition); err != nil {
			return err
		}
	}
	for _, definition := range definitions {
		if err := waitEstablished(ctx, client, definition.Name); err != nil {
			return err
		}
	}
	return waitDiscovered(ctx, config, definitions)
}

// load reads every YAML file of the source.
func load(source fs.FS) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var definitions []*apiextensionsv1.CustomResourceDefinition
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		content, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		definition, err := decode(content)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if definition != nil {
			definitions = append(definitions, definition)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("custom resource definitions: %w", err)
	}
	return definitions, nil
}

// decode answers nil for a file of another kind, a kustomization say.
func decode(content []byte) (*apiextensionsv1.CustomResourceDefinition, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(content, &kind); err != nil || kind.Kind != "CustomResourceDefinition" {
		return nil, err
	}
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(content, definition); err != nil {
		return nil, err
	}
	return definition, nil
}

// apply is by the server, so that what others have added stays.
func apply(ctx context.Context, client clientset.Interface, definition *apiextensionsv1.CustomResourceDefinition) error {
	content, err := yaml.Marshal(definition)
	if err != nil {
		return fmt.Errorf("custom resource definition %s: %w", definition.Name, err)
	}
	force := true
	_, err = client.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, definition.Name, types.ApplyPatchType, content,
		metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("install custom resource definition %s: %w", definition.Name, err)
	}
	return nil
}
