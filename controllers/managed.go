package controllers

import (
	"slices"

	"github.com/nixmox/nixmox-controller/internal/plan"
)

// manageOptions makes wishes of the optional settings that the spec named once and names no more: they are taken back. Which those are is
// remembered before any of them is set, for an option that nobody ever asked for is left as somebody else made it.
func (p *pass) manageOptions() {
	p.desired.AsRoot = p.session.asRoot()
	p.options = p.desired.Options.Set()
	named := slices.Clone(p.svc.Status.Managed)
	if !p.desired.AsRoot {
		named = slices.DeleteFunc(named, plan.RootOnly) // what we cannot have set, we cannot take back
	}
	p.desired.Options = p.desired.Options.TakeBack(named)
	p.svc.Status.Managed = remember(p.svc.Status.Managed, p.options)
}
