package forecast

import (
	"cmp"
	"net/netip"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// unchanged is whether service and host ask for what the cluster's objects ask for.
func (f *forecast) unchanged(svc, live *v1alpha1.NixMoxService) bool {
	if f.LiveHost == nil {
		return false
	}
	k := topology.KeyOf(svc)
	now, err := desired.Container(f.Host, svc, f.report.Level(k))
	was, err2 := desired.Container(f.LiveHost, live, f.liveReport.Level(k))
	return err == nil && err2 == nil && reflect.DeepEqual(now, was)
}

// observed is the container as the status tells it. What the status does not tell is taken to be what the cluster's spec asks for: the
// controller has put it so, or its plan says that it is about to.
func (f *forecast) observed(live *v1alpha1.NixMoxService) plan.Observed {
	s := live.Status.Observed
	if s == nil {
		return plan.Observed{}
	}
	o := plan.Observed{Exists: true, Running: s.Running, MarkerCurrent: true, RestartOwed: live.Status.RestartOwed, Template: live.Status.Template}
	if f.LiveHost != nil {
		if d, err := desired.Container(f.LiveHost, live, f.liveReport.Level(topology.KeyOf(live))); err == nil {
			asAsked(&o, d)
		}
	}
	o.Hostname, o.MemoryMiB, o.SwapMiB, o.Tags = s.Hostname, s.MemoryMiB, s.SwapMiB, s.Tags
	o.Net.Bridge, o.Net.VLANTag, o.Net.MAC = s.Bridge, int(s.VLANTag), s.MACAddress
	o.Net.IP, _ = netip.ParsePrefix(s.IP)
	o.Net.Gateway, _ = netip.ParseAddr(s.Gateway)
	if q, err := resource.ParseQuantity(s.CPU); err == nil {
		o.CPU = desired.CPU(q)
	}
	o.RootVolume, o.RootBytes, o.GrantedRootBytes = s.RootVolume, bytesOf(s.RootSize), bytesOf(live.Status.Granted["rootfs"])
	asked := o.Volumes
	o.Volumes = nil
	for _, v := range s.Volumes {
		volume := plan.ObservedVolume{Name: v.Name, Place: plan.Place(v.State), GrantedBytes: bytesOf(live.Status.Granted[v.Name]),
			Mount: plan.Mount{Key: v.Key, Volume: v.Volume, MountPath: v.MountPath, Bytes: bytesOf(v.Size)}}
		if !strings.HasPrefix(v.Volume, "/") { // a path of the node is on no storage
			volume.Storage, _, _ = strings.Cut(v.Volume, ":")
		}
		for _, a := range asked {
			if a.Name == v.Name {
				volume.Backup, volume.ReadOnly = a.Backup, a.ReadOnly
				volume.MountPath, volume.Storage = cmp.Or(volume.MountPath, a.MountPath), cmp.Or(volume.Storage, a.Storage)
			}
		}
		o.Volumes = append(o.Volumes, volume)
		if o.Running && (volume.Place == plan.Attached || volume.Place == plan.Leaving) {
			o.Mounted = append(o.Mounted, volume.Mount)
		}
	}
	return o
}

func asAsked(o *plan.Observed, d plan.Desired) {
	o.SearchDomain, o.Nameservers = d.SearchDomain, d.Nameservers
	o.Net, o.NetPresent = d.Net, true
	o.CPU = d.CPU
	o.Unprivileged, o.Nesting, o.OnBoot, o.BootOrder = d.Unprivileged, d.Nesting, d.OnBoot, d.BootOrder
	for _, v := range d.Volumes {
		o.Volumes = append(o.Volumes, plan.ObservedVolume{Name: v.Name, Storage: v.Storage,
			Mount: plan.Mount{MountPath: v.MountPath, Backup: v.Backup, ReadOnly: v.ReadOnly}})
	}
}

func bytesOf(quantity string) int64 {
	q, err := resource.ParseQuantity(quantity)
	if err != nil {
		return 0
	}
	return q.Value()
}
