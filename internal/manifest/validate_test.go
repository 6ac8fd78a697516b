package manifest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// service makes an enabled service in the namespace homelab, or in the one
// before the slash.
func service(name string, options ...func(*manifest.Service)) manifest.Service {
	s := manifest.Service{Key: key(name), Enabled: true}
	for _, option := range options {
		option(&s)
	}
	return s
}

func key(name string) manifest.Key {
	if namespace, inside, ok := strings.Cut(name, "/"); ok {
		return manifest.Key{Namespace: namespace, Name: inside}
	}
	return manifest.Key{Namespace: "homelab", Name: name}
}

type option = func(*manifest.Service)

func needs(names ...string) option { return func(s *manifest.Service) { s.DependsOn = names } }
func ip(addr string) option        { return func(s *manifest.Service) { s.IP = netip.MustParseAddr(addr) } }
func hostname(name string) option  { return func(s *manifest.Service) { s.Hostname = name } }
func day(n int) option {
	return func(s *manifest.Service) { s.Created = time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
}
func disabled(s *manifest.Service)      { s.Enabled = false }
func holdsIP(s *manifest.Service)       { s.HoldsIP = true }
func holdsHostname(s *manifest.Service) { s.HoldsHostname = true }

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// lines takes the indentation off an inline golden.
func lines(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name     string
		services []manifest.Service
		phases   []manifest.Phase
		problems string // message (detail)
		blocked  string
	}{
		{
			name: "a sound set has none",
			services: []manifest.Service{
				service("postgresql", ip("192.168.1.11"), hostname("db.example.com")),
				service("app", ip("192.168.1.12"), hostname("app.example.com"), needs("postgresql")),
			},
		},
		{
			name:     "a circle is named by its smallest service",
			services: []manifest.Service{service("service-b", needs("service-a")), service("service-a", needs("service-b"))},
			problems: `Circular dependency detected: service-a (service-a -> service-b -> service-a)`,
			blocked:  "service-a service-b",
		},
		{
			name: "a circle stops what depends on it and nothing else",
			services: []manifest.Service{
				service("a", needs("b")), service("b", needs("a", "base")), service("base"),
				service("front", needs("b")), service("edge", needs("front")),
			},
			problems: `Circular dependency detected: a (a -> b -> a)`,
			blocked:  "a b edge front",
		},
		{
			name:     "a circle names the services that its shortest way round leaves out",
			services: []manifest.Service{service("a", needs("b", "c")), service("b", needs("a")), service("c", needs("a")), service("d", needs("d"))},
			problems: `
				Circular dependency detected: a (a -> b -> a; c is part of it too)
				Circular dependency detected: d (d -> d)`,
			blocked: "a b c d",
		},
		{
			name:     "a missing dependency is named, and who misses it",
			services: []manifest.Service{service("service-a", needs("service-b")), service("other")},
			problems: `Missing service dependencies: service-b (service-a depends on service-b, which is not on this host; apply what is missing or remove it from dependsOn)`,
			blocked:  "service-a",
		},
		{
			name:     "several missing dependencies are sorted and joined",
			services: []manifest.Service{service("app", needs("redis", "db", "redis"))},
			problems: `Missing service dependencies: db, redis (app depends on db and redis, which are not on this host; apply what is missing or remove it from dependsOn)`,
			blocked:  "app",
		},
		{
			name:     "a dependency in another namespace is missing",
			services: []manifest.Service{service("web/app", needs("db")), service("data/db")},
			problems: `Missing service dependencies: db (web/app depends on db, which is not on this host in namespace web; apply what is missing or remove it from dependsOn)`,
			blocked:  "web/app",
		},
		{
			name: "a duplicate address stops all but the service whose container has it",
			services: []manifest.Service{
				service("a", ip("192.168.1.10"), day(1)), service("b", ip("192.168.1.10"), day(2), holdsIP),
				service("c", ip("192.168.1.10")), service("needs-c", needs("c")), service("needs-b", needs("b")),
			},
			problems: `Duplicate IP addresses: 192.168.1.10 (asked for by a, b and c; b keeps it: its container has it today)`,
			blocked:  "a c needs-c",
		},
		{
			name:     "nobody holds it: the older object keeps it",
			services: []manifest.Service{service("a", ip("192.168.1.10"), day(2)), service("b", ip("192.168.1.10"), day(1))},
			problems: `Duplicate IP addresses: 192.168.1.10 (asked for by a and b; b keeps it: it is the oldest)`,
			blocked:  "a",
		},
		{
			name: "two hold it: the older of them keeps it",
			services: []manifest.Service{
				service("a", ip("192.168.1.10"), day(1)), service("b", ip("192.168.1.10"), day(3), holdsIP), service("c", ip("192.168.1.10"), day(2), holdsIP),
			},
			problems: `Duplicate IP addresses: 192.168.1.10 (asked for by a, b and c; c keeps it: it is the oldest whose container has it)`,
			blocked:  "a b",
		},
		{
			name:     "an object that is not applied yet is the youngest",
			services: []manifest.Service{service("a", ip("192.168.1.10")), service("b", ip("192.168.1.10"), day(1))},
			problems: `Duplicate IP addresses: 192.168.1.10 (asked for by a and b; b keeps it: it is the oldest)`,
			blocked:  "a",
		},
		{
			name:     "of the same age: the smaller name keeps it",
			services: []manifest.Service{service("y/a", ip("192.168.1.10"), day(1)), service("x/b", ip("192.168.1.10"), day(1))},
			problems: `Duplicate IP addresses: 192.168.1.10 (asked for by x/b and y/a; x/b keeps it: its name sorts first)`,
			blocked:  "y/a",
		},
		{
			name:     "addresses are compared as addresses",
			services: []manifest.Service{service("a", ip("2001:db8::1")), service("b", ip("2001:DB8:0::0:1")), service("c", ip("10.0.0.1")), service("d", ip("::ffff:10.0.0.1"))},
			problems: `
				Duplicate IP addresses: 10.0.0.1 (asked for by c and d; c keeps it: its name sorts first)
				Duplicate IP addresses: 2001:db8::1 (asked for by a and b; a keeps it: its name sorts first)`,
			blocked: "b d",
		},
		{
			name:     "host names are compared without regard to case",
			services: []manifest.Service{service("a", hostname("app.example.com")), service("b", hostname("App.Example.com"), holdsHostname)},
			problems: `Duplicate hostnames: app.example.com (asked for by a and b; b keeps it: its container has it today)`,
			blocked:  "a",
		},
		{
			name:     "who holds the address need not hold the name",
			services: []manifest.Service{service("a", hostname("x.lan"), ip("10.0.0.1"), holdsIP), service("b", hostname("x.lan"), ip("10.0.0.2"), holdsHostname)},
			problems: `Duplicate hostnames: x.lan (asked for by a and b; b keeps it: its container has it today)`,
			blocked:  "a",
		},
		{
			name:     "no address and no host name are no duplicates",
			services: []manifest.Service{service("a"), service("b")},
		},
		{
			name: "a disabled service holds nothing and asks for nothing",
			services: []manifest.Service{
				service("a", ip("192.168.1.10"), hostname("x.lan"), needs("gone"), disabled, holdsIP, holdsHostname),
				service("b", ip("192.168.1.10"), hostname("x.lan")),
			},
		},
		{
			name:     "a disabled dependency is not missing and holds",
			services: []manifest.Service{service("db", disabled), service("app", needs("db")), service("front", needs("app"))},
			problems: `Disabled service dependencies: db (app depends on db, which is disabled; enable what is disabled or remove it from dependsOn)`,
			blocked:  "app front",
		},
		{
			name:     "a circle through a disabled service is one",
			services: []manifest.Service{service("a", needs("a"), disabled), service("b", disabled)},
			problems: `Circular dependency detected: a (a -> a)`,
			blocked:  "a",
		},
		{
			name:     "a service may not stand in a phase before its dependency",
			services: []manifest.Service{service("app", needs("db", "dns", "cache")), service("db"), service("dns"), service("cache")},
			phases:   []manifest.Phase{{Name: "base", Services: []string{"app", "dns"}}, {Services: []string{"db"}}, {Name: "late", Services: []string{"cache"}}},
			problems: `Services in a phase before their dependencies: app (app is in phase 1 (base) and depends on cache in phase 3 (late), db in phase 2; change the host's phases or dependsOn)`,
			blocked:  "app",
		},
		{
			name:     "unless it is disabled",
			services: []manifest.Service{service("app", needs("db"), disabled), service("db")},
			phases:   []manifest.Phase{{Services: []string{"app"}}, {Services: []string{"db"}}},
		},
		{
			name:     "a phase that lists an unknown name stops no service by itself",
			services: []manifest.Service{service("app")},
			phases:   []manifest.Phase{{Name: "base", Services: []string{"app"}}, {Name: "core", Services: []string{"y", "x"}}},
			problems: `Unknown services in phases: x, y (phase 2 (core) lists x and y; no later phase starts for the first time until they exist)`,
		},
		{
			name:     "the first of several phases counts",
			services: []manifest.Service{service("app")},
			phases:   []manifest.Phase{{Name: "base", Services: []string{"app"}}, {Services: []string{"app"}}},
			problems: `Services in several phases: app (app is listed in phase 1 (base) and phase 2; the first counts)`,
		},
		{
			name:     "one object in two files",
			services: []manifest.Service{service("app", ip("10.0.0.2")), service("app", ip("10.0.0.1"), needs("gone")), service("app")},
			problems: `
				Missing service dependencies: gone (app depends on gone, which is not on this host; apply what is missing or remove it from dependsOn)
				Duplicate services: app (app is defined 3 times; keep one)`,
			blocked: "app",
		},
		{
			name: "all problems are reported at once",
			services: []manifest.Service{
				service("a", needs("b"), ip("192.168.1.10")), service("b", needs("a"), ip("192.168.1.11")),
				service("c", needs("lost"), ip("192.168.1.10"), hostname("x.lan")), service("d", hostname("x.lan")), service("e"),
			},
			problems: `
				Circular dependency detected: a (a -> b -> a)
				Missing service dependencies: lost (c depends on lost, which is not on this host; apply what is missing or remove it from dependsOn)
				Duplicate IP addresses: 192.168.1.10 (asked for by a and c; a keeps it: its name sorts first)
				Duplicate hostnames: x.lan (asked for by c and d; c keeps it: its name sorts first)`,
			blocked: "a b c d",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := manifest.Validate(tt.services, tt.phases)
			var problems []string
			for i := range r.Problems {
				problems = append(problems, r.Problems[i].String())
			}
			same(t, "problems", lines(tt.problems), problems)
			same(t, "blocked", tt.blocked, spell(r.Blocked()))
		})
	}
}

