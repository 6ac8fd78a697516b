package controllers

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// rememberedVolumes is what the status knows about the volumes, for what the marker does not say.
func rememberedVolumes(svc *v1alpha1.NixMoxService) map[string]plan.RememberedVolume {
	remembered := map[string]plan.RememberedVolume{}
	if o := svc.Status.Observed; o != nil {
		for _, v := range o.Volumes {
			remembered[v.Name] = plan.RememberedVolume{Key: v.Key, Volume: v.Volume, MountPath: v.MountPath}
		}
	}
	return remembered
}

// takeBound takes paths of the node that somebody mounted by hand, just where and what the service asks for, to be its volumes: who has
// no credentials of root@pam has no other way.
func (p *pass) takeBound(remembered map[string]plan.RememberedVolume) {
	found, _, _ := marker.Parse(p.view.Future.Description)
	for _, w := range p.desired.Volumes {
		_, known := remembered[w.Name]
		if _, marked := found.Volumes[w.Name]; w.HostPath == "" || known || marked {
			continue
		}
		for index, m := range p.view.Future.Mounts {
			if m.Volume == w.HostPath && m.Path == w.MountPath {
				remembered[w.Name] = plan.RememberedVolume{Key: proxmox.MountKey(index), Volume: m.Volume, MountPath: m.Path}
			}
		}
	}
}

// seekLost asks the storage for volumes that the configuration does not have.
func (r *ServiceReconciler) seekLost(ctx context.Context, p *pass) *Outcome {
	volumes, err := plan.SettleLost(p.observed.Volumes, p.desired.Volumes, func(v plan.ObservedVolume) (bool, error) {
		if v.Storage == "" {
			return false, nil
		}
		there, err := p.session.inventory.VolumeExists(ctx, p.guest.Node, v.Storage, v.Volume)
		if err != nil {
			return false, fmt.Errorf("look for volume %s (%s): %w", v.Name, v.Volume, err)
		}
		return there, nil
	})
	if err != nil {
		o := classify(err, fmt.Sprintf("look for the volumes of container %d", p.guest.VMID))
		return &o
	}
	p.observed.Volumes = volumes
	return nil
}

// volumesStatus are the volumes that are known by name.
func volumesStatus(volumes []plan.ObservedVolume) []v1alpha1.ObservedVolume {
	var all []v1alpha1.ObservedVolume
	for _, v := range volumes {
		if v.Name == "" {
			continue
		}
		s := v1alpha1.ObservedVolume{Name: v.Name, Key: v.Key, Volume: v.Volume, MountPath: v.MountPath, State: string(v.Place)}
		if v.Bytes > 0 {
			s.Size = quantity(v.Bytes)
		}
		all = append(all, s)
	}
	return all
}

// markVolumes has the marker say where each volume was found. Of one that was not found it goes on saying what it said.
func (p *pass) markVolumes() {
	keys, ids := map[string]string{}, map[string]string{}
	for _, v := range p.observed.Volumes {
		if v.Name == "" {
			continue
		}
		if key := p.marker.Volumes[v.Name]; v.Place == plan.Lost && key != "" {
			keys[v.Name] = key
		}
		if v.Place == plan.Attached {
			keys[v.Name] = v.Key
		}
		if v.Volume != "" && !strings.HasPrefix(v.Volume, "/") {
			ids[v.Name] = v.Volume
		}
	}
	p.marker.Volumes, p.marker.VolumeIDs = keys, ids
}

// grant remembers the sizes that were asked for and given, once nothing remains to be done. Those of detached volumes stay: they may come
// back.
func grant(p *pass) {
	granted := map[string]string{rootGrant: quantity(p.desired.RootBytes)}
	for _, v := range p.observed.Volumes {
		if was, known := p.svc.Status.Granted[v.Name]; known && v.Place != plan.Attached {
			granted[v.Name] = was
		}
	}
	for _, v := range p.desired.Volumes {
		if v.HostPath == "" {
			granted[v.Name] = quantity(v.Bytes)
		}
	}
	if !maps.Equal(granted, p.svc.Status.Granted) {
		p.svc.Status.Granted = granted
	}
	p.svc.Status.Managed = p.options // what was to be taken back is
}
