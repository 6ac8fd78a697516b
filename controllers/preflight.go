package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// preflight is what was found when it was looked at last.
type preflight struct {
	at     time.Time
	forAll string // the spec, the version and the credentials that it is about
	found  []v1alpha1.PreflightCheck
}

// How long the results hold. Nothing depends on them: they tell people what is missing before a task fails on it.
const (
	preflightGood = time.Hour
	preflightBad  = time.Minute
)

// The privileges that every container needs, on its /vms path; those of storages and bridges stand beside the checks.
var vmPrivileges = []string{"VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"}

// preflight looks whether what the host's spec names is there for us: privileges, storages, template and bridge. It costs two calls, seldom.
func (s *session) preflight(ctx context.Context, host *v1alpha1.NixMoxHost) []v1alpha1.PreflightCheck {
	name := client.ObjectKeyFromObject(host)
	about := fmt.Sprintf("%d %s", host.Generation, s.identity())
	s.mu.Lock()
	last := s.checked[name]
	s.mu.Unlock()
	holds := preflightGood
	if slices.ContainsFunc(last.found, func(c v1alpha1.PreflightCheck) bool { return !c.OK }) {
		holds = preflightBad
	}
	if last.forAll == about && time.Since(last.at) < holds {
		return last.found
	}
	permissions, err := s.client.Permissions(ctx)
	if err != nil {
		return host.Status.Preflight // it says nothing about the privileges; what else is wrong is said elsewhere
	}
	found := []v1alpha1.PreflightCheck{s.checkPrivileges(permissions, host), s.checkStorages(permissions, host), s.checkBridge(permissions, host)}
	if c, ok := s.checkTemplate(ctx, host); ok {
		found = append(found, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked[name] = preflight{time.Now(), about, found}
	return found
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

func (s *session) checkStorages(permissions proxmox.Permissions, host *v1alpha1.NixMoxHost) v1alpha1.PreflightCheck {
	check := v1alpha1.PreflightCheck{Name: "storages", OK: true, Message: "Storage " + host.Spec.Defaults.Storage + " can be used"}
	name := host.Spec.Defaults.Storage
	path := "/storage/" + name
	if missing := lackingAt(permissions, path, []string{"Datastore.AllocateSpace", "Datastore.Audit"}); len(missing) > 0 {
		return v1alpha1.PreflightCheck{
			Name: "storages", Message: fmt.Sprintf("%s lacks %s on %s", s.identity(), strings.Join(missing, ", "), path), Fix: s.grant(path, "PVEDatastoreUser"),
		}
	}
	if !s.inventory.StorageAnywhere(name) {
		return v1alpha1.PreflightCheck{Name: "storages", Message: fmt.Sprintf("Proxmox has no storage %q (spec.defaults.storage)", name), Fix: "pvesm status"}
	}
	return check
}

func (s *session) checkBridge(permissions proxmox.Permissions, host *v1alpha1.NixMoxHost) v1alpha1.PreflightCheck {
	bridge := host.Spec.Network.Bridge
	path := "/sdn/zones/localnetwork/" + bridge
	at := path
	if tag := host.Spec.Network.VLANTag; tag != nil {
		at = fmt.Sprintf("%s/%d", path, *tag)
	}
	if missing := lackingAt(permissions, at, []string{"SDN.Use"}); len(missing) > 0 {
		return v1alpha1.PreflightCheck{Name: "bridge", Message: fmt.Sprintf("%s lacks SDN.Use on %s", s.identity(), at), Fix: s.grant(at, "PVESDNUser")}
	}
	return v1alpha1.PreflightCheck{Name: "bridge", OK: true, Message: "Bridge " + bridge + " can be used"}
}

// checkTemplate looks for the default template on the nodes that may hold containers; ok is false when the host names none.
func (s *session) checkTemplate(ctx context.Context, host *v1alpha1.NixMoxHost) (c v1alpha1.PreflightCheck, ok bool) {
	template := host.Spec.Defaults.Template
	if template == "" {
		return c, false
	}
	storage, _, _ := strings.Cut(template, ":")
	for name, node := range s.inventory.Nodes() {
		if node.Online && (len(host.Spec.Nodes) == 0 || slices.Contains(host.Spec.Nodes, name)) && s.hasTemplate(ctx, name, storage, template) {
			return v1alpha1.PreflightCheck{Name: "template", OK: true, Message: "Template " + template + " is there"}, true
		}
	}
	return v1alpha1.PreflightCheck{
		Name: "template", Message: fmt.Sprintf("No node shows us the template %s: it is not there, or Datastore.Audit on /storage/%s is missing", template, storage),
		Fix: "pveam list " + storage,
	}, true
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
