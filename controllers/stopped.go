package controllers

import (
	"context"
	"fmt"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// judgeStop decides whether a container that stopped stays so, as restartPolicy says: with never always, with unless-stopped when a
// person stopped it. Either holds until the spec changes or a start is asked for, which is why the stop is remembered.
func (r *ServiceReconciler) judgeStop(ctx context.Context, p *pass) *Outcome {
	s := &p.svc.Status
	r.forgiveCrashes(p)
	switch {
	case !p.observed.Exists || p.observed.Running:
		s.Stopped = nil
		return nil
	case !p.desired.Run:
		s.Stopped = p.stopSeen("") // enabling it again changes the spec, and so asks for a start
		return nil
	case s.Stopped != nil:
		p.desired.KeepStopped = *s.Stopped == *p.stopSeen(s.Stopped.By)
		return nil
	case len(s.RestartOwed) > 0:
		return nil // the second half of a restart of ours
	case s.FirstReadyTime == nil:
		if p.fell() {
			r.noteCrash(p)
		}
		return nil // it has to come up once, whatever its policy
	}
	return r.judgeByPolicy(ctx, p)
}

// judgeByPolicy asks restartPolicy about a container that ran once and is stopped.
func (r *ServiceReconciler) judgeByPolicy(ctx context.Context, p *pass) *Outcome {
	s := &p.svc.Status
	switch p.svc.Spec.RestartPolicy {
	case v1alpha1.RestartAlways:
	case v1alpha1.RestartNever:
		s.Stopped = p.stopSeen("")
	default:
		who, err := p.session.inventory.StoppedBy(ctx, p.guest.Node, p.guest.VMID)
		if err != nil {
			o := classify(err, fmt.Sprintf("see who stopped container %d on %s", p.guest.VMID, p.guest.Node))
			return &o
		}
		if who != "" && !p.session.isUs(who) {
			s.Stopped = p.stopSeen(who)
		}
	}
	p.desired.KeepStopped = s.Stopped != nil
	if !p.desired.KeepStopped && p.fell() {
		r.noteCrash(p)
	}
	return nil
}

func (p *pass) stopSeen(by string) *v1alpha1.Stopped {
	return &v1alpha1.Stopped{By: by, Generation: p.svc.Generation, StartRequest: p.svc.Annotations[v1alpha1.StartAnnotation]}
}

// leftStopped is the outcome of a container that is left as it is.
func (p *pass) leftStopped() Outcome {
	s := p.svc.Status
	why := fmt.Sprintf("is stopped, and restartPolicy %s leaves it so", p.svc.Spec.RestartPolicy)
	if s.Stopped != nil && s.Stopped.By != "" {
		why = fmt.Sprintf("was stopped by %s, and restartPolicy %s leaves it so", s.Stopped.By, p.svc.Spec.RestartPolicy)
	}
	return failing(v1alpha1.ReasonStopped, "Container %d %s; start it with `kubectl annotate --overwrite nms %s %s=\"$(date)\"`, or on Proxmox",
		s.VMID, why, p.svc.Name, v1alpha1.StartAnnotation)
}
