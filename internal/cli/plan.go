package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/forecast"
)

// planAnswer is what `plan -o json` prints. Its form is a promise.
type planAnswer struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Against is nothing, or the cluster.
	Against  string          `json:"against"`
	Changes  bool            `json:"changes"`
	Hosts    []forecast.Host `json:"hosts"`
	Problems problems        `json:"problems"`
}

type planOptions struct {
	from         source
	out          output
	live, asCode bool
}

func (p *program) planCommand() *cobra.Command {
	var opts planOptions
	c := &cobra.Command{
		Use:   "plan [-f FILE [--live]]",
		Short: "Say what would happen, before it happens, with the cause of each step",
		Long: `Say what would happen, phase by phase and service by service, with the cause of each step.

  plan                 what remains to be done in the cluster
  plan -f DIR          what the manifests would bring up where there is nothing yet (no cluster needed)
  plan -f DIR --live   what applying the manifests would change in the cluster

What Proxmox has is read from the status of the services; no Proxmox credentials are needed. Objects of the cluster that are not among
the manifests are left as they are, as kubectl apply does.

Exit codes: 0, 1 on an error or a problem, with --exit-code 2 when something would change.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return p.plan(c.Context(), &opts) },
	}
	opts.from.addFlags(c)
	opts.out.addFlag(c, "text")
	c.Flags().BoolVar(&opts.live, "live", false, "compare the manifests of -f with the cluster")
	c.Flags().BoolVar(&opts.asCode, "exit-code", false, "exit with code 2 when something would change")
	return c
}

func (p *program) plan(ctx context.Context, opts *planOptions) error {
	opts.from.partial = opts.live
	st, err := p.load(ctx, &opts.from)
	if err != nil {
		return err
	}
	answer := planAnswer{APIVersion: "cli.nixmox.dev/v1alpha1", Kind: "Plan", Against: "nothing", Hosts: []forecast.Host{}}
	live := &stack{}
	switch {
	case !opts.from.local():
		live, answer.Against = st, "cluster"
	case opts.live:
		if live, err = p.liveFor(ctx, st); err != nil {
			return err
		}
		answer.Against, st = "cluster", over(live, st)
	}
	for _, s := range st.sets {
		h := forecast.Of(inputFor(s, live))
		answer.Changes = answer.Changes || h.Changes()
		answer.Hosts = append(answer.Hosts, h)
	}
	answer.Problems = append(problems{}, st.all()...)
	printed, err := p.structured(opts.out, answer)
	if err != nil {
		return err
	}
	if !printed {
		p.printPlan(answer)
	}
	switch {
	case len(answer.Problems) > 0 && printed:
		return exitCode(ExitProblem)
	case len(answer.Problems) > 0:
		return answer.Problems
	case answer.Changes && opts.asCode:
		return exitCode(ExitChanges)
	}
	return nil
}

// inputFor puts a set together with what the cluster has of its host.
func inputFor(s *set, live *stack) forecast.Input {
	in := forecast.Input{Host: s.host, Services: s.allowed}
	for _, l := range live.sets {
		if l.name() == s.name() {
			in.LiveHost, in.Live = l.host, l.allowed
		}
	}
	return in
}

// over is the cluster's objects with those of the manifests in their place, as they would be once applied.
func over(live, st *stack) *stack {
	merged := &stack{problems: st.problems, hosts: slices.Clone(st.hosts), services: slices.Clone(st.services), labels: maps.Clone(live.labels)}
	for namespace, labels := range st.labels {
		merged.label(namespace, labels)
	}
	for _, host := range live.hosts {
		if !slices.ContainsFunc(st.hosts, func(h v1alpha1.NixMoxHost) bool { return h.Name == host.Name && h.Namespace == host.Namespace }) {
			merged.hosts = append(merged.hosts, host)
		}
	}
	for i := range live.services {
		svc := &live.services[i]
		at := slices.IndexFunc(merged.services, func(s v1alpha1.NixMoxService) bool { return s.Name == svc.Name && s.Namespace == svc.Namespace })
		if at < 0 {
			merged.services = append(merged.services, *svc)
			continue
		}
		// What only the cluster knows: age and status, by which a duplicate is judged.
		wish := &merged.services[at]
		wish.CreationTimestamp, wish.UID, wish.Status = svc.CreationTimestamp, svc.UID, svc.Status
	}
	merged.group()
	return merged
}

// liveFor reads what the cluster has in the namespaces of the manifests.
func (p *program) liveFor(ctx context.Context, st *stack) (*stack, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	namespaces := map[string]bool{}
	for i := range st.hosts {
		namespaces[st.hosts[i].Namespace] = true
	}
	for i := range st.services {
		namespaces[st.services[i].Namespace] = true
	}
	live := &stack{}
	for namespace := range namespaces {
		found, err := readObjects(ctx, c, namespace)
		if err != nil {
			return nil, err
		}
		live.hosts = append(live.hosts, found.hosts...)
		live.services = append(live.services, found.services...)
	}
	if err := live.fetch(ctx, c); err != nil {
		return nil, err
	}
	live.group()
	return live, nil
}

func (p *program) printPlan(answer planAnswer) {
	total := map[forecast.Action]int{}
	for _, h := range answer.Hosts {
		if len(answer.Hosts) > 1 {
			fmt.Fprintln(p.Out, h.Host)
		}
		printHost(p.Out, h, p.paint)
		for action, n := range h.Summary {
			total[action] += n
		}
	}
	fmt.Fprintln(p.Out, summary(total))
}

// summary is "10 to create, 2 unchanged".
func summary(total map[forecast.Action]int) string {
	words := map[forecast.Action]string{
		forecast.Create: "to create", forecast.Adopt: "to adopt", forecast.Change: "to change in place", forecast.Restart: "to restart", forecast.Start: "to start",
		forecast.Stop: "to stop", forecast.Refused: "with a refused change", forecast.Blocked: "held back", forecast.Nothing: "without a change",
	}
	var parts []string
	for _, action := range forecast.Actions {
		if n := total[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[action]))
		}
	}
	if len(parts) == 0 {
		return "Plan: no services"
	}
	return "Plan: " + strings.Join(parts, ", ")
}

var signs = map[forecast.Action]struct{ sign, colour string }{
	forecast.Create: {"+", green}, forecast.Adopt: {"~", yellow}, forecast.Change: {"~", yellow}, forecast.Restart: {"!", red}, forecast.Start: {"+", green},
	forecast.Stop: {"-", red}, forecast.Refused: {"x", red}, forecast.Blocked: {"x", red}, forecast.Nothing: {" ", dim},
}

func printHost(w io.Writer, h forecast.Host, paint func(colour, text string) string) {
	for _, phase := range h.Phases {
		title := phaseTitle(phase.Number, phase.Name)
		if phase.Number == 0 {
			title = "no phase (in or behind a circle)"
		}
		fmt.Fprintln(w, paint(bold, title))
		for _, s := range phase.Services {
			printService(w, s, paint)
		}
	}
}

func printService(w io.Writer, s forecast.Service, paint func(colour, text string) string) {
	sign := signs[s.Action]
	line := fmt.Sprintf("  %s %s: %s", sign.sign, s.Name, s.Action)
	if s.Action == forecast.Change {
		line += " in place"
	}
	if s.Cause != "" {
		line += " (" + s.Cause + ")"
	}
	fmt.Fprintln(w, paint(sign.colour, line))
	for _, r := range s.Refused {
		fmt.Fprintln(w, "      refused: "+r)
	}
	for _, step := range s.Steps {
		mark := ""
		if step.Disrupts {
			mark = " (disrupts)"
		}
		fmt.Fprintf(w, "      %s%s: %s\n", step.Kind, mark, strings.Join(step.Causes, "; "))
	}
}
