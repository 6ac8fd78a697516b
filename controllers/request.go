package controllers

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// useUp takes a request off the object before it is carried out, so that it counts once. Who dies in between leaves a request to be made
// again; the other order would carry it out twice.
func (r *ServiceReconciler) useUp(ctx context.Context, p *pass, annotation string) *Outcome {
	without := p.base.DeepCopy()
	delete(without.Annotations, annotation)
	err := r.Patch(ctx, without, client.MergeFromWithOptions(p.base, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner))
	if apierrors.IsConflict(err) {
		return &Outcome{Keep: true, Again: conflictPause}
	}
	if err != nil {
		return &Outcome{Keep: true, Err: fmt.Errorf("take the annotation %s off service %s: %w", annotation, p.key, err)}
	}
	p.base = without.DeepCopy()
	p.svc.ObjectMeta = without.ObjectMeta
	r.freshness.wrote(p.key, without.ResourceVersion)
	return nil
}
