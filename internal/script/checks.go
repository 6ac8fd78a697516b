package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/health"
)

// what are the checks that a script makes of a service: after a start that of the startup, else those of a service that runs.
func (s *Service) what(kind Kind) (single health.Check, layers []health.Layer) {
	if startup := s.Checks.Startup; startup != nil && (kind == Deploy || kind == Plan) {
		return *startup, nil
	}
	return s.Checks.Liveness, s.Checks.Layers
}

// name is that of the function which makes the check of service number n.
func (s *Service) name(kind Kind, n int) string {
	if single, layers := s.what(kind); len(layers) == 0 && single.Kind == health.KindRunning {
		return "runs"
	}
	return fmt.Sprintf("check_%d", n)
}

// all are all checks that a script may make of a service.
func (s *Service) all(kind Kind) []health.Check {
	single, layers := s.what(kind)
	if kind == Health {
		layers = slices.Concat(layers, s.Layers)
	}
	checks := []health.Check{single}
	for _, l := range layers {
		checks = append(checks, l.Check)
	}
	return checks
}

// insideScripts writes the scripts that ask a URL or a port inside a container, where one is needed. They are the controller's own.
func insideScripts(b *strings.Builder, kind Kind, in Input) {
	if kind == Rollback {
		return
	}
	for _, form := range []health.Kind{health.KindHTTP, health.KindTCP} {
		for i := range in.Services {
			checks := in.Services[i].all(kind)
			at := slices.IndexFunc(checks, func(c health.Check) bool { return c.Kind == form })
			if at < 0 {
				continue
			}
			script, names, _, err := health.InsideScript(checks[at], "")
			if err != nil {
				continue
			}
			var set []string
			for n, name := range names {
				set = append(set, fmt.Sprintf("%s=$%d", name, n+1))
			}
			fmt.Fprintf(b, "\n# ask_%[1]s: what the controller runs inside a container to ask for a check of the form %[1]s.\nask_%[1]s() {\n\tcat <<'END'\n%[2]s\n%[3]s\nEND\n}\n",
				form, strings.Join(set, " "), strings.TrimRight(script, "\n"))
			break
		}
	}
}

// checkFunctions writes the checks of one service as functions: one for each layer's line, and one for what counts.
func checkFunctions(b *strings.Builder, n int, kind Kind, s *Service) {
	single, layers := s.what(kind)
	switch {
	case len(layers) > 0:
		fmt.Fprintf(b, "\ncheck_%[1]d() {\n\tcombine layers_%[1]d\n}\n", n)
	case single.Kind != health.KindRunning:
		fmt.Fprintf(b, "\ncheck_%d() {\n\t%s\n}\n", n, checkLine(single, s))
	}
	if kind == Health {
		layers = s.Layers
	}
	if len(layers) == 0 {
		return
	}
	fmt.Fprintf(b, "\nlayers_%d() {\n", n)
	for _, l := range layers {
		fmt.Fprintf(b, "\tlayer %s %s\n", Quote(l.Name), checkLine(l.Check, s))
	}
	b.WriteString("}\n")
}

// checkLine is a check as a command of the script.
func checkLine(c health.Check, s *Service) string {
	switch c.Kind {
	case health.KindRunning:
		return "runs"
	case health.KindHTTP, health.KindTCP:
		if c.Kind == health.KindTCP && c.Host == "" {
			c.Host = s.Desired.Net.IP.Addr().String()
		}
		_, names, values, err := health.InsideScript(c, s.Desired.Hostname)
		if err != nil {
			return "inside " + Quote("exit 97") // it parsed before, so it does here
		}
		words := []string{"inside", fmt.Sprintf(`"$(ask_%s)"`, c.Kind)}
		for i, value := range values {
			switch names[i] {
			case "seconds":
				words = append(words, `"$check_timeout"`)
			case "whole_seconds":
				words = append(words, `"$((check_timeout + 1))"`)
			default:
				words = append(words, Quote(value))
			}
		}
		return strings.Join(words, " ")
	}
	return "passes " + Quote(c.Command)
}
