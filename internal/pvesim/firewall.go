package pvesim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// firewall is /etc/pve/firewall/ID.fw: options and rules (pve-firewall, PVE/API2/Firewall/VM.pm and Rules.pm). Aliases
// and IP sets are not simulated, and no rule has an effect.
type firewall struct {
	options map[string]string
	rules   []map[string]string
}

const firewallPath = "/nodes/{node}/lxc/{vmid}/firewall"

func (f *firewall) digest() string {
	text := fmt.Sprint(f.options) // maps are printed sorted
	for _, rule := range f.rules {
		text += fmt.Sprint(rule)
	}
	return digest(text)
}

// firewallOf finds a container's firewall and checks the digest of a change.
func (c *call) firewallOf() (*firewall, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	if g.firewall == nil {
		g.firewall = &firewall{options: make(map[string]string)}
	}
	if sent := c.text("digest"); sent != "" && sent != g.firewall.digest() {
		return nil, die("detected modified configuration - file changed by other user? Try again.")
	}
	return g.firewall, nil
}

// typedAs turns texts into JSON by the parameters of a method.
func (s *Simulator) typedAs(path, verb string, texts map[string]string) map[string]any {
	params := s.table.Paths[path][verb].Parameters
	answer := make(map[string]any, len(texts))
	for key, text := range texts {
		answer[key] = text
		if prop := params.Lookup(key); prop != nil && prop.Type != "string" {
			if number, err := strconv.Atoi(text); err == nil {
				answer[key] = number
			}
		}
	}
	return answer
}

// firewallOptions leaves out what is not set.
func firewallOptions(c *call) (any, error) {
	f, err := c.firewallOf()
	if err != nil {
		return nil, err
	}
	answer := c.typedAs(firewallPath+"/options", put, f.options)
	answer["digest"] = f.digest()
	return answer, nil
}

func setFirewallOptions(c *call) (any, error) {
	f, err := c.firewallOf()
	if err != nil {
		return nil, err
	}
	for _, key := range schema.SplitList(c.text("delete")) {
		delete(f.options, key)
	}
	for key, value := range c.params {
		if !slices.Contains([]string{"node", "vmid", "digest", "delete"}, key) {
			f.options[key] = value
		}
	}
	return nil, nil
}

func (c *call) ruleRow(f *firewall, position int) map[string]any {
	row := c.typedAs(firewallPath+"/rules", post, f.rules[position])
	row["pos"], row["digest"] = position, f.digest()
	return row
}

func firewallRules(c *call) (any, error) {
	f, err := c.firewallOf()
	if err != nil {
		return nil, err
	}
	rows := make([]map[string]any, len(f.rules))
	for i := range f.rules {
		rows[i] = c.ruleRow(f, i)
	}
	return rows, nil
}

// rule finds the rule of {pos}.
func (c *call) rule() (*firewall, int, error) {
	f, err := c.firewallOf()
	if err != nil {
		return nil, 0, err
	}
	position := c.number("pos", 0)
	if position >= len(f.rules) {
		return nil, 0, die("no rule at position %d", position)
	}
	return f, position, nil
}

func firewallRule(c *call) (any, error) {
	f, position, err := c.rule()
	if err != nil {
		return nil, err
	}
	return c.ruleRow(f, position), nil
}

// ruleParameters are those of a call that belong into the rule.
func (c *call) ruleParameters() map[string]string {
	rule := maps.Clone(c.params)
	for _, key := range []string{"node", "vmid", "digest", "pos", "moveto", "delete"} {
		delete(rule, key)
	}
	return rule
}

// addFirewallRule puts a rule on top, whatever pos says; without enable it is off.
func addFirewallRule(c *call) (any, error) {
	f, err := c.firewallOf()
	if err != nil {
		return nil, err
	}
	rule := c.ruleParameters()
	if rule["enable"] == "" {
		rule["enable"] = "0"
	}
	f.rules = slices.Insert(f.rules, 0, rule)
	return nil, nil
}

// changeFirewallRule moves a rule, or changes it.
func changeFirewallRule(c *call) (any, error) {
	f, position, err := c.rule()
	if err != nil {
		return nil, err
	}
	rule := maps.Clone(f.rules[position])
	if c.has("moveto") {
		target := min(c.number("moveto", 0), len(f.rules))
		f.rules = slices.Insert(slices.Clone(f.rules), target, rule)
		if target <= position {
			position++
		}
		f.rules = slices.Delete(f.rules, position, position+1)
		return nil, nil
	}
	maps.Copy(rule, c.ruleParameters())
	for _, key := range schema.SplitList(c.text("delete")) {
		delete(rule, key)
	}
	f.rules[position] = rule
	return nil, nil
}

func deleteFirewallRule(c *call) (any, error) {
	f, position, err := c.rule()
	if err != nil {
		return nil, err
	}
	f.rules = slices.Delete(f.rules, position, position+1)
	return nil, nil
}
