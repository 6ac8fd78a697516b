package nixmox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// service is the content of one service's object.
func (c *converter) service(s *attrs, theirs, ours string, checks *attrs) map[string]any {
	spec := map[string]any{}
	meta := map[string]any{"name": ours}
	if c.opts.Namespace != "" {
		meta["namespace"] = c.opts.Namespace
	}
	if c.opts.Host != "default" {
		spec["hostRef"] = map[string]any{"name": c.opts.Host}
	}
	if on, ok := s.boolean("enable"); ok && !on {
		spec["enable"] = false
	}
	if ip, ok := s.text("ip"); ok {
		spec["ip"] = ip
	} else {
		c.problem(s.at("ip"), "the service has no address")
	}
	spec["hostname"] = ours
	if hostname, ok := s.text("hostname"); ok {
		spec["hostname"] = strings.TrimSuffix(hostname, ".")
	}
	if on := c.dependencies(s, ours); len(on) > 0 {
		spec["dependsOn"] = on
	}
	c.health(s, theirs, checks, spec)
	c.restart(s, spec)
	if resources := c.resources(s.set("resources")); len(resources) > 0 {
		spec["resources"] = resources
	}
	if ports := c.ports(s); len(ports) > 0 {
		spec["ports"] = ports
	}
	if vmid, ok := s.integer("vmid"); ok {
		spec["vmid"] = vmid
	}
	if version, ok := s.text("version"); ok {
		if labelValue.MatchString(version) {
			meta["labels"] = map[string]any{"app.kubernetes.io/version": version}
		} else {
			c.note(s.at("version"), fmt.Sprintf("%q cannot be a label; not taken over", version))
		}
	}
	if environment := c.environment(s.set("environment")); len(environment) > 0 {
		spec["environment"] = environment
		c.hint(s.at("environment"), "taken over; it is written into the container by a command, which needs spec.exec of the host")
	}
	if volumes := c.volumes(s); len(volumes) > 0 {
		spec["volumes"] = volumes
	}
	c.withoutPlace(s)
	s.rest("unknown key; not taken over")
	return object("NixMoxService", meta, spec)
}

var labelValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func object(kind string, meta, spec map[string]any) map[string]any {
	return map[string]any{"apiVersion": "nixmox.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}
}

func (c *converter) dependencies(s *attrs, ours string) []any {
	var on []any
	seen := map[string]bool{}
	for _, name := range s.texts("depends_on") {
		if known, ok := c.names[name]; ok {
			name = known
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		on = append(on, name)
		c.dependsOn[ours] = append(c.dependsOn[ours], name)
	}
	return on
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (c *converter) environment(e *attrs) map[string]any {
	out := map[string]any{}
	for _, name := range e.keys() {
		if on, ok := e.values[name].(bool); ok {
			e.take(name)
			out[name] = fmt.Sprint(on)
			continue
		}
		value, ok := e.text(name)
		switch {
		case !ok:
		case !variable.MatchString(name):
			c.note(e.at(name), "not the name of a variable; not taken over")
		default:
			out[name] = value
		}
	}
	return out
}

// withoutPlace reads the keys that NixMox knows and that have no place here yet.
func (c *converter) withoutPlace(s *attrs) {
	face := s.set("interface")
	for _, key := range face.keys() {
		c.note(face.at(key), "an interface to other services has no place here; not taken over")
	}
}

// restart reads restart_policy, and onboot and start, which follow from it here.
func (c *converter) restart(s *attrs, spec map[string]any) {
	never := false
	if policy, ok := s.text("restart_policy"); ok {
		switch policy {
		case "always", "unless-stopped":
			spec["restartPolicy"] = policy
		case "never", "no", "none":
			spec["restartPolicy"], never = "never", true
		case "on-failure":
			spec["restartPolicy"] = "unless-stopped"
			c.note(s.at("restart_policy"), "on-failure became unless-stopped: a container that ended by itself is started again")
		default:
			c.problem(s.at("restart_policy"), fmt.Sprintf("%q is not always, unless-stopped or never", policy))
		}
	}
	if onboot, ok := s.boolean("onboot"); ok && onboot == never {
		c.note(s.at("onboot"), fmt.Sprintf("%t is not taken over: whether the container starts with the node follows from restartPolicy", onboot))
	}
	if start, ok := s.boolean("start"); ok && !start && spec["enable"] != false {
		c.note(s.at("start"), "false is not taken over: what is enabled is started; set enable: false for a container that is to be stopped")
	}
}

func (c *converter) ports(s *attrs) []any {
	v, ok := s.take("ports")
	if !ok {
		return nil
	}
	var items []any
	switch v := v.(type) {
	case []any:
		items = v
	case map[string]any:
		for _, name := range sortedKeys(v) {
			items = append(items, v[name])
		}
	default:
		items = []any{v}
	}
	var ports []any
	for i, item := range items {
		port, ok := portOf(item)
		if !ok {
			c.note(fmt.Sprintf("%s[%d]", s.at("ports"), i), fmt.Sprintf("%v is not a port such as 5432 or \"53/udp\"; not taken over", item))
			continue
		}
		ports = append(ports, port)
	}
	return ports
}

var portText = regexp.MustCompile(`^[0-9]{1,5}(/(tcp|udp))?$`)

func portOf(item any) (any, bool) {
	text := ""
	switch item := item.(type) {
	case json.Number:
		text = item.String()
	case string:
		text = strings.ToLower(strings.TrimSpace(item))
	}
	if !portText.MatchString(text) {
		return nil, false
	}
	number, _, protocol := strings.Cut(text, "/")
	n, err := json.Number(number).Int64()
	if err != nil || n < 1 || n > 65535 {
		return nil, false
	}
	if protocol {
		return text, true
	}
	return n, true
}
