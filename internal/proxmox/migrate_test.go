package proxmox_test

import (
	"testing"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestWhetherAContainerMayBeMovedToANode(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		why    string
		fails  bool
	}{
		"allowed":                       {answer: ok(`{"running":1,"allowed-nodes":["pve2","pve3"],"not-allowed-nodes":{}}`)},
		"nothing is said of nodes":      {answer: ok(`{"running":true}`)},
		"no node is named":              {answer: ok(`{"running":0,"allowed-nodes":[]}`)},
		"another is allowed":            {answer: ok(`{"allowed-nodes":["pve3"]}`), why: "Proxmox allows only pve3"},
		"kept away by the HA manager":   {answer: ok(`{"allowed-nodes":["pve3"],"not-allowed-nodes":{"pve2":{"blocking-ha-resources":[]}}}`), why: "the rules of Proxmox's HA manager keep it from there"},
		"too old to be asked":           {answer: refused(501, "Method 'GET /nodes/pve1/lxc/100/migrate' not implemented")},
		"not with this token":           {answer: refused(403, "Permission check failed (/vms/100, VM.Migrate)"), fails: true},
		"something else than an answer": {answer: ok(`[1]`), fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, options(newFake(t, always(c.answer)).URL))
			why, err := client.MayMigrate(t.Context(), "pve1", 100, "pve2")
			if why != c.why || (err != nil) != c.fails {
				t.Errorf("%q, %v", why, err)
			}
			if c.answer.status == 403 && !proxmox.IsForbidden(err) {
				t.Errorf("not known as a missing privilege: %v", err)
			}
		})
	}
}
