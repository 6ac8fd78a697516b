package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/health"
)

//go:embed health.md
var healthText string

// healthPage is health.md with the table of patterns that the code knows.
func healthPage() string {
	var b strings.Builder
	b.WriteString("| service | layer | check |\n|---|---|---|\n")
	for _, p := range health.Patterns() {
		names := "`" + strings.Join(p.Names, "`, `") + "`"
		for _, l := range p.Layers {
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", names, l.Name, strings.ReplaceAll(l.Check.String(), "|", "\\|"))
			names = ""
		}
	}
	return strings.Replace(healthText, "<!-- patterns -->\n", b.String(), 1)
}
