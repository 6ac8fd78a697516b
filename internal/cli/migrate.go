package cli

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// migrateAct has containers moved to another node.
func migrateAct() act {
	var to string
	target := func(svc *v1alpha1.NixMoxService) string {
		if to != "" {
			return to
		}
		return svc.Spec.Node
	}
	return act{
		use: "migrate", short: "Have containers moved to another node, by a restart",
		long: "Have containers moved to another node of the Proxmox cluster: to the one that --to names, else to spec.node. A container that runs is stopped for it, killed if it\n" +
			"does not stop within its shutdownTimeout, and started there; gates and slots hold as for every update. What keeps it from moving is on the service's status.",
		patch: func(svc *v1alpha1.NixMoxService, _ string) (map[string]any, string, error) {
			node := target(svc)
			switch {
			case node == "":
				return nil, "", fmt.Errorf("service %s has no spec.node: say where to with --to", svc.Name)
			case svc.Spec.Node != "" && svc.Spec.Node != node:
				return nil, "", fmt.Errorf("spec.node of service %s is %s: write %s there first", svc.Name, svc.Spec.Node, node)
			case svc.Status.VMID == 0 || svc.Status.Observed == nil:
				return nil, "", fmt.Errorf("service %s has no container that could be moved", svc.Name)
			case svc.Status.Node == node:
				return nil, "", fmt.Errorf("container %d of service %s is on %s already", svc.Status.VMID, svc.Name, node)
			}
			return annotate(v1alpha1.MigrateAnnotation, node), fmt.Sprintf("container %d is to be moved from %s to %s", svc.Status.VMID, svc.Status.Node, node), nil
		},
		handled: func(svc *v1alpha1.NixMoxService, _ string) bool {
			return svc.Status.Node == target(svc) && svc.Annotations[v1alpha1.MigrateAnnotation] == ""
		},
		flags: func(f *pflag.FlagSet) {
			f.StringVar(&to, "to", "", "the node to move them to (default: spec.node of each)")
		},
	}
}
