package pvesim_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFirewallRulesStandOnTopAndMove(t *testing.T) {
	c := start(t)
	c.create("100")
	path := lxc + "/100/firewall"
	actions := func() string {
		text := ""
		for _, row := range c.ok("GET", path+"/rules").([]any) {
			rule := row.(map[string]any)
			text += fmt.Sprint(rule["pos"], rule["dport"], rule["enable"], " ")
		}
		return text
	}
	c.ok("POST", path+"/rules", "type=in", "action=ACCEPT", "dport=1", "enable=1")
	c.ok("POST", path+"/rules", "type=in", "action=ACCEPT", "dport=2", "pos=1")
	c.ok("POST", path+"/rules", "type=in", "action=DROP", "dport=3")
	if got := actions(); got != "030 120 211 " {
		t.Errorf("rules are %s", got)
	}
	c.ok("PUT", path+"/rules/0", "moveto=3")
	c.ok("PUT", path+"/rules/1", "enable=0")
	if got := actions(); got != "020 110 230 " {
		t.Errorf("moved, rules are %s", got)
	}
	c.ok("DELETE", path+"/rules/0")
	if got := c.call("DELETE", path+"/rules/2"); got.Reason != "no rule at position 2" {
		t.Errorf("a position that is not there: %s", got.Reason)
	}
	c.ok("PUT", path+"/options", "enable=1", "policy_in=DROP")
	c.ok("PUT", path+"/options", "delete=policy_in")
	options := c.ok("GET", path+"/options").(map[string]any)
	delete(options, "digest")
	if diff := cmp.Diff(map[string]any{"enable": float64(1)}, options); diff != "" {
		t.Error(diff)
	}
}
