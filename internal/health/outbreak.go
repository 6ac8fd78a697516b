package health

import (
	"slices"
	"sync"
	"time"
)

// Outbreaks notice when many services of a group, such as those of a node or a bridge, fall ill together. That speaks of the way to
// them, or of what they share, rather than of each: nobody is restarted for it. It reads no clock.
type Outbreaks struct {
	window time.Duration

	mu     sync.Mutex
	groups map[string]*group
	of     map[string][]string // the groups of a service
}

type group struct {
	ill     map[string]time.Time // since when; zero for who is not
	suspect bool
}

// The share and the least number of a group that must fall ill within one window.
const (
	outbreakShare = 5 // more than a fifth
	outbreakLeast = 3
)

// NewOutbreaks makes an observer with the window within which illnesses belong together.
func NewOutbreaks(window time.Duration) *Outbreaks {
	return &Outbreaks{window: window, groups: map[string]*group{}, of: map[string][]string{}}
}

// Notice is what a look at a service brought up.
type Notice struct {
	// Group is the one whose services are ill together, this service among them; empty when there is none.
	Group    string
	Ill, All int
	// Began and Turned: the group became suspect, or ceased to be, with this look; Others are those whose case looks different now.
	Began, Turned bool
	Others        []string
}

// Note records how a service is, ill since a time or not (zero), and says whether that is part of an outbreak.
func (o *Outbreaks) Note(key string, groups []string, illSince time.Time) Notice {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.move(key, groups)
	var n Notice
	for _, name := range groups {
		g := o.groups[name]
		g.ill[key] = illSince
		was := g.suspect
		ill, together := g.count(o.window)
		g.suspect = many(ill, len(g.ill)) && (was || many(together, len(g.ill)))
		if g.suspect && !illSince.IsZero() && n.Group == "" {
			n.Group, n.Ill, n.All = name, ill, len(g.ill)
		}
		if g.suspect != was {
			n.Turned, n.Began = true, n.Began || g.suspect
			n.Others = append(n.Others, g.others(key)...)
		}
	}
	return n
}

// Suspects says whether a service belongs to a group whose services are ill together.
func (o *Outbreaks) Suspects(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.of[key], func(name string) bool { return o.groups[name].suspect })
}

// Forget is for a service that is not checked any more.
func (o *Outbreaks) Forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.move(key, nil)
}

// move takes a service out of groups that it left, and into those that are new.
func (o *Outbreaks) move(key string, groups []string) {
	for _, name := range o.of[key] {
		if slices.Contains(groups, name) {
			continue
		}
		delete(o.groups[name].ill, key)
		if len(o.groups[name].ill) == 0 {
			delete(o.groups, name)
		}
	}
	delete(o.of, key)
	for _, name := range groups {
		if o.groups[name] == nil {
			o.groups[name] = &group{ill: map[string]time.Time{}}
		}
	}
	if len(groups) > 0 {
		o.of[key] = groups
	}
}

func many(ill, all int) bool { return ill >= outbreakLeast && ill*outbreakShare > all }

// count is how many are ill, and how many of them fell ill within one window with the last.
func (g *group) count(window time.Duration) (ill, together int) {
	var last time.Time
	for _, since := range g.ill {
		if since.After(last) {
			last = since
		}
	}
	for _, since := range g.ill {
		if since.IsZero() {
			continue
		}
		ill++
		if last.Sub(since) <= window {
			together++
		}
	}
	return ill, together
}

func (g *group) others(key string) []string {
	var all []string
	for other, since := range g.ill {
		if other != key && !since.IsZero() {
			all = append(all, other)
		}
	}
	return all
}
