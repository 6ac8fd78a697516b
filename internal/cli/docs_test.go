package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// What docs/cli.md shows behind a `$` is what the command prints.
func TestTheDocsShowWhatIsPrinted(t *testing.T) {
	const page = "docs/cli.md"
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, page, string(content), rerun(string(content)))
}

// rerun replaces what stands below each command in a console block by what it prints now.
func rerun(page string) string {
	var out []string
	inside := false
	for _, line := range strings.Split(page, "\n") {
		switch {
		case line == "```console":
			inside = true
		case inside && line == "```":
			inside = false
		case inside:
			if command, ok := strings.CutPrefix(line, "$ kubectl nixmox "); ok {
				words := strings.Fields(command)
				out = append(out, strings.Split(strings.TrimSuffix(run("", words...).transcript(words), "\n"), "\n")...)
			}
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func compare(t *testing.T, page, is, should string) {
	t.Helper()
	if is == should {
		return
	}
	if *update {
		if err := os.WriteFile(page, []byte(should), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is not current (-page +printed; mend it with go test ./internal/cli -update):\n%s", page, cmp.Diff(is, should))
}

// docs/cli-reference.md is written from the commands themselves.
func TestTheReferenceIsCurrent(t *testing.T) {
	const page = "docs/cli-reference.md"
	root := Root(genericiooptions.NewTestIOStreamsDiscard(), "kubectl nixmox", "")
	var b strings.Builder
	b.WriteString("# kubectl nixmox: every command and flag\n\nWritten from the commands by a test; [cli.md](cli.md) shows them at work.\n\n")
	fmt.Fprintf(&b, "%s\n\n## Flags of all commands\n\n%s", root.Long, flagTable(root.PersistentFlags()))
	for _, c := range root.Commands() {
		reference(&b, c)
	}
	content, err := os.ReadFile(page)
	if err != nil && !*update {
		t.Fatal(err)
	}
	compare(t, page, string(content), b.String())
}

func reference(b *strings.Builder, c *cobra.Command) {
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n\n```text\nkubectl nixmox %s\n```\n\n```text\n%s\n```\n", c.Name(), c.Use, long)
	if c.Example != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s", flagTable(c.LocalNonPersistentFlags()))
	}
}

func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	b.WriteString("| flag | default | |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		initial := f.DefValue
		if initial == "[]" {
			initial = ""
		}
		if initial != "" {
			initial = "`" + initial + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, initial, strings.ReplaceAll(f.Usage, "|", "\\|"))
	})
	return b.String()
}

// What graph -o dot draws is taken by Graphviz itself.
func TestGraphvizTakesTheDrawing(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("SKIPPED: Graphviz is not installed (Debian: apt-get install graphviz); the drawing is not rendered here")
	}
	for dir, boxes := range map[string]int{stackDir: 10, brokenDir: 5} {
		drawn := run("", "graph", "-o", "dot", "-f", dir)
		cmd := exec.CommandContext(t.Context(), dot, "-Tsvg")
		cmd.Stdin = strings.NewReader(drawn.out)
		svg, err := cmd.Output()
		if err != nil {
			t.Fatalf("dot: %v\n%s", err, drawn.out)
		}
		if n := strings.Count(string(svg), `class="node"`); n != boxes {
			t.Errorf("%s: %d boxes in the picture, want %d", dir, n, boxes)
		}
	}
}
