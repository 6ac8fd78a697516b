package pvesim

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	nodeName     = regexp.MustCompile(`(?i)^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`)
	storageName  = regexp.MustCompile(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]$`)
	tokenName    = regexp.MustCompile(`^[^\s:/@!]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$`)
	macPrefix    = regexp.MustCompile(`(?i)^[a-f0-9][02468ace](?::[a-f0-9]{2}){0,4}$`)
	storageTypes = []string{"dir", "btrfs", "zfspool", "lvmthin", "lvm", "nfs", "cifs", "rbd"}
)

// check looks for contradictions, section by section. Each message starts with the path of the field.
func (w *World) check() error {
	for _, section := range []func() error{
		w.checkNodes, w.checkStorages, w.checkBridges, w.checkAccess, w.checkGuests, w.checkDurations, w.checkLoopback, w.checkServices,
	} {
		if err := section(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) checkNodes() error {
	if len(w.Nodes) == 0 {
		return fmt.Errorf("node: give a node, or a list of nodes")
	}
	if w.Node != nil {
		return fmt.Errorf("node: give either node or nodes, not both")
	}
	seen := make(map[string]bool)
	for i, node := range w.Nodes {
		at := fmt.Sprintf("nodes[%d]", i)
		switch {
		case !nodeName.MatchString(node.Name):
			return fmt.Errorf("%s.name: %q is no node name", at, node.Name)
		case seen[node.Name]:
			return fmt.Errorf("%s.name: %s is there twice", at, node.Name)
		case node.CPUs < 1:
			return fmt.Errorf("%s.cpus: must be at least 1", at)
		case node.MemoryMiB < 1:
			return fmt.Errorf("%s.memory: must be at least 1 (MiB)", at)
		case node.Status != "online" && node.Status != "offline":
			return fmt.Errorf("%s.status: must be online or offline, not %q", at, node.Status)
		}
		seen[node.Name] = true
	}
	return nil
}

func (w *World) hasNode(name string) bool {
	return slices.ContainsFunc(w.Nodes, func(node Node) bool { return node.Name == name })
}

func (w *World) checkStorages() error {
	for _, name := range slices.Sorted(maps.Keys(w.Storages)) {
		storage := w.Storages[name]
		if !storageName.MatchString(name) {
			return fmt.Errorf("storages.%s: this is no storage name", name)
		}
		if !slices.Contains(storageTypes, storage.Type) {
			return fmt.Errorf("storages.%s.type: %q is none of %s", name, storage.Type, strings.Join(storageTypes, ", "))
		}
		for _, node := range storage.Nodes {
			if !w.hasNode(node) {
				return fmt.Errorf("storages.%s.nodes: there is no node %q", name, node)
			}
		}
	}
	for i, template := range w.Templates {
		storage, rest, found := strings.Cut(template.VolID, ":")
		if _, known := w.Storages[storage]; !found || !known || !strings.HasPrefix(rest, "vztmpl/") {
			return fmt.Errorf("templates[%d].volid: %q is not STORAGE:vztmpl/FILE with a storage of this world", i, template.VolID)
		}
		if template.OSType == "" {
			return fmt.Errorf("templates[%d].ostype: is missing", i)
		}
	}
	return nil
}

func (w *World) checkBridges() error {
	if !macPrefix.MatchString(w.MACPrefix) {
		return fmt.Errorf("mac_prefix: %q is no start of a unicast MAC address", w.MACPrefix)
	}
	for name, bridge := range w.Bridges {
		if _, err := netip.ParsePrefix(bridge.CIDR); bridge.CIDR != "" && err != nil {
			return fmt.Errorf("bridges.%s.cidr: %q is no network address", name, bridge.CIDR)
		}
	}
	return nil
}

func (w *World) checkAccess() error {
	for name, privileges := range w.Roles {
		for _, privilege := range privileges {
			if !slices.Contains(allPrivileges, privilege) {
				return fmt.Errorf("roles.%s: invalid privilege '%s'", name, privilege)
			}
		}
	}
	for name, user := range w.Users {
		if !strings.Contains(name, "@") {
			return fmt.Errorf("users.%s: a user is written name@realm", name)
		}
		if err := w.checkACL("users."+name, user.ACL); err != nil {
			return err
		}
	}
	for name, token := range w.Tokens {
		if err := w.checkToken("tokens."+name, token); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) checkToken(at string, token Token) error {
	user, _, _ := strings.Cut(token.ID, "!")
	switch {
	case !tokenName.MatchString(token.ID):
		return fmt.Errorf("%s.id: %q is not user@realm!name", at, token.ID)
	case !w.hasUser(user):
		return fmt.Errorf("%s.id: there is no user %q", at, user)
	case token.Secret == "":
		return fmt.Errorf("%s.secret: is missing", at)
	case token.Privsep != 0 && token.Privsep != 1:
		return fmt.Errorf("%s.privsep: must be 0 or 1", at)
	}
	return w.checkACL(at, token.ACL)
}

func (w *World) hasUser(name string) bool {
	_, found := w.Users[name]
	return found
}

func (w *World) checkACL(at string, acl ACL) error {
	for path, role := range acl {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("%s.acl: path %q must begin with a slash", at, path)
		}
		if _, builtin := builtinRoles[role]; !builtin && w.Roles[role] == nil {
			return fmt.Errorf("%s.acl.%s: there is no role %q", at, path, role)
		}
	}
	return nil
}

func (w *World) checkGuests() error {
	seen := make(map[int]bool)
	for i, guest := range w.Containers {
		at := fmt.Sprintf("containers[%d]", i)
		switch {
		case guest.VMID < 100 || guest.VMID > 999999999:
			return fmt.Errorf("%s.vmid: must be 100 to 999999999", at)
		case seen[guest.VMID]:
			return fmt.Errorf("%s.vmid: %d is there twice", at, guest.VMID)
		case guest.Node != "" && !w.hasNode(guest.Node):
			return fmt.Errorf("%s.node: there is no node %q", at, guest.Node)
		case guest.Type != "" && guest.Type != "lxc" && guest.Type != "qemu":
			return fmt.Errorf("%s.type: must be lxc or qemu, not %q", at, guest.Type)
		}
		seen[guest.VMID] = true
	}
	return nil
}

func (w *World) checkDurations() error {
	for name, seconds := range w.Durations {
		if _, known := defaultDurations[name]; !known {
			return fmt.Errorf("durations.%s: there is no such task type; there are %s", name,
				strings.Join(slices.Sorted(maps.Keys(defaultDurations)), ", "))
		}
		if seconds < 0 {
			return fmt.Errorf("durations.%s: must not be negative", name)
		}
	}
	return nil
}

var loopbackNet = netip.MustParsePrefix("127.0.0.0/8")

func (w *World) checkLoopback() error {
	for from, to := range w.Loopback {
		source, err := netip.ParsePrefix(from)
		if err != nil || source != source.Masked() || !source.Addr().Is4() {
			return fmt.Errorf("loopback: %q is no IPv4 network", from)
		}
		target, err := netip.ParsePrefix(to)
		if err != nil || target != target.Masked() || !target.Addr().Is4() {
			return fmt.Errorf("loopback.%s: %q is no IPv4 network", from, to)
		}
		if !loopbackNet.Contains(target.Addr()) || target.Bits() < loopbackNet.Bits() {
			return fmt.Errorf("loopback.%s: %s is not inside %s", from, to, loopbackNet)
		}
		if source.Bits() != target.Bits() {
			return fmt.Errorf("loopback.%s: %s has another prefix length", from, to)
		}
	}
	return nil
}

func (w *World) checkServices() error {
	for i, service := range w.Services {
		if err := service.check(); err != nil {
			return fmt.Errorf("services[%d].%w", i, err)
		}
	}
	return nil
}
