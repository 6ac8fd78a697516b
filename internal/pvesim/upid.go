package pvesim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// upid names a task (PVE/UPID.pm): UPID:node:pid:pstart:starttime:type:id:user: with numbers in hexadecimal.
type upid struct {
	node      string
	pid       int
	pstart    int
	starttime int64
	kind      string
	id        string
	user      string
}

func (u upid) String() string {
	return fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", u.node, u.pid, u.pstart, u.starttime, u.kind, u.id, u.user)
}

var upidText = regexp.MustCompile(
	`^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$`)

func parseUPID(text string) (upid, bool) {
	match := upidText.FindStringSubmatch(text)
	if match == nil {
		return upid{}, false
	}
	number := func(text string) int64 {
		value, _ := strconv.ParseInt(text, 16, 64) // the pattern allows hexadecimal digits only
		return value
	}
	return upid{
		node: match[1], pid: int(number(match[2])), pstart: int(number(match[3])), starttime: number(match[4]),
		kind: match[5], id: match[6], user: match[7],
	}, true
}

// row is what lists and status answers say of a task: a token's id stands apart from its user.
func (u upid) row() map[string]any {
	row := map[string]any{
		"upid": u.String(), "node": u.node, "pid": u.pid, "pstart": u.pstart, "starttime": u.starttime, "type": u.kind, "id": u.id,
		"user": u.user,
	}
	if user, token, isToken := strings.Cut(u.user, "!"); isToken {
		row["user"], row["tokenid"] = user, token
	}
	return row
}
