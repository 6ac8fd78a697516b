package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) validateCommand() *cobra.Command {
	var from source
	var out output
	c := &cobra.Command{
		Use:   "validate (-f FILE | -A)",
		Short: "Say everything that is wrong with manifests, at once",
		Long: `Say everything that is wrong with manifests, at once. Each object is judged by the rules of its CRD, in the words of the API server, and
the services of each host together: circles, missing dependencies, duplicate addresses and host names, phases that contradict.

It needs no cluster with -f. Exit code 1 when something is wrong.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := p.load(c.Context(), &from)
			if err != nil {
				return err
			}
			found := st.all()
			list := struct {
				Valid    bool     `json:"valid"`
				Problems problems `json:"problems"`
			}{len(found) == 0, append(problems{}, found...)}
			if printed, err := p.structured(out, list); err != nil || printed {
				if err == nil && len(found) > 0 {
					err = exitCode(ExitProblem)
				}
				return err
			}
			if len(found) > 0 {
				return found
			}
			for _, s := range st.sets {
				fmt.Fprintf(p.Out, "%s: valid, %s in %s\n", s.name(), count(len(s.services), "service"), count(s.report.PhaseCount(), "phase"))
			}
			return nil
		},
	}
	from.addFlags(c)
	out.addFlag(c, "text")
	return c
}

// count is a number with its word: "1 service", "2 services".
func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
