package plan

import (
	"slices"
	"strconv"
	"strings"
)

// Options are settings that a wish may leave as the container has them: nil. Observed, none is nil.
type Options struct {
	MTU          *int     // 0: that of the bridge
	RateMBps     *float64 // 0: no limit
	Keyctl, FUSE *bool
	Mount        []string // types of file systems; empty and not nil: none
	Timezone     *string  // "": that of the template
}

// option is one of them as text, for comparing and for people.
type option struct {
	field Field
	text  string
	set   bool
	// restart says that a running container takes it up only at its next start.
	restart bool
}

func (o Options) list() []option {
	return []option{
		{FieldMTU, number(value(o.MTU)), o.MTU != nil, true},
		{FieldRate, megabytes(value(o.RateMBps)), o.RateMBps != nil, false},
		{FieldKeyctl, onOff(value(o.Keyctl)), o.Keyctl != nil, true},
		{FieldFUSE, onOff(value(o.FUSE)), o.FUSE != nil, true},
		{FieldMount, tags(o.Mount), o.Mount != nil, true},
		{FieldTimezone, value(o.Timezone), o.Timezone != nil, true},
	}
}

func optionNames() []string {
	var names []string
	for _, option := range (Options{}).list() {
		names = append(names, string(option.field))
	}
	return names
}

// Set names the options that a wish says something about.
func (o Options) Set() []string {
	var names []string
	for _, option := range o.list() {
		if option.set {
			names = append(names, string(option.field))
		}
	}
	return names
}

// TakeBack makes the named options wishes for what they were before anybody set them, unless the wish says something about them.
func (o Options) TakeBack(names []string) Options {
	for _, name := range names {
		switch Field(name) {
		case FieldMTU:
			o.MTU = orZero(o.MTU)
		case FieldRate:
			o.RateMBps = orZero(o.RateMBps)
		case FieldKeyctl:
			o.Keyctl = orZero(o.Keyctl)
		case FieldFUSE:
			o.FUSE = orZero(o.FUSE)
		case FieldMount:
			if o.Mount == nil {
				o.Mount = []string{}
			}
		case FieldTimezone:
			o.Timezone = orZero(o.Timezone)
		}
	}
	return o
}

// optionChanges are the options that differ from what the wish says about them.
func optionChanges(d, o Options, running bool) []Change {
	var cs []Change
	has := o.list()
	for i, wish := range d.list() {
		if wish.set && wish.text != has[i].text {
			cs = append(cs, Change{Field: wish.field, From: has[i].text, To: wish.text, OwesRestart: wish.restart && running})
		}
	}
	return cs
}

// features are the fields that Proxmox keeps in one setting, which few may change.
var features = []Field{FieldNesting, FieldKeyctl, FieldFUSE, FieldMount}

// RootOnly is whether an option is one that only root@pam in person may change.
func RootOnly(option string) bool { return slices.Contains(features, Field(option)) }

// withoutFeatures takes the changes of features out of the list, with the reason for each, where the credentials may not make them: of an
// unprivileged container everyone may change nesting; all else is for root@pam in person.
func withoutFeatures(cs []Change, unprivileged bool) (rest []Change, refused []Refusal) {
	for _, c := range cs {
		if !slices.Contains(features, c.Field) || c.Field == FieldNesting && unprivileged {
			rest = append(rest, c)
			continue
		}
		why := "Proxmox lets only root@pam in person change it, and no API token"
		if c.Field == FieldNesting {
			why = "Proxmox lets only root@pam in person change features of a privileged container, and no API token"
		}
		c.OwesRestart = false
		refused = append(refused, Refusal{c, why + "; take it out of the spec, or set it with pct on the node"})
	}
	return rest, refused
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func orZero[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

func megabytes(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + " MB/s"
}

// tags is a set as text.
func tags(ts []string) string {
	sorted := slices.Clone(ts)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), ";")
}