// spell writes keys without the usual namespace.
func spell(keys []manifest.Key) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = strings.TrimPrefix(k.String(), "homelab/")
	}
	return strings.Join(names, " ")
}

func TestMessagesOfTheSetNameEverythingOfAKind(t *testing.T) {
	r := manifest.Validate([]manifest.Service{
		service("y", needs("z")), service("z", needs("y", "lost")), service("a", needs("a", "gone", "lost")),
		service("b", ip("192.168.1.12")), service("c", ip("192.168.1.12")),
		service("d", ip("192.168.1.10")), service("e", ip("192.168.1.10")),
	}, nil)
	same(t, "messages", lines(`
		Circular dependency detected: a, y
		Missing service dependencies: gone, lost
		Duplicate IP addresses: 192.168.1.10, 192.168.1.12`), r.Messages())
}

func TestALongCircleIsShownWithoutItsMiddle(t *testing.T) {
	var services []manifest.Service
	for i := range 1000 {
		services = append(services, service(fmt.Sprintf("s%04d", i), needs(fmt.Sprintf("s%04d", (i+1)%1000))))
	}
	detail := manifest.Validate(services, nil).Problems[0].Detail
	same(t, "detail", "s0000 -> s0001 -> s0002 -> s0003 -> s0004 -> s0005 -> s0006 -> s0007 -> s0008 -> s0009 -> ... -> "+
		"s0991 -> s0992 -> s0993 -> s0994 -> s0995 -> s0996 -> s0997 -> s0998 -> s0999 -> s0000", detail)
}

