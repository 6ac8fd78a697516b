package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// seeded makes a scene whose services are up already: objects with their status, and containers with their marker, both stamped after a
// sample that the controller itself rolled out. That it finds nothing to do on them proves the stamp: a detail that it would have written
// otherwise is a write or a call too many.
func (b *bench) seeded(ctx context.Context, s shape) (*scene, error) {
	one := s
	one.services, one.nodes, one.create, one.start, one.ready = 1, 1, 0.2, 0.2, 0.1
	sample, err := b.lab.scene(ctx, one)
	if err != nil {
		return nil, err
	}
	if _, err := sample.rollOut(ctx); err != nil {
		return nil, err
	}
	if err := pause(ctx, settleTime); err != nil { // by then the list shows it
		return nil, err
	}
	original := &v1alpha1.NixMoxService{}
	if err := b.lab.client.Get(ctx, client.ObjectKey{Namespace: sample.namespace, Name: serviceName(0)}, original); err != nil {
		return nil, err
	}
	container, found := sample.sim.Container(firstVMID)
	if !found {
		return nil, fmt.Errorf("the sample has no container %d", firstVMID)
	}
	if err := sample.remove(ctx); err != nil {
		return nil, err
	}
	if err := b.lab.stopController(); err != nil {
		return nil, err
	}
	c, err := b.lab.space(ctx, s)
	if err != nil {
		return nil, err
	}
	c.stamped = true
	_, services := s.manifests(c.namespace, c.number, "")
	for _, svc := range services {
		svc.Finalizers = []string{v1alpha1.Finalizer}
	}
	if err := c.apply(ctx, services); err != nil {
		return nil, err
	}
	world := s.world(c.number)
	stamps := make([]stamp, len(services))
	for i, svc := range services {
		stamps[i] = newStamp(sample, original, c, svc, i)
		world.Containers = append(world.Containers, stamps[i].container(container))
	}
	if err := c.serve(world); err != nil {
		return nil, err
	}
	err = each(len(services), func(i int) error {
		services[i].Status = stamps[i].status(original)
		return c.lab.client.Status().Update(ctx, services[i])
	})
	if err != nil {
		return nil, err
	}
	host, _ := s.manifests(c.namespace, c.number, c.endpoint)
	if err := b.lab.client.Create(ctx, host); err != nil {
		return nil, err
	}
	return c, b.lab.startController(ctx)
}

// each does something to many, a few at a time.
func each(n int, do func(i int) error) error {
	const workers = 8
	var group sync.WaitGroup
	errs := make(chan error, workers)
	for first := range workers {
		group.Go(func() {
			for i := first; i < n; i += workers {
				if err := do(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(errs)
	return <-errs
}

// stamp turns what is the sample's into what is another service's.
type stamp struct {
	vmid     int
	node     string
	uid      string
	host     string
	service  string
	replacer *strings.Replacer
}

func newStamp(sample *scene, original *v1alpha1.NixMoxService, c *scene, svc *v1alpha1.NixMoxService, i int) stamp {
	vmid := firstVMID + i
	mac := fmt.Sprintf("BC:24:11:%02X:%02X:%02X", i>>16&0xff, i>>8&0xff, i&0xff)
	return stamp{
		vmid: vmid, node: nodeName(i % c.shape.nodes), uid: string(svc.UID), host: c.namespace + "/default", service: c.namespace + "/" + svc.Name,
		replacer: strings.NewReplacer(
			original.Spec.IP, svc.Spec.IP,
			fmt.Sprintf("10.%d.255.254", sample.number), fmt.Sprintf("10.%d.255.254", c.number),
			original.Name, svc.Name,
			original.Status.Observed.MACAddress, mac,
			fmt.Sprintf("-%d-", firstVMID), fmt.Sprintf("-%d-", vmid),
			fmt.Sprintf("ontainer %d is on %s", firstVMID, original.Status.Node), fmt.Sprintf("ontainer %d is on %s", vmid, nodeName(i%c.shape.nodes)),
		),
	}
}

func (s stamp) container(original pvesim.Container) pvesim.Guest {
	config := maps.Clone(original.Config)
	for key, value := range config {
		config[key] = s.replacer.Replace(value)
	}
	m, rest, _ := marker.Parse(original.Config["description"])
	m.VMID, m.UID, m.Host, m.Service = s.vmid, s.uid, s.host, s.service
	config["description"] = m.Render(rest)
	return pvesim.Guest{VMID: s.vmid, Node: s.node, Running: true, Config: config}
}

func (s stamp) status(original *v1alpha1.NixMoxService) v1alpha1.NixMoxServiceStatus {
	status := *original.Status.DeepCopy()
	status.VMID, status.Node = int32(s.vmid), s.node
	if status.Ownership != nil {
		status.Ownership.UID = s.uid
	}
	for i := range status.Conditions {
		status.Conditions[i].Message = s.replacer.Replace(status.Conditions[i].Message)
	}
	for i := range status.Checks {
		status.Checks[i].Check, status.Checks[i].Message = s.replacer.Replace(status.Checks[i].Check), s.replacer.Replace(status.Checks[i].Message)
	}
	o := status.Observed
	for _, text := range []*string{&o.IP, &o.Hostname, &o.Gateway, &o.MACAddress, &o.RootVolume} {
		*text = s.replacer.Replace(*text)
	}
	return status
}

// seed is the measure that begins with healthy services. What the controller writes to them when it sees them first is counted.
func seed(s shape) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		c, err := b.seeded(ctx, s)
		if err != nil {
			return err
		}
		versions, err := b.lab.versions(ctx)
		if err != nil {
			return err
		}
		if err := until(ctx, 5*time.Minute, "the host counts its services as ready", func() (bool, error) {
			host := &v1alpha1.NixMoxHost{}
			err := b.lab.client.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: "default"}, host)
			return host.Status.Services == fmt.Sprintf("%d/%[1]d", s.services), err
		}); err != nil {
			return err
		}
		if _, _, err := b.lab.calm(ctx); err != nil {
			return err
		}
		now, err := b.lab.versions(ctx)
		if err != nil {
			return err
		}
		written := 0
		for name, v := range now {
			if strings.Contains(name, "NixMoxService") && versions[name] != v {
				written++
			}
		}
		b.table.atMost(orderCold+10, fmt.Sprintf("writes to %d healthy services that the controller sees for the first time", s.services), "%.0f", float64(written), 0, "")
		return b.keepOrRemove(ctx, c, true)
	}
}

// readAll asks for a look at every service of a seeded scene, so that the controller has read every configuration, as it has hours after a
// restart.
func (c *scene) readAll(ctx context.Context) error {
	var all v1alpha1.NixMoxServiceList
	if err := c.lab.client.List(ctx, &all, client.InNamespace(c.namespace)); err != nil {
		return err
	}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"bench"}}}`, v1alpha1.RequestedAtAnnotation))
	if err := each(len(all.Items), func(i int) error { return c.lab.client.Patch(ctx, &all.Items[i], patch) }); err != nil {
		return err
	}
	return until(ctx, 10*time.Minute, "every service was looked at", func() (bool, error) {
		if err := c.lab.client.List(ctx, &all, client.InNamespace(c.namespace)); err != nil {
			return false, err
		}
		for i := range all.Items {
			if all.Items[i].Status.LastHandledReconcileAt != "bench" {
				return false, pause(ctx, time.Second)
			}
		}
		return true, nil
	})
}
