package pvesim

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// privileges are what a caller may do at a path: the deepest ACL entry on the way there counts.
func (a *access) privileges(who identity, path string) map[string]bool {
	if who.isRoot() {
		return a.roles["Administrator"]
	}
	if who.token == "" {
		return a.ofPath(who.user, path)
	}
	user := a.privileges(identity{user: who.user}, path)
	if a.tokens[who.name()].Privsep == 0 {
		return user
	}
	both := make(map[string]bool)
	for privilege := range a.ofPath(who.name(), path) {
		if user[privilege] {
			both[privilege] = true
		}
	}
	return both
}

// ofPath adds what a pool gives its members (PVE/RPCEnvironment.pm, permissions).
func (a *access) ofPath(name, path string) map[string]bool {
	own := a.roles[a.roleAt(name, path)]
	pool := a.poolOf(path)
	if pool == "" {
		return own
	}
	all := make(map[string]bool)
	for _, set := range []map[string]bool{own, a.roles[a.roleAt(name, "/pool/"+pool)]} {
		for privilege := range set {
			all[privilege] = true
		}
	}
	return all
}

func (a *access) roleAt(name, path string) string {
	acl := a.acls[name]
	role := acl["/"]
	for i := 1; i <= len(path); i++ {
		if i == len(path) || path[i] == '/' {
			if deeper, found := acl[path[:i]]; found {
				role = deeper
			}
		}
	}
	return role
}

// poolOf is the pool that holds a guest or storage, by its ACL path.
func (a *access) poolOf(path string) string {
	member, isGuest := strings.CutPrefix(path, "/vms/")
	if !isGuest {
		var isStorage bool
		if member, isStorage = strings.CutPrefix(path, "/storage/"); !isStorage {
			return ""
		}
	}
	return a.poolBy[member]
}

// may reports whether the caller has a privilege at a path.
func (c *call) may(path, privilege string) bool {
	return c.access.privileges(c.who, path)[privilege]
}

// need fails unless the caller has all of the privileges at a path.
func (c *call) need(path string, privileges ...string) error {
	has := c.access.privileges(c.who, path)
	for _, privilege := range privileges {
		if !has[privilege] {
			return forbidden(path + ", " + privilege)
		}
	}
	return nil
}

// needAny fails unless the caller has one of the privileges at a path.
func (c *call) needAny(path string, privileges ...string) error {
	has := c.access.privileges(c.who, path)
	for _, privilege := range privileges {
		if has[privilege] {
			return nil
		}
	}
	return forbidden(path + ", " + strings.Join(privileges, "|"))
}

// checkPermissions evaluates the permission that the table declares for a method (PVE/RPCEnvironment.pm,
// exec_api2_perm_check).
func (c *call) checkPermissions(declared json.RawMessage, values schema.Values) error {
	var rule struct {
		User  string          `json:"user"`
		Check json.RawMessage `json:"check"`
	}
	if len(declared) == 0 {
		return nil
	}
	if err := json.Unmarshal(declared, &rule); err != nil {
		return fmt.Errorf("permission of %s in the parameter table: %w", c.path, err)
	}
	if rule.User != "" || len(rule.Check) == 0 {
		return nil
	}
	// The table of 9.2 has the rule one level deeper than that of 8.4.
	var nested struct {
		Check []json.RawMessage `json:"check"`
	}
	var flat []json.RawMessage
	if err := json.Unmarshal(rule.Check, &nested); err == nil {
		return c.evaluate(nested.Check, values)
	}
	if err := json.Unmarshal(rule.Check, &flat); err != nil {
		return fmt.Errorf("permission of %s in the parameter table: %w", c.path, err)
	}
	return c.evaluate(flat, values)
}

func (c *call) evaluate(rule []json.RawMessage, values schema.Values) error {
	var kind string
	_ = json.Unmarshal(rule[0], &kind) // an unreadable kind is an unknown one, below
	switch kind {
	case "perm":
		return c.evaluatePerm(rule[1:], values)
	case "and", "or":
		return c.evaluateAll(kind, rule[1:], values)
	case "userid-param":
		if values["userid"].Text == c.who.user {
			return nil
		}
		return forbidden("user != userid")
	case "userid-group":
		return c.need("/access/groups", "User.Modify")
	case "perm-modify":
		return c.need(values["path"].Text, "Permissions.Modify")
	}
	return fmt.Errorf("permission rule %q of the parameter table is not simulated", kind)
}

func (c *call) evaluateAll(kind string, rules []json.RawMessage, values schema.Values) error {
	for _, raw := range rules {
		var rule []json.RawMessage
		if err := json.Unmarshal(raw, &rule); err != nil {
			return fmt.Errorf("permission rule in the parameter table: %w", err)
		}
		err := c.evaluate(rule, values)
		if kind == "and" && err != nil {
			return err
		}
		if kind == "or" && err == nil {
			return nil
		}
	}
	if kind == "or" {
		return &apiError{status: 403, message: "Permission check failed\n"}
	}
	return nil
}

// evaluatePerm is ["perm", PATH, [PRIVILEGE...], "any", 1, "require_param", NAME].
func (c *call) evaluatePerm(rule []json.RawMessage, values schema.Values) error {
	var path string
	var privileges []string
	if json.Unmarshal(rule[0], &path) != nil || json.Unmarshal(rule[1], &privileges) != nil {
		return fmt.Errorf("permission rule in the parameter table cannot be read")
	}
	for name, value := range values {
		path = strings.ReplaceAll(path, "{"+name+"}", value.Text)
	}
	any := false
	for i := 2; i+1 < len(rule); i += 2 {
		var option, name string
		_ = json.Unmarshal(rule[i], &option)
		_ = json.Unmarshal(rule[i+1], &name)
		any = any || option == "any"
		if _, given := values[name]; option == "require_param" && !given {
			return &apiError{status: 403, message: "Permission check failed\n"}
		}
	}
	if any {
		return c.needAny(path, privileges...)
	}
	return c.need(path, privileges...)
}
