package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/internal/dag"
	"github.com/nixmox/nixmox-controller/internal/manifest"
)

func (p *program) depsCommand() *cobra.Command {
	var from source
	var out output
	var reverse bool
	c := &cobra.Command{
		Use:   "deps SERVICE [-f FILE]",
		Short: "Show what a service depends on, however far, as a tree",
		Args:  one("the name of a service"),
		RunE: func(c *cobra.Command, args []string) error {
			st, err := p.load(c.Context(), &from)
			if err != nil {
				return err
			}
			s, k, err := st.find(args[0])
			if err != nil {
				return err
			}
			graph, node := s.report.Graph(), s.node(k)
			answer := struct {
				Service      string   `json:"service"`
				Dependencies []string `json:"dependencies,omitempty"`
				Dependents   []string `json:"dependents,omitempty"`
			}{Service: node}
			tree := ""
			if reverse {
				answer.Dependents, tree = graph.Dependents(node), graph.DependentsTree(node)
			} else {
				answer.Dependencies, tree = graph.Dependencies(node), graph.Tree(node)
			}
			if printed, err := p.structured(out, answer); err != nil || printed {
				return err
			}
			fmt.Fprint(p.Out, tree)
			return nil
		},
		ValidArgsFunction: p.completeServices(&from),
	}
	from.addFlags(c)
	out.addFlag(c, "tree")
	c.Flags().BoolVar(&reverse, "reverse", false, "what depends on the service instead")
	return c
}

// node is what the graph calls a service: its name, or namespace/name where several namespaces share the host.
func (s *set) node(k manifest.Key) string {
	if _, ok := s.report.Graph().Index(k.Name); ok {
		return k.Name
	}
	return k.String()
}

func (p *program) graphCommand() *cobra.Command {
	var from source
	format := "tree"
	c := &cobra.Command{
		Use:   "graph [-f FILE]",
		Short: "Draw the services and their dependencies: as a tree, for Graphviz or for Mermaid",
		Example: `  graph -f stack/ -o dot | dot -Tsvg > stack.svg
  graph -f stack/ -o mermaid`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			draw, ok := map[string]func(*manifest.Report) string{
				"tree":    func(r *manifest.Report) string { return r.Graph().Tree() },
				"dot":     func(r *manifest.Report) string { return draw(r, (*dag.Graph).DOT) },
				"mermaid": func(r *manifest.Report) string { return draw(r, (*dag.Graph).Mermaid) },
			}[format]
			if !ok {
				return fmt.Errorf("unknown format %q: use tree, dot or mermaid", format)
			}
			st, err := p.load(c.Context(), &from)
			if err != nil {
				return err
			}
			for _, s := range st.sets {
				if len(s.services) == 0 {
					continue
				}
				if len(st.sets) > 1 && format == "tree" {
					fmt.Fprintln(p.Out, s.name())
				}
				fmt.Fprint(p.Out, draw(s.report))
			}
			return nil
		},
	}
	from.addFlags(c)
	c.Flags().StringVarP(&format, "output", "o", format, "tree, dot or mermaid")
	complete(c, "output", "tree", "dot", "mermaid")
	return c
}

// draw draws the graph with the phases as boxes.
func draw(r *manifest.Report, how func(*dag.Graph, []dag.Cluster) string) string {
	return how(r.Graph(), r.Clusters())
}

// completeServices offers the names of services; silent when they cannot be read.
func (p *program) completeServices(from *source) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		st, err := p.load(c.Context(), from)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, s := range st.sets {
			for i := range s.services {
				names = append(names, s.services[i].Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
