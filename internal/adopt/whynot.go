package adopt

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// WhyNot says why a guest cannot be adopted on a host without harm; it is empty for one that can. A guest without a view is judged by what
// the resource list says alone.
func WhyNot(host *v1alpha1.NixMoxHost, g Guest) string {
	switch {
	case g.Type != proxmox.TypeLXC:
		return "a virtual machine, no container"
	case g.Template:
		return "a template for containers"
	case g.View == nil:
		return ""
	case g.View.Live.Template:
		return "a template for containers"
	}
	for _, judge := range []func(*v1alpha1.NixMoxHost, Guest) string{owned, unfit, disks, waiting, forbidden, harm} {
		if why := judge(host, g); why != "" {
			return why
		}
	}
	return ""
}

// owned is for what is some service's already. The marker of a copy names another number, and binds nobody.
func owned(host *v1alpha1.NixMoxHost, g Guest) string {
	m, _, marked := marker.Parse(g.View.Future.Description)
	switch {
	case !marked || m.VMID != int(g.VMID):
		return ""
	case m.Instance != host.Spec.Instance:
		return fmt.Sprintf("marked as instance %s's, of service %s", m.Instance, m.Service)
	}
	return fmt.Sprintf("already ours: service %s (%s)", m.Service, m.State)
}

// unfit is what a service cannot be without.
func unfit(_ *v1alpha1.NixMoxHost, g Guest) string {
	c := g.View.Future
	if _, ok := c.Nets[0]; !ok {
		return "no interface net0"
	}
	if _, ok := Address(c); !ok {
		return "no static address on net0 (it has ip=" + cmp.Or(c.Nets[0].IP, "none") + ")"
	}
	if _, ok := c.RootFS.SizeBytes(); !ok {
		return "the size of its root disk is not known"
	}
	if len(c.Hostname) > 253 || !hostnames.MatchString(c.Hostname) {
		return fmt.Sprintf("its hostname %q is not one that a service can have", c.Hostname)
	}
	return ""
}

// disks are mount points that a service cannot have.
func disks(host *v1alpha1.NixMoxHost, g Guest) string {
	paths := map[string]bool{}
	for _, index := range sorted(g.View.Future.Mounts) {
		m, key := g.View.Future.Mounts[index], proxmox.MountKey(index)
		if m.Storage() == "" {
			if why := noHostPath(host, m); why != "" {
				return key + " mounts " + m.Volume + " of the node, " + why
			}
		}
		if paths[m.Path] {
			return "two mount points at " + m.Path
		}
		paths[m.Path] = true
	}
	return ""
}

// noHostPath says why a path of the node cannot be a volume of a service.
func noHostPath(host *v1alpha1.NixMoxHost, m proxmox.Mount) string {
	switch {
	case !pathForm.MatchString(m.Volume) || dotPart.MatchString(m.Volume) || devices.MatchString(m.Volume) || len(m.Volume) > 255 || !mountable(m.Path):
		return "which has no place in a service"
	case !topology.AllowsPath(host, m.Volume):
		return "which the host does not allow yet: spec.policy.hostPaths"
	}
	return ""
}

// waiting is for changes that somebody made and that the running container has not taken up: adopting it would restart it for them.
func waiting(_ *v1alpha1.NixMoxHost, g Guest) string {
	if len(g.View.Pending) == 0 {
		return ""
	}
	return "changes wait for its next start (" + strings.Join(g.View.Pending, ", ") + "): restart it, or take them back"
}

// forbidden is what the host's policy does not let a service ask for.
func forbidden(host *v1alpha1.NixMoxHost, g Guest) string {
	bridge := g.View.Future.Nets[0].Bridge
	if topology.AllowsBridge(host, bridge) {
		return ""
	}
	return fmt.Sprintf("the host's policy.bridges does not allow %s", bridge)
}

// harm is what the plan of its own manifest would interrupt, cut off or refuse: the last word, whatever the reason.
func harm(host *v1alpha1.NixMoxHost, g Guest) string {
	svc, _ := Service(host, g)
	steps, err := Plan(host, svc, g.View, g.Running())
	switch {
	case err != nil:
		return err.Error()
	case Delicate(steps):
		return "adopting it would: " + strings.Join(steps.Lines(), "; ")
	}
	return ""
}
