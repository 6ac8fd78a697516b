package pvesim

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// permissionPaths are the paths that GET /access/permissions always looks at, beside those with an ACL of their own
// (PVE/RPCEnvironment.pm, get_effective_permissions).
var permissionPaths = []string{"/", "/access", "/access/groups", "/mapping", "/nodes", "/pool", "/sdn", "/storage", "/vms"}

// permissions says what a caller may do, per path; its own are always allowed to ask for.
func permissions(c *call) (any, error) {
	who := c.who
	if asked := c.text("userid"); asked != "" && asked != who.name() {
		user, token, _ := strings.Cut(asked, "!")
		if err := c.need("/access", "Sys.Audit"); err != nil && (token == "" || user != who.user) {
			return nil, err
		}
		who = identity{user: user, token: token}
	}
	answer := make(map[string]map[string]int)
	describe := func(path string) map[string]int {
		privileges := make(map[string]int)
		for privilege := range c.access.privileges(who, path) {
			privileges[privilege] = 1
		}
		return privileges
	}
	if path := c.text("path"); path != "" {
		answer[path] = describe(path)
		return answer, nil
	}
	paths := slices.Clone(permissionPaths)
	for _, acl := range c.access.acls {
		paths = slices.AppendSeq(paths, maps.Keys(acl))
	}
	for pool, members := range c.access.pools {
		paths = append(paths, "/pool/"+pool)
		for _, member := range members {
			if _, isGuest := wholeNumber(member); isGuest {
				paths = append(paths, "/vms/"+member)
			} else {
				paths = append(paths, "/storage/"+member)
			}
		}
	}
	for _, path := range paths {
		if privileges := describe(path); len(privileges) > 0 {
			answer[path] = privileges
		}
	}
	return answer, nil
}

// login makes a ticket. Only users with a password in the world file can have one.
func login(c *call) (any, error) {
	name := c.text("username")
	if realm := c.text("realm"); realm != "" && !strings.Contains(name, "@") {
		name += "@" + realm
	}
	user, known := c.access.users[name]
	password := c.text("password")
	renewal := password != "" && c.access.tickets[password] == name
	if !renewal && (!known || user.Password == "" || subtle.ConstantTimeCompare([]byte(user.Password), []byte(password)) != 1) {
		return nil, c.refuse("authentication failure")
	}
	random := make([]byte, 20)
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("make ticket: %w", err)
	}
	ticket := fmt.Sprintf("PVE:%s:%08X::%s", name, time.Now().Unix(), hex.EncodeToString(random))
	c.access.tickets[ticket] = name
	return map[string]any{
		"ticket": ticket, "CSRFPreventionToken": csrfToken(ticket), "username": name, "cap": map[string]any{}, "clustername": "pvesim",
	}, nil
}

func csrfToken(ticket string) string { return "CSRF:" + ticket[len(ticket)-20:] }

// byTicket authenticates a cookie; whatever is not a GET needs the token against request forgery too.
func (s *Simulator) byTicket(r *http.Request, ticket string) (identity, error) {
	name, known := s.access.tickets[ticket]
	if !known {
		return identity{}, s.refuse("Authentication failed!")
	}
	if r.Method != http.MethodGet && r.Header.Get("CSRFPreventionToken") != csrfToken(ticket) {
		return identity{}, s.refuse("Permission denied - invalid csrf token")
	}
	return identity{user: name}, nil
}
