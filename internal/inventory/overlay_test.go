package inventory

import (
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// After a start of ours the list is believed once it has shown the container running, and at the latest after its lag.
func TestTheListIsBelievedOnceItHasCaughtUp(t *testing.T) {
	began := time.Now()
	list := func(status string) proxmox.Resources {
		return proxmox.Resources{Guests: []proxmox.Guest{{VMID: 900, Node: "pve1", Type: proxmox.TypeLXC, Status: status, MaxMemBytes: 1}}}
	}
	for name, c := range map[string]struct {
		polls   []string // one a second after our start; the last one after the lag if late
		late    bool
		running bool
		woken   bool // by the last poll
	}{
		"behind":                        {polls: []string{"stopped"}, running: true},
		"caught up":                     {polls: []string{"stopped", "running"}, running: true, woken: true},
		"fell after it had caught up":   {polls: []string{"running", "stopped"}, running: false, woken: true},
		"fell before it had caught up":  {polls: []string{"stopped", "stopped"}, late: true, running: false, woken: true},
		"does not report yet":           {polls: []string{"unknown"}, running: true, woken: true},
		"is well when the time is over": {polls: []string{"running", "running"}, late: true, running: true},
	} {
		i := New(nil, Options{})
		i.take(list("stopped"), began)
		i.overlays[900] = overlay{node: "pve1", running: true, since: began}
		var changed []proxmox.VMID
		for at, status := range c.polls {
			when := began.Add(time.Duration(at+1) * time.Second)
			if c.late && at == len(c.polls)-1 {
				when = began.Add(lag + time.Second)
			}
			changed = i.take(list(status), when)
		}
		g := i.Guest(900)
		if g.Running != c.running || (len(changed) > 0) != c.woken || g.Starts != 0 {
			t.Errorf("%s: running %v, woken for %v, %d starts by others", name, g.Running, changed, g.Starts)
		}
	}
}
