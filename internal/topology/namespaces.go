package topology

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Allows is whether the services of a namespace may refer to a host. Of the labels of a namespace that nobody may read, one is known: its name.
func Allows(host *v1alpha1.NixMoxHost, namespace string, known map[string]string) bool {
	if namespace == host.Namespace {
		return true
	}
	switch allowed := &host.Spec.AllowedNamespaces; allowed.From {
	case v1alpha1.NamespacesFromAll:
		return true
	case v1alpha1.NamespacesFromSelector:
		selector, err := metav1.LabelSelectorAsSelector(allowed.Selector)
		if err != nil {
			return false // the API server holds the form; an error means nobody rather than all
		}
		all := labels.Set{}
		maps.Copy(all, known)
		all[corev1.LabelMetadataName] = namespace
		return selector.Matches(all)
	}
	return false
}

// AsksForLabels is whether a host's selector looks at more of a namespace than its name.
func AsksForLabels(host *v1alpha1.NixMoxHost) bool {
	allowed := &host.Spec.AllowedNamespaces
	if allowed.From != v1alpha1.NamespacesFromSelector || allowed.Selector == nil {
		return false
	}
	for key := range allowed.Selector.MatchLabels {
		if key != corev1.LabelMetadataName {
			return true
		}
	}
	for _, e := range allowed.Selector.MatchExpressions {
		if e.Key != corev1.LabelMetadataName {
			return true
		}
	}
	return false
}
