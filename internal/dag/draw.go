package dag

import (
	"fmt"
	"strings"
	"unicode"
)

// Cluster is a titled group of nodes in a drawing, such as a phase.
type Cluster struct {
	Title string
	Nodes []string
}

// Clusters turns the phases into clusters, titled by number and, where titles
// has one, name: "1 infrastructure".
func (p Phasing) Clusters(titles []string) []Cluster {
	clusters := make([]Cluster, p.Count)
	for i, nodes := range p.Groups() {
		title := fmt.Sprintf("%d", i+1)
		if i < len(titles) && titles[i] != "" {
			title += " " + titles[i]
		}
		clusters[i] = Cluster{Title: title, Nodes: nodes}
	}
	return clusters
}

// drawing is a graph laid out for a text format that wants plain identifiers:
// every name, missing targets included, has an identifier n0, n1 and so on.
type drawing struct {
	clusters []Cluster
	loose    []string // in no cluster
	absent   []string // missing targets
	edges    []edge
	id       map[string]string
}

type edge struct {
	from, to string
	missing  bool
}

func (g *Graph) layOut(clusters []Cluster) drawing {
	d := drawing{id: make(map[string]string, g.Len())}
	for _, c := range clusters {
		kept := Cluster{Title: c.Title}
		for _, n := range c.Nodes {
			if _, ok := g.Index(n); ok && d.name(n) {
				kept.Nodes = append(kept.Nodes, n)
			}
		}
		d.clusters = append(d.clusters, kept)
	}
	for _, i := range append(append([]int32{}, g.order...), g.unordered...) {
		if d.name(g.names[i]) {
			d.loose = append(d.loose, g.names[i])
		}
	}
	d.addEdges(g)
	return d
}

// name gives n an identifier; false if it has one.
func (d *drawing) name(n string) bool {
	if _, ok := d.id[n]; ok {
		return false
	}
	d.id[n] = fmt.Sprintf("n%d", len(d.id))
	return true
}

func (d *drawing) addEdges(g *Graph) {
	for i := range int32(g.Len()) {
		for _, t := range g.DependenciesOf(i) {
			d.edges = append(d.edges, edge{from: g.names[i], to: g.names[t]})
		}
	}
	for _, m := range g.missing {
		for _, t := range m.Targets {
			if d.name(t) {
				d.absent = append(d.absent, t)
			}
			d.edges = append(d.edges, edge{from: m.Node, to: t, missing: true})
		}
	}
}

// DOT draws the graph for Graphviz. An arrow leads from a node to what it
// depends on; what comes first stands left. clusters are drawn as boxes, and
// may be nil. Missing targets are dashed.
func (g *Graph) DOT(clusters []Cluster) string {
	d := g.layOut(clusters)
	var b strings.Builder
	b.WriteString("digraph services {\n  rankdir=RL;\n  node [shape=box];\n")
	for i, c := range d.clusters {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%s;\n", i+1, quoteDOT(c.Title))
		for _, n := range c.Nodes {
			fmt.Fprintf(&b, "    %s [label=%s];\n", d.id[n], quoteDOT(n))
		}
		b.WriteString("  }\n")
	}
	for _, n := range d.loose {
		fmt.Fprintf(&b, "  %s [label=%s];\n", d.id[n], quoteDOT(n))
	}
	for _, n := range d.absent {
		fmt.Fprintf(&b, "  %s [label=%s, style=dashed];\n", d.id[n], quoteDOT(n+" (missing)"))
	}
	for _, e := range d.edges {
		style := ""
		if e.missing {
			style = " [style=dashed]"
		}
		fmt.Fprintf(&b, "  %s -> %s%s;\n", d.id[e.from], d.id[e.to], style)
	}
	b.WriteString("}\n")
	return b.String()
}

// Mermaid draws the graph as a Mermaid flowchart, the same way as DOT.
func (g *Graph) Mermaid(clusters []Cluster) string {
	d := g.layOut(clusters)
	var b strings.Builder
	b.WriteString("flowchart RL\n")
	for i, c := range d.clusters {
		fmt.Fprintf(&b, "  subgraph phase%d[%s]\n", i+1, quoteMermaid(c.Title))
		for _, n := range c.Nodes {
			fmt.Fprintf(&b, "    %s[%s]\n", d.id[n], quoteMermaid(n))
		}
		b.WriteString("  end\n")
	}
	for _, n := range d.loose {
		fmt.Fprintf(&b, "  %s[%s]\n", d.id[n], quoteMermaid(n))
	}
	for _, n := range d.absent {
		fmt.Fprintf(&b, "  %s[%s]\n", d.id[n], quoteMermaid(n+" (missing)"))
	}
	for _, e := range d.edges {
		arrow := "-->"
		if e.missing {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", d.id[e.from], arrow, d.id[e.to])
	}
	return b.String()
}

// quoteDOT writes a DOT string that shows s as it is: \N and its kin are
// escapes in labels, so backslashes are doubled.
func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(s)) + `"`
}

// quoteMermaid writes a Mermaid label. Mermaid has no backslash escapes, it
// has entity codes; unescaped, it would read a label as HTML or Markdown.
func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer(
		"#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;",
	).Replace(printable(s)) + `"`
}

// printable replaces what would break a line or steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
