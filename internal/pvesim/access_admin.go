package pvesim

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// Source of this file: PVE/API2/ACL.pm, Role.pm and User.pm. Groups are not simulated.

func listACL(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.access.acls)) {
		for _, path := range slices.Sorted(maps.Keys(c.access.acls[name])) {
			if !c.may(path, "Permissions.Modify") && !c.may("/access", "Sys.Audit") {
				continue
			}
			kind := "user"
			if strings.Contains(name, "!") {
				kind = "token"
			}
			rows = append(rows, map[string]any{
				"path": path, "roleid": c.access.acls[name][path], "type": kind, "ugid": name, "propagate": 1,
			})
		}
	}
	return rows, nil
}

// updateACL gives roles, or takes them away with delete=1.
func updateACL(c *call) (any, error) {
	path, roles := c.text("path"), schema.SplitList(c.text("roles"))
	for _, role := range roles {
		if _, known := c.access.roles[role]; !known {
			return nil, die("update ACL failed: role '%s' does not exist", role)
		}
		for _, name := range append(schema.SplitList(c.text("users")), schema.SplitList(c.text("tokens"))...) {
			acl := c.access.acls[name]
			switch {
			case acl == nil:
				return nil, die("update ACL failed: user '%s' does not exist", name)
			case !c.isSet("delete"):
				acl[path] = role
			case acl[path] == role:
				delete(acl, path)
			}
		}
	}
	return nil, nil
}

func listRoles(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.access.roles)) {
		row := map[string]any{"roleid": name, "privs": strings.Join(slices.Sorted(maps.Keys(c.access.roles[name])), ",")}
		if _, builtin := builtinRoles[name]; builtin {
			row["special"] = 1
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func readRole(c *call) (any, error) {
	role, known := c.access.roles[c.text("roleid")]
	if !known {
		return nil, die("role '%s' does not exist", c.text("roleid"))
	}
	privileges := make(map[string]int)
	for privilege := range role {
		privileges[privilege] = 1
	}
	return privileges, nil
}

func (c *call) tokenRow(token Token) map[string]any {
	_, name, _ := strings.Cut(token.ID, "!")
	return map[string]any{"tokenid": name, "privsep": token.Privsep, "expire": 0}
}

func listTokens(c *call) (any, error) {
	rows := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(c.access.tokens)) {
		if user, _, _ := strings.Cut(id, "!"); user == c.text("userid") {
			rows = append(rows, c.tokenRow(c.access.tokens[id]))
		}
	}
	return rows, nil
}

func (c *call) namedToken() (Token, error) {
	id := c.text("userid") + "!" + c.text("tokenid")
	token, known := c.access.tokens[id]
	if !known {
		return token, die("no such token '%s' for user '%s'", c.text("tokenid"), c.text("userid"))
	}
	return token, nil
}

func readToken(c *call) (any, error) {
	token, err := c.namedToken()
	if err != nil {
		return nil, err
	}
	row := c.tokenRow(token)
	delete(row, "tokenid")
	return row, nil
}

// createToken shows the secret, this once.
func createToken(c *call) (any, error) {
	if _, known := c.access.users[c.text("userid")]; !known {
		return nil, die("no such user ('%s')", c.text("userid"))
	}
	if _, err := c.namedToken(); err == nil {
		return nil, badParameter("tokenid", "Token already exists.")
	}
	token := Token{ID: c.text("userid") + "!" + c.text("tokenid"), Secret: newSecret(), Privsep: c.number("privsep", 1)}
	c.access.tokens[token.ID] = token
	c.access.acls[token.ID] = make(ACL)
	info := map[string]any{"privsep": fmt.Sprint(token.Privsep)}
	return map[string]any{"full-tokenid": token.ID, "value": token.Secret, "info": info}, nil
}

func deleteToken(c *call) (any, error) {
	token, err := c.namedToken()
	if err != nil {
		return nil, err
	}
	delete(c.access.tokens, token.ID)
	delete(c.access.acls, token.ID)
	return nil, nil
}

// newSecret is a random UUID.
func newSecret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
