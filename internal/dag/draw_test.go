package dag_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/dag"
)

// block takes the leading tabs off an inline golden.
func block(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\t\t\t", "")
}

func TestTree(t *testing.T) {
	for _, tt := range []struct {
		name, graph, roots, want string
	}{
		{"from what nothing depends on", "app: db cache; db: disk; cache: db; disk; lone", "", `
			app
			├── cache
			│   └── db
			│       └── disk
			└── db (above)
			lone
			`},
		{"a leaf that comes up again needs no mark", "a: c; b: c; c", "", `
			a
			└── c
			b
			└── c
			`},
		{"a cycle ends where it began", "a: b; b: a; c: b", "", `
			c
			└── b
			    └── a
			        └── b (above)
			`},
		{"a cycle that nothing leads to is drawn too", "a: b; b: a; c", "", `
			c
			a
			└── b
			    └── a (above)
			`},
		{"missing targets are marked", "a: b gone; b: lost", "a nobody b", `
			a
			├── b
			│   └── lost (missing)
			└── gone (missing)
			nobody (missing)
			b (above)
			`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := dag.New(parse(tt.graph)).Tree(strings.Fields(tt.roots)...)
			same(t, "tree", block(tt.want), got)
		})
	}
}

func TestDependentsTree(t *testing.T) {
	same(t, "tree", block(`
			dns
			├── caddy
			│   ├── authentik
			│   │   └── vaultwarden
			│   ├── mail
			│   ├── media
			│   └── vaultwarden
			├── mail
			└── postgresql
			    ├── authentik (above)
			    ├── mail
			    ├── media
			    └── vaultwarden
			`), dag.New(parse(fullStack)).DependentsTree())
}

func TestDOT(t *testing.T) {
	g := dag.New([]dag.Node{{Name: `a"b\`, DependsOn: []string{"db", "gone"}}, {Name: "db"}})
	same(t, "with phases", block(`
			digraph services {
			  rankdir=RL;
			  node [shape=box];
			  subgraph cluster_1 {
			    label="1 base";
			    n0 [label="db"];
			  }
			  subgraph cluster_2 {
			    label="2";
			    n1 [label="a\"b\\"];
			  }
			  n2 [label="gone (missing)", style=dashed];
			  n1 -> n0;
			  n1 -> n2 [style=dashed];
			}
			`), g.DOT(g.Phases(nil).Clusters([]string{"base"})))
}

func TestMermaid(t *testing.T) {
	g := dag.New([]dag.Node{{Name: "a\"#<b>\n", DependsOn: []string{"db", "gone"}}, {Name: "db"}})
	same(t, "without phases", block(`
			flowchart RL
			  n0["db"]
			  n1["a#quot;#35;#lt;b#gt;�"]
			  n2["gone (missing)"]
			  n1 --> n0
			  n1 -.-> n2
			`), g.Mermaid(nil))
	same(t, "with phases", block(`
			flowchart RL
			  subgraph phase1["1 base"]
			    n0["db"]
			  end
			  n1["a#quot;#35;#lt;b#gt;�"]
			  n2["gone (missing)"]
			  n1 --> n0
			  n1 -.-> n2
			`), g.Mermaid([]dag.Cluster{{Title: "1 base", Nodes: []string{"db", "not there"}}}))
}
