package desired

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// What a container gets when neither the service nor the host says.
var (
	defaultMemory  = resource.MustParse("512Mi")
	defaultSwap    = resource.MustParse("512Mi")
	defaultCPU     = resource.MustParse("1")
	defaultStorage = resource.MustParse("8Gi")
)

func setResources(d *plan.Desired, host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService) {
	own, defaults := svc.Spec.Resources, host.Spec.Defaults.Resources
	d.MemoryMiB = toMiB(firstQuantity(own.Memory, defaults.Memory, &defaultMemory))
	d.SwapMiB = toMiB(firstQuantity(own.Swap, defaults.Swap, &defaultSwap))
	d.CPU = CPU(*firstQuantity(own.CPU, defaults.CPU, &defaultCPU))
	d.RootBytes = firstQuantity(own.Storage, defaults.Storage, &defaultStorage).Value()
}

// CPU turns a quantity into what Proxmox has: whole cores that the container sees, and a limit where the quantity is a fraction.
// 1500m is two cores limited to 1.5.
func CPU(q resource.Quantity) plan.CPU {
	milli := q.MilliValue()
	cores := (milli + 999) / 1000
	if milli == cores*1000 {
		return plan.CPU{Cores: int(cores)}
	}
	return plan.CPU{Cores: int(cores), LimitMilli: milli}
}

// toMiB rounds up: the container gets at least what was asked for.
func toMiB(q *resource.Quantity) int64 { return (q.Value() + 1<<20 - 1) >> 20 }

func firstQuantity(qs ...*resource.Quantity) *resource.Quantity {
	for _, q := range qs {
		if q != nil {
			return q
		}
	}
	return nil
}
