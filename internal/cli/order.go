package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/internal/manifest"
)

// orderPhase is one phase of the deployment order, for programs.
type orderPhase struct {
	Host     string   `json:"host"`
	Number   int      `json:"number"`
	Name     string   `json:"name,omitempty"`
	Services []string `json:"services"`
}

func (p *program) orderCommand() *cobra.Command {
	var from source
	var out output
	var reverse bool
	c := &cobra.Command{
		Use:   "order [-f FILE]",
		Short: "List the services in the order in which they are deployed",
		Long: `List the services in the order in which they are deployed, phase by phase. Inside a phase what depends on nothing comes first; services of
one phase that do not depend on each other come up together. With --reverse it is the order of teardown.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := p.load(c.Context(), &from)
			if err != nil {
				return err
			}
			list := orderOf(st, reverse)
			if printed, err := p.structured(out, list); err != nil || printed {
				return err
			}
			for _, phase := range list {
				if len(st.sets) > 1 {
					fmt.Fprint(p.Out, phase.Host+"  ")
				}
				fmt.Fprintf(p.Out, "%s: %s\n", phaseTitle(phase.Number, phase.Name), strings.Join(phase.Services, ", "))
			}
			return st.all().orNil()
		},
	}
	from.addFlags(c)
	out.addFlag(c, "text")
	c.Flags().BoolVar(&reverse, "reverse", false, "the order of teardown")
	return c
}

func orderOf(st *stack, reverse bool) []orderPhase {
	list := []orderPhase{}
	for _, s := range st.sets {
		unordered := map[manifest.Key]bool{}
		for _, k := range s.report.Unordered() {
			unordered[k] = true
		}
		for _, phase := range s.report.Phases() {
			entry := orderPhase{Host: s.name(), Number: phase.Number, Name: phase.Name, Services: []string{}}
			for _, k := range phase.Services {
				if !unordered[k] {
					entry.Services = append(entry.Services, s.shown(k))
				}
			}
			list = append(list, entry)
		}
	}
	if reverse {
		reverseAll(list)
		for i := range list {
			reverseAll(list[i].Services)
		}
	}
	return list
}

// shown is a service's name as people call it: with its namespace only when it is not the host's.
func (s *set) shown(k manifest.Key) string {
	if k.Namespace == s.host.Namespace {
		return k.Name
	}
	return k.String()
}

func reverseAll[T any](s []T) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}

func phaseTitle(number int, name string) string {
	if name == "" {
		return fmt.Sprintf("phase %d", number)
	}
	return fmt.Sprintf("phase %d (%s)", number, name)
}
