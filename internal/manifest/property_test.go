package manifest_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// drawServices makes few names, addresses and host names, so that every kind
// of problem is common.
func drawServices(t *rapid.T) []manifest.Service {
	names := []string{"a", "b", "c", "d", "e", "f"}
	one := rapid.Custom(func(t *rapid.T) manifest.Service {
		s := manifest.Service{
			Key: manifest.Key{
				Namespace: rapid.SampledFrom([]string{"x", "x", "y"}).Draw(t, "namespace"),
				Name:      rapid.SampledFrom(names).Draw(t, "name"),
			},
			Hostname:      rapid.SampledFrom([]string{"", "p.lan", "P.lan", "q.lan", "r.lan"}).Draw(t, "hostname"),
			DependsOn:     rapid.SliceOfN(rapid.SampledFrom(names), 0, 2).Draw(t, "dependsOn"),
			Enabled:       rapid.IntRange(0, 4).Draw(t, "enabled") > 0,
			HoldsIP:       rapid.Bool().Draw(t, "holdsIP"),
			HoldsHostname: rapid.Bool().Draw(t, "holdsHostname"),
			Created:       time.Unix(rapid.Int64Range(0, 2).Draw(t, "created"), 0),
		}
		if last := rapid.IntRange(0, 5).Draw(t, "ip"); last > 0 {
			s.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(last)})
		}
		return s
	})
	return rapid.SliceOfN(one, 0, 9).Draw(t, "services")
}

func drawPhases(t *rapid.T) []manifest.Phase {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "z"}), 0, 3)
	var phases []manifest.Phase
	for range rapid.IntRange(0, 3).Draw(t, "phases") {
		phases = append(phases, manifest.Phase{Services: names.Draw(t, "listed")})
	}
	return phases
}

func TestBlockedAreTheServicesOfProblemsAndWhatDependsOnThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		services := drawServices(t)
		r := manifest.Validate(services, drawPhases(t))
		want := map[manifest.Key]bool{}
		for _, p := range r.Problems {
			for _, k := range p.Services {
				want[k] = true
			}
		}
		for range services {
			for _, s := range services {
				for _, name := range s.DependsOn {
					if want[manifest.Key{Namespace: s.Namespace, Name: name}] {
						want[s.Key] = true
					}
				}
			}
		}
		got := map[manifest.Key]bool{}
		for _, k := range r.Blocked() {
			got[k] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("blocked (-want +got):\n%s", diff)
		}
		for k := range got {
			checkBlock(t, r, k)
		}
	})
}

// checkBlock follows the reason of a block to a problem that it is true of.
func checkBlock(t *rapid.T, r *manifest.Report, k manifest.Key) {
	b, blocked := r.Block(k)
	if !blocked || b.Cause == nil {
		t.Fatalf("%s is blocked without a cause", k)
	}
	for _, p := range b.Problems {
		if !slices.Contains(p.Services, k) {
			t.Fatalf("%s: %v is not its problem", k, p)
		}
	}
	if len(b.Problems) > 0 {
		return
	}
	if !slices.Contains(r.Dependencies(k), b.Through) {
		t.Fatalf("%s does not depend on %s, through which it is blocked", k, b.Through)
	}
	if next, _ := r.Block(b.Through); next.Cause != b.Cause {
		t.Fatalf("%s is blocked by %v through %s, which is blocked by %v", k, b.Cause, b.Through, next.Cause)
	}
}

func TestOneServiceKeepsEachDuplicate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		services := drawServices(t)
		r := manifest.Validate(services, nil)
		asks := map[string][]manifest.Key{}
		seen := map[manifest.Key]bool{}
		for _, s := range services {
			if seen[s.Key] {
				t.Skip("one object twice: which definition stands is another test")
			}
			seen[s.Key] = true
			if s.Enabled && s.IP.IsValid() {
				asks[s.IP.String()] = append(asks[s.IP.String()], s.Key)
			}
			if h := strings.ToLower(s.Hostname); s.Enabled && h != "" {
				asks[h] = append(asks[h], s.Key)
			}
		}
		reported := map[string]bool{}
		for _, p := range r.Problems {
			if p.Kind != manifest.DuplicateIP && p.Kind != manifest.DuplicateHostname {
				continue
			}
			reported[p.Names[0]] = true
			got := append([]manifest.Key{p.Keeper}, p.Services...)
			slices.SortFunc(got, manifest.Key.Compare)
			want := asks[p.Names[0]]
			slices.SortFunc(want, manifest.Key.Compare)
			if !slices.Equal(want, got) {
				t.Fatalf("%s: keeper and stopped are %v, asked for by %v", p.Message, got, want)
			}
		}
		for value, keys := range asks {
			if reported[value] != (len(keys) > 1) {
				t.Fatalf("%s: asked for by %v, reported %t", value, keys, reported[value])
			}
		}
	})
}

func TestTheOrderOfTheInputChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		services, phases := drawServices(t), drawPhases(t)
		shuffled := rapid.Permutation(services).Draw(t, "shuffled")
		for i := range shuffled {
			shuffled[i].DependsOn = rapid.Permutation(shuffled[i].DependsOn).Draw(t, "dependsOn")
		}
		if diff := cmp.Diff(everything(services, phases), everything(shuffled, phases)); diff != "" {
			t.Fatalf("the order of the input shows:\n%s", diff)
		}
	})
}

func everything(services []manifest.Service, phases []manifest.Phase) string {
	r := manifest.Validate(services, phases)
	text := fmt.Sprint(r.Problems, r.Messages(), r.Order(), r.Unordered(), r.Phases(), r.HoldAfter(), r.Graph().DOT(r.Clusters()))
	for _, k := range r.Blocked() {
		b, _ := r.Block(k)
		text += fmt.Sprint("\n", k, " ", b.Message(), r.Phase(k), r.Level(k), r.Dependencies(k), r.Dependents(k))
	}
	return text
}

func TestValidateLeavesItsInputAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		services, phases := drawServices(t), drawPhases(t)
		before := fmt.Sprint(services, phases)
		manifest.Validate(services, phases)
		if after := fmt.Sprint(services, phases); after != before {
			t.Fatalf("input was\n%s\nand is\n%s", before, after)
		}
	})
}
