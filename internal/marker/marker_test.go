package marker

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func example() Marker {
	return Marker{
		Instance: "home", Host: "homelab/default", Service: "homelab/postgresql", UID: "7b1c", VMID: 901, Nonce: "k3v9",
		Volumes: map[string]string{"data": "mp0", "wal": "mp1"}, State: Live,
	}
}

func TestRenderReadsAsPlainLines(t *testing.T) {
	want := heading + `
nixmox-service: homelab/postgresql
nixmox-host: homelab/default
nixmox-instance: home
nixmox-uid: 7b1c
nixmox-vmid: 901
nixmox-nonce: k3v9
nixmox-volumes: data=mp0 wal=mp1
nixmox-state: live`
	if diff := cmp.Diff(want, example().Render("")); diff != "" {
		t.Error(diff)
	}
}

func TestParse(t *testing.T) {
	whole := example().Render("")
	for _, c := range []struct {
		name, description, rest string
		ok                      bool
	}{
		{"empty", "", "", false},
		{"somebody's notes alone", "my database\n", "my database", false},
		{"marker alone", whole, "", true},
		{"Proxmox appends a line feed", whole + "\n", "", true},
		{"notes above and below are kept", "above\n\n" + whole + "\nbelow\n", "above\n\nbelow", true},
		{"a marker without its vmid is none", strings.ReplaceAll(whole, "nixmox-vmid: 901\n", ""), "", false},
		{"an unknown nixmox line is somebody's note", whole + "\nnixmox-colour: blue", "nixmox-colour: blue", true},
		{"indented lines count", strings.ReplaceAll(whole, "\nnixmox-", "\n  nixmox-"), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, rest, ok := Parse(c.description)
			if ok != c.ok {
				t.Errorf("ok = %v, want %v", ok, c.ok)
			}
			if c.ok && rest != c.rest {
				t.Errorf("rest = %q, want %q", rest, c.rest)
			}
		})
	}
}

func TestWhatIsRenderedIsParsedBack(t *testing.T) {
	word := rapid.StringMatching(`[a-z0-9][a-z0-9/-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		m := Marker{
			Instance: word.Draw(t, "instance"), Host: word.Draw(t, "host"), Service: word.Draw(t, "service"), UID: word.Draw(t, "uid"),
			VMID: rapid.IntRange(100, 999999999).Draw(t, "vmid"), Nonce: word.Draw(t, "nonce"),
			Volumes:   rapid.MapOf(rapid.StringMatching(`[a-z]{1,8}`), rapid.StringMatching(`mp[0-9]`)).Draw(t, "volumes"),
			VolumeIDs: rapid.MapOf(rapid.StringMatching(`[a-z]{1,8}`), rapid.StringMatching(`[a-z]{1,5}:([0-9]{3}/)?subvol-[0-9]{3}-disk-[0-9]([.]raw)?`)).Draw(t, "ids"),
			State:     rapid.SampledFrom([]State{Live, Retained, Deleting}).Draw(t, "state"),
		}
		notes := strings.Trim(rapid.StringMatching(`[A-Za-z .\n]{0,40}`).Draw(t, "notes"), "\n")
		got, rest, ok := Parse(m.Render(notes))
		if !ok || rest != notes {
			t.Fatalf("ok %v, rest %q, want %q", ok, rest, notes)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if again, _, _ := Parse(got.Render(rest)); cmp.Diff(got, again, cmpopts.EquateEmpty()) != "" {
			t.Fatal("rendering twice changes the marker")
		}
	})
}

func TestAnIDThatBecameKnownIsNoReasonToWriteAnotherIs(t *testing.T) {
	volumes := func(keys, ids map[string]string) Marker { return Marker{Volumes: keys, VolumeIDs: ids} }
	is := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, c := range []struct {
		name        string
		found, want Marker
		same        bool
	}{
		{"nothing", volumes(is(), nil), volumes(nil, is()), true},
		{"an id became known", volumes(is("a", "mp0"), is()), volumes(is("a", "mp0"), is("a", "s:1")), true},
		{"another id", volumes(is("a", "mp0"), is("a", "s:1")), volumes(is("a", "mp0"), is("a", "s:2")), false},
		{"another key", volumes(is("a", "mp0"), is("a", "s:1")), volumes(is("a", "mp1"), is("a", "s:1")), false},
		{"detached with its id", volumes(is(), is("a", "s:1")), volumes(is(), is("a", "s:1")), true},
		{"detached, and its id is not there", volumes(is(), is()), volumes(is(), is("a", "s:1")), false},
		{"an id of a name that nobody knows", volumes(is(), is("b", "s:1")), volumes(is(), is()), false},
	} {
		if got := SameVolumes(c.found, c.want); got != c.same {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestAValueCannotForgeALine(t *testing.T) {
	m := example()
	m.Nonce = "x\nnixmox-state: retained"
	got, _, _ := Parse(m.Render(""))
	if got.State != Live {
		t.Errorf("state = %q: a line feed in a value made a line of its own", got.State)
	}
}
