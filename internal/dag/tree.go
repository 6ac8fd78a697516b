package dag

import "strings"

// Tree draws what each of roots depends on, as an indented tree. Without roots
// it starts from the nodes on which nothing depends, then from those not
// reached so (the cycles). What a node depends on is drawn where the node
// comes up first; later it is marked "(above)", which also ends cycles.
// Missing targets, and roots that do not exist, are marked "(missing)".
func (g *Graph) Tree(roots ...string) string {
	absent := make(map[string][]string, len(g.missing))
	for _, m := range g.missing {
		absent[m.Node] = m.Targets
	}
	t := tree{g: g, edges: g.dependencies, absent: absent, drawn: make([]bool, g.Len())}
	return t.draw(roots, g.dependents)
}

// DependentsTree is Tree the other way round: what depends on each of roots.
// Without roots it starts from the nodes that depend on nothing.
func (g *Graph) DependentsTree(roots ...string) string {
	t := tree{g: g, edges: g.dependents, drawn: make([]bool, g.Len())}
	return t.draw(roots, g.dependencies)
}

type tree struct {
	g      *Graph
	edges  adjacency
	absent map[string][]string
	drawn  []bool
	out    strings.Builder
}

func (t *tree) draw(roots []string, against adjacency) string {
	for _, name := range roots {
		if i, ok := t.g.Index(name); ok {
			t.root(i)
		} else {
			t.line("", "", name, " (missing)")
		}
	}
	if len(roots) > 0 {
		return t.out.String()
	}
	for i := range int32(t.g.Len()) {
		if len(against.of(i)) == 0 {
			t.root(i)
		}
	}
	for i := range int32(t.g.Len()) {
		if !t.drawn[i] {
			t.root(i)
		}
	}
	return t.out.String()
}

func (t *tree) root(i int32) { t.node(i, "", "", "") }

// node draws node i behind joint and, if it comes up for the first time, what
// is below it behind indent.
func (t *tree) node(i int32, parentIndent, joint, indent string) {
	name := t.g.names[i]
	below, absent := t.edges.of(i), t.absent[name]
	if t.drawn[i] {
		mark := ""
		if len(below)+len(absent) > 0 {
			mark = " (above)"
		}
		t.line(parentIndent, joint, name, mark)
		return
	}
	t.drawn[i] = true
	t.line(parentIndent, joint, name, "")
	for at, v := range below {
		if at == len(below)-1 && len(absent) == 0 {
			t.node(v, indent, "└── ", indent+"    ")
		} else {
			t.node(v, indent, "├── ", indent+"│   ")
		}
	}
	for at, target := range absent {
		joint := "├── "
		if at == len(absent)-1 {
			joint = "└── "
		}
		t.line(indent, joint, target, " (missing)")
	}
}

func (t *tree) line(indent, joint, name, mark string) {
	t.out.WriteString(indent)
	t.out.WriteString(joint)
	t.out.WriteString(printable(name))
	t.out.WriteString(mark)
	t.out.WriteByte('\n')
}
