package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion names this API in a manifest's apiVersion.
var GroupVersion = schema.GroupVersion{Group: "nixmox.dev", Version: "v1alpha1"}

// AddToScheme registers both kinds; every client that handles typed objects needs it.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &NixMoxHost{}, &NixMoxHostList{}, &NixMoxService{}, &NixMoxServiceList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
