package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// This file moves a container to another node, when an annotation asks for it: spec.node alone says where one is made.

// moveRetry is the pause after a move that failed in its task: each attempt may interrupt the service.
const moveRetry = time.Hour

// judgeMove wishes for the container to be moved where somebody asked for that, and takes the request off once it is there.
func (r *ServiceReconciler) judgeMove(ctx context.Context, p *pass) *Outcome {
	if !p.observed.Exists || p.onTrust {
		return nil
	}
	s := &p.svc.Status
	p.observed.Node = p.guest.Node
	target := p.svc.Annotations[v1alpha1.MigrateAnnotation]
	if target == "" || target == p.guest.Node {
		p.forgetMove()
	}
	switch {
	case target == "":
		return nil
	case target == p.guest.Node:
		s.Placement = "moved there, as the annotation " + v1alpha1.MigrateAnnotation + " asked"
		return r.useUp(ctx, p, v1alpha1.MigrateAnnotation)
	case s.Failure != nil && s.Failure.Kind == string(plan.Migrate) && !p.observed.Running && p.desired.Run && len(s.RestartOwed) > 0:
		return nil // the attempt left it stopped: first it is started where it is
	}
	p.desired.Node, p.desired.NodeRefused = target, p.cannotMove(target)
	return nil
}

// forgetMove drops what is remembered of a move that nobody asks for any more. What it owes a container that stands still is its start.
func (p *pass) forgetMove() {
	s := &p.svc.Status
	if s.Failure != nil && s.Failure.Kind == string(plan.Migrate) {
		s.Failure = nil
	}
	if p.observed.Running {
		s.RestartOwed = withoutOwed(s.RestartOwed, string(plan.FieldNode))
	}
}

// cannotMove says what keeps the container from another node, and what to do; empty when nothing does.
func (p *pass) cannotMove(target string) string {
	undo := fmt.Sprintf("or take the request back with `kubectl annotate nms %s %s-`", p.svc.Name, v1alpha1.MigrateAnnotation)
	nodes := p.session.inventory.Nodes()
	_, known := nodes[target]
	bound, lacking := p.bindMounts(), p.storagesMissingOn(target)
	switch allowed := p.host.Spec.Nodes; {
	case p.svc.Spec.Node != "" && p.svc.Spec.Node != target:
		return fmt.Sprintf("spec.node says %s: write %s there first, %s", p.svc.Spec.Node, target, undo)
	case len(allowed) > 0 && !slices.Contains(allowed, target):
		return fmt.Sprintf("host %s does not allow it, only %s (spec.nodes): choose one of them, %s", p.host.Name, list(allowed), undo)
	case !known:
		return fmt.Sprintf("Proxmox has no such node, only %s: choose one of them, %s", list(slices.Sorted(maps.Keys(nodes))), undo)
	case p.guest.HAState != "":
		return fmt.Sprintf("Proxmox's HA manager decides where container %d runs: move it with `ha-manager migrate ct:%d %s`, which is followed, %s",
			p.guest.VMID, p.guest.VMID, target, undo)
	case len(lacking) > 0:
		return fmt.Sprintf("there is no storage %s on %s, and a volume is not put on another: make it available there, %s", list(lacking), target, undo)
	case len(bound) > 0:
		return fmt.Sprintf("%s of %s, which %s may not have: take it out of the container first, or mark it with shared=1 if the same is on every node, %s",
			list(bound), p.guest.Node, target, undo)
	}
	return ""
}

