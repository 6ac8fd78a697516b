// Package nixmox reads a NixMox manifest, as `nix-instantiate --eval --json --strict` prints it, and turns it into the objects of our
// API. It is pure. Nothing is dropped in silence: what has no place here, or not the same meaning, is a note with its path. The kubectl
// plugin's `import` calls it.
package nixmox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Options are what a manifest does not say and a host needs.
type Options struct {
	Namespace  string
	Host       string
	Endpoints  []string
	SecretName string
	Instance   string
	Template   string
	Storage    string
	Bridge     string
}

// Result is what a manifest became.
type Result struct {
	// Objects are the host and the services, in deployment order as far as the manifest gives one.
	Objects []Object
	// Notes are what has no place, or not the same meaning.
	Notes []Note
	// Problems are what makes the manifest unusable.
	Problems []Note
}

// Object is one manifest of ours.
type Object struct {
	Kind, Name string
	Content    map[string]any
	// Notes are those that concern this object.
	Notes []Note
}

// Note is something to know about a key of the manifest.
type Note struct {
	// Path of the key, such as services.web.ports.
	Path string
	Text string
	// Hint marks what was taken over, and needs something more.
	Hint bool
}

// String is the note as a person reads it.
func (n Note) String() string { return n.Path + ": " + n.Text }

// Convert reads a manifest in JSON.
func Convert(data []byte, opts Options) (Result, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return Result{}, fmt.Errorf("it is not JSON: %w", err)
	}
	if decoder.More() {
		return Result{}, fmt.Errorf("there is something behind the end of the JSON value, at byte %d", decoder.InputOffset())
	}
	root, ok := value.(map[string]any)
	if !ok {
		return Result{}, fmt.Errorf("it is not a NixMox manifest: an attribute set is expected, with services in it")
	}
	c := &converter{opts: opts, names: map[string]string{}}
	c.manifest(c.enter(root))
	return c.result, nil
}

type converter struct {
	opts   Options
	result Result
	// names maps the manifest's name of a service to ours.
	names map[string]string
	// core and services by our name, sorted, and the services' objects.
	core, others []string
	objects      map[string]*Object
	dependsOn    map[string][]string
	defaults     map[string]any // health settings of the whole manifest
	hostPaths    []string       // folders of the node that services mount
}

// enter finds the manifest inside a module's services.nixmox, or a nixmox attribute.
func (c *converter) enter(root map[string]any) *attrs {
	if services, ok := root["services"].(map[string]any); ok {
		if inner, ok := services["nixmox"].(map[string]any); ok && inner["ip"] == nil {
			a := newAttrs(c, "services.nixmox", inner)
			for _, key := range sortedKeys(services) {
				if key != "nixmox" {
					c.note("services."+key, "not part of NixMox; not taken over")
				}
			}
			for _, key := range sortedKeys(root) {
				if key != "services" {
					c.note(key, "not part of NixMox; not taken over")
				}
			}
			return a
		}
	}
	if inner, ok := root["nixmox"].(map[string]any); ok && root["services"] == nil {
		return newAttrs(c, "nixmox", inner)
	}
	return newAttrs(c, "", root)
}

func (c *converter) manifest(m *attrs) {
	if on, ok := m.boolean("enable"); ok && !on {
		c.note(m.at("enable"), "the whole manifest is disabled there; here each service says so: set enable: false where it is meant")
	}
	c.objects, c.dependsOn = map[string]*Object{}, map[string][]string{}
	core, services := m.set("core_services"), m.set("services")
	for _, group := range []*attrs{core, services} {
		c.nameAll(group)
	}
	c.defaults = c.healthDefaults(m)
	checks := m.set("health_checks")
	c.core = c.readAll(core, checks)
	c.others = c.readAll(services, checks)
	checks.rest("there is no service of this name; not taken over")
	host := c.host(m)
	if on, ok := m.boolean("enable_rollback"); ok && on {
		c.note(m.at("enable_rollback"), "there is no automatic rollback in this version; not taken over")
	}
	m.rest("unknown key; not taken over")
	if len(c.objects) == 0 {
		c.problem(m.at("services"), "there are no services in the manifest")
	}
	c.result.Objects = append(c.result.Objects, host)
	for _, name := range append(slices.Clone(c.core), c.others...) {
		c.result.Objects = append(c.result.Objects, *c.objects[name])
	}
}

// nameAll decides what each service is called: `_` is common in Nix and cannot be in a Kubernetes name.
func (c *converter) nameAll(group *attrs) {
	for _, name := range group.keys() {
		ours := strings.Trim(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-")
		if ours != name {
			c.note(group.at(name), fmt.Sprintf("called %s here: names of services are lower-case letters, digits and '-'", ours))
		}
		if other, taken := c.byOurs(ours); taken {
			c.problem(group.at(name), fmt.Sprintf("%s and %s would both be called %s; rename one", other, name, ours))
			group.take(name)
			continue
		}
		c.names[name] = ours
	}
}

func (c *converter) byOurs(ours string) (string, bool) {
	for theirs, o := range c.names {
		if o == ours {
			return theirs, true
		}
	}
	return "", false
}

func (c *converter) readAll(group, checks *attrs) []string {
	var names []string
	for _, name := range group.keys() {
		s := group.set(name)
		ours := c.names[name]
		o := &Object{Kind: "NixMoxService", Name: ours}
		before := len(c.result.Notes)
		o.Content = c.service(s, name, ours, checks)
		o.Notes = slices.Clone(c.result.Notes[before:])
		c.objects[ours] = o
		names = append(names, ours)
	}
	return names
}

func (c *converter) note(path, text string) {
	c.result.Notes = append(c.result.Notes, Note{Path: path, Text: text})
}

func (c *converter) hint(path, text string) {
	c.result.Notes = append(c.result.Notes, Note{Path: path, Text: text, Hint: true})
}

func (c *converter) problem(path, text string) {
	c.result.Problems = append(c.result.Problems, Note{Path: path, Text: text})
}
