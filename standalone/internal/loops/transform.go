package loops

import "k8s.io/apimachinery/pkg/api/meta"

// dropManagedFields keeps out of the caches what no loop reads and what is often
// the larger half of an object.
func dropManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil && accessor.GetManagedFields() != nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}