// storagesMissingOn are the storages of the container's volumes that another node does not have. One that no node shows is not counted:
// Proxmox will tell.
func (p *pass) storagesMissingOn(node string) []string {
	var missing []string
	for _, config := range []*proxmox.Config{p.view.Live, p.view.Future} {
		disks := append(slices.Collect(maps.Values(config.Mounts)), config.RootFS)
		for _, id := range config.Unused {
			disks = append(disks, proxmox.Mount{Volume: id})
		}
		for _, disk := range disks {
			name := disk.Storage()
			if _, here := p.session.inventory.Storage(node, name); name != "" && !here && p.session.inventory.StorageAnywhere(name) {
				missing = append(missing, name)
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// bindMounts are the paths and devices of the node that the container has mounted and that nobody declared to be on every node.
func (p *pass) bindMounts() []string {
	var bound []string
	for _, config := range []*proxmox.Config{p.view.Live, p.view.Future} {
		for index, m := range config.Mounts {
			if strings.HasPrefix(m.Volume, "/") && !m.Shared {
				bound = append(bound, fmt.Sprintf("%s mounts %s", proxmox.MountKey(index), m.Volume))
			}
		}
	}
	slices.Sort(bound)
	return slices.Compact(bound)
}

// movable holds a move back while its target is down, and asks Proxmox, where it can be asked, whether its rules allow it.
func (r *ServiceReconciler) movable(ctx context.Context, p *pass, s plan.Step) *Outcome {
	if s.Kind != plan.Migrate {
		return nil
	}
	if n := p.session.inventory.Nodes()[s.Node]; !n.Online {
		o := waiting(v1alpha1.ReasonNodeUnavailable, "Waiting for node %s, which is offline, before: %s", s.Node, s).again(later)
		return &o
	}
	// Somebody may have given it a mount point that it cannot be moved with since it was read.
	view, err := p.session.inventory.Fresh(ctx, p.guest.Node, p.guest.VMID)
	if err == nil && view.Live.Digest != p.view.Live.Digest {
		o := waiting(v1alpha1.ReasonRetrying, "Container %d was edited before it was to be moved; looking again", p.guest.VMID).again(time.Millisecond)
		return &o
	}
	if err != nil {
		o := classify(err, fmt.Sprintf("read container %d before it is moved", p.guest.VMID))
		return &o
	}
	why, err := p.session.client.MayMigrate(ctx, p.guest.Node, p.guest.VMID, s.Node)
	switch {
	case err != nil:
		o := classify(err, fmt.Sprintf("ask whether container %d may be moved from %s to %s", p.guest.VMID, p.guest.Node, s.Node))
		return &o
	case why != "":
		o := stalled(v1alpha1.ReasonChangeRefused, "Container %d is not moved from %s to %s: %s; choose another node, or take the request back with "+
			"`kubectl annotate nms %s %s-`", p.guest.VMID, p.guest.Node, s.Node, why, p.svc.Name, v1alpha1.MigrateAnnotation).again(time.Minute)
		return &o
	}
	return nil
}

// elsewhereNote begins what a verdict says of a container that is not on the node of its spec.
const elsewhereNote = "; it is on node "

// noteNode says that a container is not on the node that the spec names: somebody moved it, or spec.node was changed. That alone moves
// nothing.
func (p *pass) noteNode(o Outcome) Outcome {
	wanted, node := p.svc.Spec.Node, p.guest.Node
	o.Message, _, _ = strings.Cut(o.Message, elsewhereNote) // a message from before a restart has it already
	if wanted != "" && node != "" && wanted != node && o.Class == Settled && p.observed.Exists {
		o.Message += fmt.Sprintf("%s%s, and spec.node says %s: to have it moved by a restart, kubectl annotate nms %s %s=%s",
			elsewhereNote, node, wanted, p.svc.Name, v1alpha1.MigrateAnnotation, wanted)
	}
	return o
}

// moveFailed says when a move that failed in its task is tried again. One that found the container busy has not begun.
func (r *ServiceReconciler) moveFailed(ctx context.Context, p *pass, op *v1alpha1.Operation, said string) {
	p.session.inventory.Invalidate(proxmox.VMID(op.VMID))
	if err := p.session.inventory.Refresh(ctx); err != nil {
		p.log.V(1).Info("The list could not be read after a move that failed", "error", err.Error())
	}
	if !proxmox.IsLockTimeout(&proxmox.TaskError{ExitStatus: said}) {
		p.svc.Status.Failure.RetryAt.Time = p.now.Add(max(moveRetry, r.Timing.retry(p.svc.Status.Failure.Count)))
	}
}