func TestBlock(t *testing.T) {
	r := manifest.Validate([]manifest.Service{
		service("a", needs("b")), service("b", needs("a")),
		service("early", needs("lost")), service("behind-both", needs("early", "a")),
		service("far", needs("behind-both")), service("two", needs("lost"), ip("10.0.0.2"), day(2)),
		service("keeper", ip("10.0.0.2"), day(1)),
	}, nil)
	for _, tt := range []struct {
		service, message string
		needsEdit        bool
	}{
		{"a", "Circular dependency detected: a (a -> b -> a)", true},
		{"early", "Missing service dependencies: lost (early depends on lost, which is not on this host; apply what is missing or remove it from dependsOn)", false},
		{"behind-both", "Depends on a, which is held back: Circular dependency detected: a (a -> b -> a)", false},
		{"far", "Depends on behind-both, which is held back: Circular dependency detected: a (a -> b -> a)", false},
		{"two", "Missing service dependencies: lost (two depends on lost, which is not on this host; apply what is missing or remove it from dependsOn); " +
			"Duplicate IP addresses: 10.0.0.2 (asked for by keeper and two; keeper keeps it: it is the oldest)", true},
	} {
		t.Run(tt.service, func(t *testing.T) {
			b, blocked := r.Block(key(tt.service))
			if !blocked {
				t.Fatal("is not blocked")
			}
			same(t, "message", tt.message, b.Message())
			same(t, "needs an edit", tt.needsEdit, b.NeedsEdit())
		})
	}
	if b, _ := r.Block(key("two")); b.Cause.Kind != manifest.DuplicateIP {
		t.Errorf("the cause of two is %s, want the problem that needs an edit", b.Cause.Kind)
	}
	for _, name := range []string{"keeper", "nobody"} {
		if _, blocked := r.Block(key(name)); blocked {
			t.Errorf("%s is blocked", name)
		}
	}
}
