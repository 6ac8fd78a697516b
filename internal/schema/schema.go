// Package schema judges an object by the rules of its CRD without a cluster: unknown fields, the OpenAPI schema, list types and the CEL
// rules, in the order and the words of the API server, whose code it calls. It also fills in the CRD's defaults. The kubectl plugin uses
// it, so that `validate` says what `kubectl apply` would say.
package schema

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/crd"
)

// kind is one compiled definition.
type kind struct {
	structure *structural.Structural
	openapi   validation.SchemaValidator
	rules     *cel.Validator
}

// Judge holds the compiled rules of both kinds. It never changes; compiling costs a noticeable part of a second.
type Judge struct{ kinds map[string]*kind }

// Load compiles the definitions that this program carries, once.
var Load = sync.OnceValues(load)

func load() (*Judge, error) {
	files, err := fs.Glob(crd.FS, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	j := &Judge{kinds: map[string]*kind{}}
	for _, file := range files {
		content, err := fs.ReadFile(crd.FS, file)
		if err != nil {
			return nil, err
		}
		if err := j.add(content); err != nil {
			return nil, fmt.Errorf("the definition %s of this program: %w", path.Base(file), err)
		}
	}
	return j, nil
}

func (j *Judge) add(content []byte) error {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(content, &definition); err != nil {
		return err
	}
	for i := range definition.Spec.Versions {
		version := &definition.Spec.Versions[i]
		if version.Name != v1alpha1.GroupVersion.Version {
			continue
		}
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return err
		}
		structure, err := structural.NewStructural(&props)
		if err != nil {
			return err
		}
		openapi, _, err := validation.NewSchemaValidator(&props)
		if err != nil {
			return err
		}
		j.kinds[definition.Spec.Names.Kind] = &kind{
			structure: structure, openapi: openapi, rules: cel.NewValidator(structure, true, celconfig.PerCallLimit),
		}
	}
	return nil
}

// Knows is whether the object is of a kind that the judge has rules for.
func (j *Judge) Knows(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == v1alpha1.GroupVersion.Group
}

// Check is everything that is wrong with the object by itself. The object is brought into the form that the API server would store:
// without unknown fields, with defaults.
func (j *Judge) Check(ctx context.Context, o *unstructured.Unstructured) []string {
	gvk := o.GroupVersionKind()
	k := j.kinds[gvk.Kind]
	if k == nil || gvk.Version != v1alpha1.GroupVersion.Version {
		return []string{fmt.Sprintf("no such kind: %s in %s", gvk.Kind, gvk.GroupVersion())}
	}
	var problems []string
	unknown := pruning.PruneWithOptions(o.Object, k.structure, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		problems = append(problems, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(o.Object, k.structure)
	defaulting.Default(o.Object, k.structure)
	var wrong []string
	for _, e := range k.check(ctx, o) {
		wrong = append(wrong, e.Error())
	}
	slices.Sort(wrong) // the API server's validator walks over a map
	return append(problems, wrong...)
}

func (k *kind) check(ctx context.Context, o *unstructured.Unstructured) field.ErrorList {
	meta := &metav1.ObjectMeta{Name: o.GetName(), GenerateName: o.GetGenerateName(), Namespace: o.GetNamespace(), Labels: o.GetLabels(), Annotations: o.GetAnnotations()}
	errs := apivalidation.ValidateObjectMeta(meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, o.Object, k.openapi)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structure, o.Object)...)
	for _, e := range errs {
		switch e.Type { // what the API server stops at, before CEL meets a value of a wrong type
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return errs
		}
	}
	more, _ := k.rules.Validate(ctx, nil, k.structure, o.Object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, more...)
}

// Service is the object as a typed service; what it cannot hold is left out, since Check has said so.
func Service(o *unstructured.Unstructured) (*v1alpha1.NixMoxService, error) {
	svc := &v1alpha1.NixMoxService{}
	return svc, convert(o, svc)
}

// Host is the object as a typed host.
func Host(o *unstructured.Unstructured) (*v1alpha1.NixMoxHost, error) {
	host := &v1alpha1.NixMoxHost{}
	return host, convert(o, host)
}

func convert(o *unstructured.Unstructured, into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return fmt.Errorf("read %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}
