package pvesim

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
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
