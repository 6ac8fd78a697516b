package controllers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// preflight is what was found when it was looked at last.
type preflight struct {
	at    time.Time
	about string // the spec, the credentials and the needs that it is about
	found []v1alpha1.PreflightCheck
	again time.Duration
}

// How long the results hold. Nothing depends on them: they tell people what is missing before a task fails on it.
const (
	preflightGood = time.Hour
	// Something that is missing may be about to be mended: it is looked for again soon at first, then every minute.
	preflightSoon = 10 * time.Second
	preflightBad  = time.Minute
	// preflightLook is added for each list of templates that was read in vain: with fifty nodes there are many.
	preflightLook = 10 * time.Second
)

// The privileges that every container needs, on its /vms path; those of storages and bridges stand beside the checks.
var vmPrivileges = []string{"VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"}

// preflight looks whether what the host and its services need is there for us: privileges, storages, templates and bridges. It costs one
// call, and one for each list of templates, seldom.
// again is when to look anew.
func (s *session) preflight(ctx context.Context, host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService) (found []v1alpha1.PreflightCheck, again time.Duration) {
	name, needs := client.ObjectKeyFromObject(host), needsOf(host, services)
	about := fmt.Sprintf("%d %s %v", host.Generation, s.identity(), needs)
	s.mu.Lock()
	last := s.checked[name]
	s.mu.Unlock()
	if left := last.again - time.Since(last.at); last.about == about && left > 0 {
		return last.found, left
	}
	permissions, err := s.client.Permissions(ctx)
	if err != nil {
		return host.Status.Preflight, preflightBad // it says nothing about the privileges; what else is wrong is said elsewhere
	}
	found = []v1alpha1.PreflightCheck{s.checkPrivileges(permissions, host), s.checkStorages(permissions, needs), s.checkBridges(permissions, needs)}
	checked, looks := s.checkTemplates(ctx, host, needs)
	if checked != nil {
		found = append(found, *checked)
	}
	again = preflightGood
	if slices.ContainsFunc(found, func(c v1alpha1.PreflightCheck) bool { return !c.OK }) {
		again = preflightSoon
		if last.about == about {
			again = min(2*last.again, preflightBad) + time.Duration(looks)*preflightLook
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked[name] = preflight{at: time.Now(), about: about, found: found, again: again}
	return found, again
}

func (s *session) checkPrivileges(permissions proxmox.Permissions, host *v1alpha1.NixMoxHost) v1alpha1.PreflightCheck {
	path := fmt.Sprintf("/vms/%d", host.Spec.VMIDRange.From)
	missing := lackingAt(permissions, path, vmPrivileges)
	if len(missing) == 0 {
		return v1alpha1.PreflightCheck{Name: "privileges", OK: true, Message: "All that containers need on /vms is granted"}
	}
	return v1alpha1.PreflightCheck{
		Name: "privileges", Message: fmt.Sprintf("%s lacks %s on /vms", s.identity(), strings.Join(missing, ", ")),
		Fix: fmt.Sprintf("pveum role add NixMoxMissing --privs \"%s\" && %s", strings.Join(missing, " "), s.grant("/vms", "NixMoxMissing")),
	}
}

// lack is one thing that is missing, and the line that mends it.
type lack struct{ message, fix string }

// summary is a check of several things of one kind: all that is missing, or that nothing is.
func summary(name, good string, lacks []lack) v1alpha1.PreflightCheck {
	if len(lacks) == 0 {
		return v1alpha1.PreflightCheck{Name: name, OK: true, Message: good}
	}
	check := v1alpha1.PreflightCheck{Name: name}
	var messages, fixes []string
	for _, l := range lacks {
		messages, fixes = append(messages, l.message), append(fixes, l.fix)
	}
	slices.Sort(fixes)
	check.Message, check.Fix = strings.Join(messages, "; "), strings.Join(slices.Compact(fixes), " && ")
	return check
}

func (s *session) checkStorages(permissions proxmox.Permissions, n needs) v1alpha1.PreflightCheck {
	var lacks []lack
	for _, name := range n.storages {
		path := "/storage/" + name
		switch missing := lackingAt(permissions, path, []string{"Datastore.AllocateSpace", "Datastore.Audit"}); {
		case len(missing) > 0:
			lacks = append(lacks, lack{fmt.Sprintf("%s lacks %s on %s", s.identity(), strings.Join(missing, ", "), path), s.grant(path, "PVEDatastoreUser")})
		case !s.inventory.StorageAnywhere(name):
			lacks = append(lacks, lack{fmt.Sprintf("Proxmox has no storage %q, which %s", name, n.whose(name)), "pvesm status"})
		}
	}
	return summary("storages", "Can be used: "+list(n.storages), lacks)
}

func (s *session) checkBridges(permissions proxmox.Permissions, n needs) v1alpha1.PreflightCheck {
	var lacks []lack
	for _, bridge := range n.bridges {
		at := "/sdn/zones/localnetwork/" + bridge
		if !mayUseBridge(permissions, bridge) {
			lacks = append(lacks, lack{fmt.Sprintf("%s lacks SDN.Use on %s", s.identity(), at), s.grant(at, "PVESDNUser")})
		}
	}
	return summary("bridge", "Can be used: "+list(n.bridges), lacks)
}

// mayUseBridge is whether a bridge of the node, or a network of any SDN zone with that name, may be used. Which zone a network is of we cannot see.
func mayUseBridge(permissions proxmox.Permissions, bridge string) bool {
	const zones = "/sdn/zones/"
	if permissions.Has(zones+"localnetwork/"+bridge, "SDN.Use") {
		return true
	}
	for path := range permissions {
		below, isZone := strings.CutPrefix(path, zones)
		zone, _, _ := strings.Cut(below, "/")
		if isZone && zone != "localnetwork" && permissions.Has(zones+zone+"/"+bridge, "SDN.Use") {
			return true
		}
	}
	return false
}

// checkTemplates looks for the templates on the nodes that may hold containers; nil when nobody names one. looks is how many lists that may
// have taken.
func (s *session) checkTemplates(ctx context.Context, host *v1alpha1.NixMoxHost, n needs) (c *v1alpha1.PreflightCheck, looks int) {
	if len(n.templates) == 0 {
		return nil, 0
	}
	nodes := s.inventory.Nodes()
	allowed := slices.Sorted(maps.Keys(nodes))
	allowed = slices.DeleteFunc(allowed, func(name string) bool {
		return !nodes[name].Online || len(host.Spec.Nodes) > 0 && !slices.Contains(host.Spec.Nodes, name)
	})
	var lacks []lack
	for _, template := range n.templates {
		storage, _, _ := strings.Cut(template, ":")
		there := slices.ContainsFunc(allowed, func(node string) bool {
			looks++
			return s.hasTemplate(ctx, node, storage, template)
		})
		if !there {
			lacks = append(lacks, lack{
				fmt.Sprintf("No node shows us the template %s, which %s: it is not there, or Datastore.Audit on /storage/%s is missing", template, n.whose(template), storage),
				"pveam list " + storage,
			})
		}
	}
	checked := summary("template", "There: "+list(n.templates), lacks)
	return &checked, looks
}

func lackingAt(permissions proxmox.Permissions, path string, wanted []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(privilege string) bool { return permissions.Has(path, privilege) })
}

// grant is the line that gives us a role. With privilege separation a token has what both it and its user have.
func (s *session) grant(path, role string) string {
	user, _, token := strings.Cut(s.identity(), "!")
	line := fmt.Sprintf("pveum acl modify %s --users %s --roles %s", path, user, role)
	if token {
		line += fmt.Sprintf(" && pveum acl modify %s --tokens '%s' --roles %s", path, s.identity(), role)
	}
	return line
}
