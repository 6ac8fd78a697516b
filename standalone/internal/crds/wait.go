package crds

import (
	"context"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// poll is short, because each round is a call inside the process and a start
// waits for it.
const poll = 20 * time.Millisecond

func waitEstablished(ctx context.Context, client clientset.Interface, name string) error {
	var last string
	err := wait.PollUntilContextCancel(ctx, poll, true, func(ctx context.Context) (bool, error) {
		definition, err := client.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range definition.Status.Conditions {
			switch {
			case condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue:
				return true, nil
			case condition.Type == apiextensionsv1.NamesAccepted && condition.Status == apiextensionsv1.ConditionFalse:
				last = ": " + condition.Message
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("custom resource definition %s is not established%s: %w", name, last, err)
	}
	return nil
}

// waitDiscovered returns when a client that asks what there is, as kubectl does,
// is told of the resources: that follows the definitions with a delay.
func waitDiscovered(ctx context.Context, config *rest.Config, definitions []*apiextensionsv1.CustomResourceDefinition) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	missing := served(definitions)
	err = wait.PollUntilContextCancel(ctx, poll, true, func(context.Context) (bool, error) {
		_, lists, err := client.ServerGroupsAndResources()
		if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
			return false, err
		}
		for _, list := range lists {
			for _, resource := range list.APIResources {
				delete(missing, list.GroupVersion+" "+resource.Kind)
			}
		}
		return len(missing) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("custom resources are not in discovery: %w", err)
	}
	return nil
}

func served(definitions []*apiextensionsv1.CustomResourceDefinition) map[string]bool {
	kinds := map[string]bool{}
	for _, definition := range definitions {
		for _, version := range definition.Spec.Versions {
			if version.Served {
				gv := schema.GroupVersion{Group: definition.Spec.Group, Version: version.Name}
				kinds[gv.String()+" "+definition.Spec.Names.Kind] = true
			}
		}
	}
	return kinds
}
