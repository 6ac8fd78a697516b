package docs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// secret is the one that the tutorial shows in place of the reader's.
const secret = "00000000-0000-0000-0000-000000000000"

// access is what the pveum commands of a page set up.
type access struct {
	Roles  map[string][]string       `json:"roles"`
	Users  map[string]pvesimUser     `json:"users"`
	Tokens map[string]map[string]any `json:"tokens"`
}

type pvesimUser struct {
	ACL map[string]string `json:"acl"`
}

// accessOf understands pveum as far as the tutorial uses it; anything else fails, so that the page cannot say more than what is tried.
func accessOf(lines []string) (access, error) {
	a := access{Roles: map[string][]string{}, Users: map[string]pvesimUser{}, Tokens: map[string]map[string]any{}}
	for _, line := range lines {
		words := split(line)
		said := strings.Join(words[:min(3, len(words))], " ")
		switch {
		case said == "pveum role add" && len(words) == 6 && words[4] == "--privs":
			a.Roles[words[3]] = strings.Fields(words[5])
		case said == "pveum user add" && len(words) == 4:
			a.Users[words[3]] = pvesimUser{ACL: map[string]string{}}
		case said == "pveum acl modify" && len(words) == 8 && words[4] == "--users" && words[6] == "--roles":
			a.Users[words[5]].ACL[words[3]] = words[7]
		case said == "pveum user token" && slices.Equal(words[6:], []string{"--privsep", "0"}):
			a.Tokens["token"] = map[string]any{"id": words[4] + "!" + words[5], "secret": secret, "privsep": 0}
		default:
			return a, fmt.Errorf("not understood: %s", line)
		}
	}
	return a, nil
}

// split cuts a command into words; a part in double quotes is one.
func split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// worldOf is a Proxmox as the tutorial describes it, to which the pveum commands gave access. Creating takes long enough to be seen.
func worldOf(t *testing.T, pveum []string) *pvesim.World {
	t.Helper()
	a, err := accessOf(pveum)
	if err != nil {
		t.Fatal(err)
	}
	world := map[string]any{
		"version": map[string]string{"release": "9.2", "version": "9.2.11"},
		"nodes":   []map[string]any{{"name": "pve1", "cpus": 16, "memory": 65536}},
		"storages": map[string]any{
			"local":     map[string]any{"type": "dir", "path": "/var/lib/vz", "content": []string{"backup", "iso", "vztmpl"}},
			"local-zfs": map[string]any{"type": "zfspool", "content": []string{"images", "rootdir"}, "snapshots": true, "size": 4000},
		},
		"templates": []map[string]any{{"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos", "arch": "amd64", "systemd": true}},
		"bridges":   map[string]any{"vmbr0": map[string]string{"cidr": "192.168.1.1/24"}},
		"durations": map[string]float64{"vzcreate": 4, "vzstart": 0.5, "vzshutdown": 0.5, "vzdestroy": 0.2},
		"roles":     a.Roles, "users": a.Users, "tokens": a.Tokens,
	}
	text, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	return pvesimtest.World(t, string(text))
}
