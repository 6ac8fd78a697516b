package nixmox

import (
	"fmt"
	"slices"
	"strings"
)

// host is the object that holds the manifest's network, phases and health settings.
func (c *converter) host(m *attrs) Object {
	before := len(c.result.Notes)
	meta := map[string]any{"name": c.opts.Host}
	if c.opts.Namespace != "" {
		meta["namespace"] = c.opts.Namespace
	}
	endpoints := make([]any, len(c.opts.Endpoints))
	for i, e := range c.opts.Endpoints {
		endpoints[i] = e
	}
	spec := map[string]any{
		"instance": c.opts.Instance, "endpoints": endpoints, "credentialsRef": map[string]any{"name": c.opts.SecretName},
		"network":  c.network(m.set("network")),
		"defaults": map[string]any{"template": c.opts.Template, "storage": c.opts.Storage},
	}
	if phases := c.phases(m); len(phases) > 0 {
		spec["phases"] = phases
	}
	if len(c.hostPaths) > 0 {
		slices.Sort(c.hostPaths)
		spec["policy"] = map[string]any{"hostPaths": toAny(c.hostPaths)}
	}
	if len(c.defaults) > 0 {
		spec["health"] = c.defaults
	}
	return Object{Kind: "NixMoxHost", Name: c.opts.Host, Content: object("NixMoxHost", meta, spec), Notes: slices.Clone(c.result.Notes[before:])}
}

func (c *converter) network(n *attrs) map[string]any {
	out := map[string]any{"bridge": c.opts.Bridge}
	if cidr, ok := n.text("network_cidr"); ok {
		out["cidr"] = cidr
	} else {
		c.problem(n.at("network_cidr"), "the network of the containers is not given, such as 192.168.1.0/24")
	}
	for theirs, ours := range map[string]string{"gateway": "gateway", "domain": "domain"} {
		if text, ok := n.text(theirs); ok {
			out[ours] = text
		}
	}
	if servers := n.texts("dns_server"); len(servers) > 0 {
		out["dnsServers"] = toAny(servers)
	}
	if tag, ok := n.integer("vlan_tag"); ok && tag != 0 {
		out["vlanTag"] = tag
	}
	if keys := n.texts("ssh_keys"); len(keys) > 0 {
		for i := range keys {
			keys[i] = strings.TrimSpace(keys[i])
		}
		out["sshPublicKeys"] = toAny(keys)
	}
	n.rest("unknown key; not taken over")
	return out
}

type phase struct {
	name     string
	services []string
}

// phases are the manifest's own, with the core services before them; without any, and with core services, those in the order of their
// dependencies and the others after them.
func (c *converter) phases(m *attrs) []any {
	given := c.givenPhases(m)
	listed := map[string]bool{}
	for _, p := range given {
		for _, s := range p.services {
			listed[s] = true
		}
	}
	var core []string
	for _, s := range c.core {
		if !listed[s] {
			core = append(core, s)
		}
	}
	var all []phase
	for i, group := range c.levels(core) {
		all = append(all, phase{fmt.Sprintf("core %d", i+1), group})
	}
	if len(all) == 1 {
		all[0].name = "core"
	}
	if len(given) == 0 && len(core) > 0 {
		for i, group := range c.levels(c.others) {
			given = append(given, phase{fmt.Sprintf("services %d", i+1), group})
		}
	}
	var out []any
	names := map[string]bool{}
	for _, p := range append(all, given...) {
		name := p.name
		for n := 2; names[name]; n++ {
			name = fmt.Sprintf("%s %d", p.name, n)
		}
		names[name] = true
		out = append(out, map[string]any{"name": name, "services": toAny(p.services)})
	}
	return out
}

// levels groups services by what they depend on among themselves; what is in a circle comes last, and validation names it.
func (c *converter) levels(names []string) [][]string {
	var groups [][]string
	placed := map[string]bool{}
	left := slices.Clone(names)
	for len(left) > 0 {
		var group, rest []string
		for _, name := range left {
			waits := slices.ContainsFunc(c.dependsOn[name], func(d string) bool { return slices.Contains(left, d) && !placed[d] })
			if waits {
				rest = append(rest, name)
			} else {
				group = append(group, name)
			}
		}
		if len(group) == 0 {
			return append(groups, rest)
		}
		for _, name := range group {
			placed[name] = true
		}
		groups, left = append(groups, group), rest
	}
	return groups
}

func toAny(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
