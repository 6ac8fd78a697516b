package pvesim

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// identity is who calls: a user, or one of a user's tokens.
type identity struct {
	user  string
	token string
}

// name is user@realm or user@realm!token, as in a UPID.
func (i identity) name() string {
	if i.token == "" {
		return i.user
	}
	return i.user + "!" + i.token
}

// tokenID is the name if a token called, else "".
func (i identity) tokenID() string {
	if i.token == "" {
		return ""
	}
	return i.name()
}

// isRoot reports whether this is root@pam in person. A token of root@pam is not (PVE/AccessControl.pm).
func (i identity) isRoot() bool { return i.user == "root@pam" && i.token == "" }

// access is the state of users, tokens, roles and ACLs.
type access struct {
	acls    map[string]ACL // by user or token name
	tokens  map[string]Token
	users   map[string]User
	roles   map[string]map[string]bool
	pools   map[string][]string
	poolBy  map[string]string // by member, so that long lists of guests need not search
	tickets map[string]string
}

func newAccess(world *World) access {
	a := access{
		acls: make(map[string]ACL), tokens: make(map[string]Token), users: world.Users,
		roles: make(map[string]map[string]bool), pools: make(map[string][]string), tickets: make(map[string]string),
	}
	for name, user := range world.Users {
		a.acls[name] = copyACL(user.ACL)
	}
	for _, token := range world.Tokens {
		a.tokens[token.ID] = token
		a.acls[token.ID] = copyACL(token.ACL)
	}
	for _, roles := range []map[string][]string{builtinRoles, world.Roles} {
		for name, privileges := range roles {
			set := make(map[string]bool, len(privileges))
			for _, privilege := range privileges {
				set[privilege] = true
			}
			a.roles[name] = set
		}
	}
	for name, members := range world.Pools {
		a.pools[name] = slices.Clone(members)
	}
	a.indexPools()
	return a
}

func (a *access) indexPools() {
	a.poolBy = make(map[string]string)
	for name, members := range a.pools {
		for _, member := range members {
			a.poolBy[member] = name
		}
	}
}

// join puts a guest or storage into a pool; "" is none.
func (a *access) join(pool, member string) {
	if pool != "" {
		a.pools[pool] = append(a.pools[pool], member)
		a.poolBy[member] = pool
	}
}

// leave takes a guest or storage out of its pool, if it is in one.
func (a *access) leave(member string) {
	if pool, in := a.poolBy[member]; in {
		a.pools[pool] = slices.DeleteFunc(a.pools[pool], func(other string) bool { return other == member })
		delete(a.poolBy, member)
	}
}

func copyACL(acl ACL) ACL {
	copied := make(ACL, len(acl))
	for path, role := range acl {
		copied[path] = role
	}
	return copied
}

// authenticate finds out who calls. Every refusal comes late, and without a body.
func (s *Simulator) authenticate(r *http.Request, path string) (identity, error) {
	if path == "/access/ticket" {
		return identity{}, nil
	}
	s.lock()
	defer s.mu.Unlock()
	if cookie, err := r.Cookie("PVEAuthCookie"); err == nil {
		return s.byTicket(r, cookie.Value)
	}
	header, found := strings.CutPrefix(r.Header.Get("Authorization"), "PVEAPIToken=")
	if !found {
		return identity{}, s.refuse("No ticket")
	}
	id, secret, _ := strings.Cut(header, "=")
	token, known := s.access.tokens[id]
	if !known || subtle.ConstantTimeCompare([]byte(token.Secret), []byte(secret)) != 1 {
		return identity{}, s.refuse("Authentication failed!")
	}
	user, name, _ := strings.Cut(id, "!")
	return identity{user: user, token: name}, nil
}

// refuse waits as a real node does, then answers 401.
func (s *Simulator) refuse(reason string) error {
	s.pause(unauthorizedDelay, nil)
	return &apiError{status: 401, message: reason, bare: true, empty: true}
}

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
