package marker

import "testing"

func TestJudge(t *testing.T) {
	want := example()
	for _, c := range []struct {
		name   string
		edit   func(*Marker)
		marked bool
		claim  Claim
	}{
		{"no marker", nil, false, Unmarked},
		{"the service's own", nil, true, Ours},
		{"of an earlier object of the same name", func(m *Marker) { m.UID = "before" }, true, Ours},
		{"retained", func(m *Marker) { m.State = Retained }, true, Ours},
		{"of a host of another name", func(m *Marker) { m.Host = "homelab/other" }, true, Ours},
		{"that two controllers took from each other", func(m *Marker) { m.State = Contested }, true, Disputed},
		{"about to be destroyed", func(m *Marker) { m.State = Deleting }, true, Elsewhere},
		{"of another instance", func(m *Marker) { m.Instance = "office" }, true, Elsewhere},
		{"of another service", func(m *Marker) { m.Service = "homelab/caddy" }, true, Elsewhere},
		{"of the same name in another namespace", func(m *Marker) { m.Service = "test/postgresql" }, true, Elsewhere},
		{"of a clone", func(m *Marker) { m.VMID = 777 }, true, Copy},
		{"of a clone of another service's", func(m *Marker) { m.VMID, m.Service = 777, "homelab/caddy" }, true, Copy},
	} {
		found := example()
		if c.edit != nil {
			c.edit(&found)
		}
		if got := Judge(found, c.marked, want); got != c.claim {
			t.Errorf("%s: %v, not %v", c.name, got, c.claim)
		}
	}
}
