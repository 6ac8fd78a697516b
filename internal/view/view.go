// Package view draws a stack of services for a terminal: as lines, phase by phase, and redrawn in place without flicker. The demo and
// the kubectl plugin show the same picture. Drawing is pure; Screen writes.
package view

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Frame is the stack as a picture of lines, phase by phase: what runs, what is being done, what waits for what. Lines are cut to width
// (0: not at all); colour is only for terminals. Without elapsed no
// time is shown.
func Frame(host *v1alpha1.NixMoxHost, services []v1alpha1.NixMoxService, elapsed time.Duration, width int, colour bool) []string {
	byPhase := map[int32][]*v1alpha1.NixMoxService{}
	ready := 0
	for i := range services {
		svc := &services[i]
		byPhase[svc.Status.Phase] = append(byPhase[svc.Status.Phase], svc)
		if glyphOf(svc).done {
			ready++
		}
	}
	heading := fmt.Sprintf("%s  %d/%d ready", bar(ready, len(services)), ready, len(services))
	if elapsed > 0 {
		heading += fmt.Sprintf(", %.0f s", elapsed.Seconds())
	}
	lines := []string{heading}
	column := nameColumn(services)
	for _, phase := range phasesIn(host, byPhase) {
		lines = append(lines, paint(colour, bold, strings.TrimSpace(fmt.Sprintf("phase %d  %s", phase.Number, phase.Name))))
		for _, svc := range byPhase[phase.Number] {
			lines = append(lines, serviceLine(svc, column, width, colour))
		}
	}
	for _, svc := range byPhase[0] {
		lines = append(lines, serviceLine(svc, column, width, colour))
	}
	return lines
}

// phasesIn are the host's phases, or what the services say of them while the host has not been surveyed.
func phasesIn(host *v1alpha1.NixMoxHost, byPhase map[int32][]*v1alpha1.NixMoxService) []v1alpha1.PhaseStatus {
	var phases []v1alpha1.PhaseStatus
	if host != nil {
		phases = slices.Clone(host.Status.Phases)
	}
	for number := range byPhase {
		known := slices.ContainsFunc(phases, func(p v1alpha1.PhaseStatus) bool { return p.Number == number })
		if number > 0 && !known {
			phases = append(phases, v1alpha1.PhaseStatus{Number: number})
		}
	}
	slices.SortFunc(phases, func(a, b v1alpha1.PhaseStatus) int { return int(a.Number - b.Number) })
	return phases
}

const (
	bold   = "1"
	green  = "32"
	yellow = "33"
	red    = "31"
	dim    = "2"
)

type glyph struct {
	sign, colour string
	done         bool
}

// glyphOf is a service's state as one sign.
func glyphOf(svc *v1alpha1.NixMoxService) glyph {
	switch svc.Status.State {
	case "Running", "Disabled":
		return glyph{"✔", green, true}
	case "Creating", "Starting", "Checking", "Updating", "Stopping", "Resolving":
		return glyph{"▸", yellow, false}
	case "Waiting", "Pending", "":
		return glyph{"·", dim, false}
	}
	return glyph{"✘", red, false}
}

// nameColumn is as wide as the longest name, within reason.
func nameColumn(services []v1alpha1.NixMoxService) int {
	column := 12
	for i := range services {
		column = max(column, len(services[i].Name))
	}
	return min(column, 30)
}

func serviceLine(svc *v1alpha1.NixMoxService, column, width int, colour bool) string {
	g := glyphOf(svc)
	vmid := ""
	if svc.Status.VMID != 0 {
		vmid = fmt.Sprint(svc.Status.VMID)
	}
	text := fmt.Sprintf("  %s %-*s %4s  %-9s %s", g.sign, column, svc.Name, vmid, svc.Status.State, Message(svc))
	return paint(colour, g.colour, cut(text, width))
}

func bar(done, all int) string {
	const length = 20
	filled := 0
	if all > 0 {
		filled = done * length / all
	}
	return "[" + strings.Repeat("█", filled) + strings.Repeat("░", length-filled) + "]"
}

func cut(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-1, 0)]) + "…"
}

func paint(colour bool, code, text string) string {
	if !colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Message is what a service's Ready condition says.
func Message(svc *v1alpha1.NixMoxService) string {
	if c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}
