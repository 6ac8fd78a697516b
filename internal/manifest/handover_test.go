package manifest

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// at is a service that asks for 10.0.0.WANTS and whose container has 10.0.0.HAS; 0 is none.
func at(name string, wants, has byte, edit ...func(*Service)) Service {
	s := Service{Key: Key{Name: name}, Enabled: true, IP: netip.AddrFrom4([4]byte{10, 0, 0, wants})}
	if has > 0 {
		s.At = netip.AddrFrom4([4]byte{10, 0, 0, has})
	}
	for _, e := range edit {
		e(&s)
	}
	return s
}

func TestHandovers(t *testing.T) {
	after := func(names ...string) func(*Service) { return func(s *Service) { s.DependsOn = names } }
	disabled := func(s *Service) { s.Enabled = false }
	pinned := func(s *Service) { s.Pinned = true }
	for what, c := range map[string]struct {
		services []Service
		want     map[string]Handover
	}{
		"everyone has what is asked for": {services: []Service{at("a", 1, 1), at("b", 2, 2)}},
		"nobody has anything":            {services: []Service{at("a", 1, 0), at("b", 2, 0)}},
		"to a free address":              {services: []Service{at("a", 3, 1), at("b", 2, 2)}},
		"one follows another": {
			services: []Service{at("a", 3, 1), at("b", 1, 2)},
			want:     map[string]Handover{"b": {Holder: Key{Name: "a"}}},
		},
		"a new one takes what another gives up": {
			services: []Service{at("a", 3, 1), at("b", 1, 0)},
			want:     map[string]Handover{"b": {Holder: Key{Name: "a"}}},
		},
		"a disabled one that still runs": {
			services: []Service{at("a", 1, 1, disabled), at("b", 1, 0)},
			want:     map[string]Handover{"b": {Holder: Key{Name: "a"}}},
		},
		"two swap: the last stops": {
			services: []Service{at("a", 2, 1), at("b", 1, 2)},
			want:     map[string]Handover{"a": {Holder: Key{Name: "b"}}, "b": {Holder: Key{Name: "a"}, To: Key{Name: "a"}}},
		},
		"the last is what depends on the other": {
			services: []Service{at("a", 2, 1, after("b")), at("b", 1, 2)},
			want:     map[string]Handover{"a": {Holder: Key{Name: "b"}, To: Key{Name: "b"}}, "b": {Holder: Key{Name: "a"}}},
		},
		"once it has stopped, it waits for its own": {
			services: []Service{at("a", 2, 1), at("b", 1, 0)},
			want:     map[string]Handover{"b": {Holder: Key{Name: "a"}}},
		},
		"three in a circle, with one behind": {
			services: []Service{at("a", 2, 1), at("b", 3, 2), at("c", 1, 3), at("d", 9, 4), at("e", 4, 0)},
			want: map[string]Handover{
				"a": {Holder: Key{Name: "b"}}, "b": {Holder: Key{Name: "c"}}, "c": {Holder: Key{Name: "a"}, To: Key{Name: "b"}}, "e": {Holder: Key{Name: "d"}},
			},
		},
		"a circle with one that is left as it is": {
			services: []Service{at("a", 2, 1, pinned), at("b", 1, 2)},
			want:     map[string]Handover{"a": {Holder: Key{Name: "b"}}, "b": {Holder: Key{Name: "a"}}},
		},
		"a circle with one that is blocked": {
			services: []Service{at("a", 2, 1, after("ghost")), at("b", 1, 2)},
			want:     map[string]Handover{"a": {Holder: Key{Name: "b"}}, "b": {Holder: Key{Name: "a"}}},
		},
	} {
		for range 3 {
			r := Validate(c.services, nil)
			got := map[string]Handover{}
			for _, s := range c.services {
				if h, ok := r.Handover(s.Key); ok {
					got[s.Name] = h
				}
			}
			if c.want == nil {
				c.want = map[string]Handover{}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			slices.Reverse(c.services)
		}
	}
}

func TestAForeignAddress(t *testing.T) {
	mine := func(s *Service) { s.HoldsIP = true }
	numbered := func(s *Service) { s.VMID = 7 }
	disabled := func(s *Service) { s.Enabled = false }
	ip := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, last}) }
	for what, c := range map[string]struct {
		service Service
		foreign Foreign
		want    string
	}{
		"somebody else has it":          {at("a", 1, 0), Foreign{IP: ip(1), What: "container 7 (nas) on pve1"}, "Duplicate IP addresses: 10.0.0.1 (asked for by a; container 7 (nas) on pve1 has it, which is not managed here: give one of them another address, or stop that guest)"},
		"somebody else has another":     {at("a", 1, 0), Foreign{IP: ip(2)}, ""},
		"both have it already":          {at("a", 1, 1, mine), Foreign{IP: ip(1)}, ""},
		"a disabled service holds none": {at("a", 1, 0, disabled), Foreign{IP: ip(1)}, ""},
		"its own, which it left behind": {at("a", 1, 0), Foreign{IP: ip(1), Service: Key{Name: "a"}}, ""},
		"the one that it asks for":      {at("a", 1, 0, numbered), Foreign{IP: ip(1), VMID: 7}, ""},
		"another than it asks for":      {at("a", 1, 0, numbered), Foreign{IP: ip(1), VMID: 8, What: "w"}, "Duplicate IP addresses: 10.0.0.1 (asked for by a; w has it, which is not managed here: give one of them another address, or stop that guest)"},
		"that of another, left behind":  {at("a", 1, 0), Foreign{IP: ip(1), What: "w", Service: Key{Name: "b"}}, "Duplicate IP addresses: 10.0.0.1 (asked for by a; w has it, which is not managed here: give one of them another address, or stop that guest)"},
	} {
		got := ""
		r := ValidateAmong([]Service{c.service}, nil, []Foreign{c.foreign})
		for i := range r.Problems {
			got += r.Problems[i].String()
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		if _, blocked := r.Block(c.service.Key); blocked != (c.want != "") {
			t.Errorf("%s: blocked %v", what, blocked)
		}
	}
}
