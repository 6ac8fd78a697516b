package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository.
var root = filepath.Join("..", "..")

// pages are all that a reader may follow.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		found = append(found, filepath.Join(root, name))
	}
	return found
}

func read(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// command is one command of a page and, in a console block, what it prints.
type command struct {
	text   string
	output []string
	// printed is whether the page shows an output.
	printed bool
	line    int
}

var fence = regexp.MustCompile("^```([a-z]*)")

// commands are those of the page's sh and console blocks, in order. In a console block a command begins with "$ ".
func commands(text string) []command {
	var all []command
	language, block, begin := "", []string(nil), 0
	for i, line := range strings.Split(text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m == nil:
			block = append(block, line)
		case language == "":
			language, block, begin = m[1]+" ", nil, i+2
		default:
			switch strings.TrimSpace(language) {
			case "sh":
				all = append(all, shell(block, begin)...)
			case "console":
				all = append(all, console(block, begin)...)
			}
			language, block = "", nil
		}
	}
	return all
}

// shell splits a block into commands: lines, of which one with a here-document goes on to its end.
func shell(block []string, begin int) []command {
	var all []command
	end := ""
	for i, line := range block {
		switch {
		case end != "":
			last := &all[len(all)-1]
			last.text += "\n" + line
			if line == end {
				end = ""
			}
			continue
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			continue
		}
		all = append(all, command{text: line, line: begin + i})
		if _, marker, found := strings.Cut(line, "<<"); found {
			end = strings.Trim(strings.Fields(marker)[0], "'")
		}
	}
	return all
}

func console(block []string, begin int) []command {
	var all []command
	for i, line := range block {
		if text, found := strings.CutPrefix(line, "$ "); found {
			all = append(all, command{text: text, line: begin + i})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.output, last.printed = append(last.output, line), true
		}
	}
	return all
}

func TestCommandsAreFound(t *testing.T) {
	found := commands("text\n```sh\n# a remark\nmake build # why\ncat >f <<'EOT'\na: 1\nEOT\n```\n```yaml\nkubectl: no\n```\n```console\n$ kubectl get nms\nNAME\napp\n$ true\n```\n")
	want := []command{
		{text: "make build # why", line: 4}, {text: "cat >f <<'EOT'\na: 1\nEOT", line: 5},
		{text: "kubectl get nms", output: []string{"NAME", "app"}, printed: true, line: 13}, {text: "true", line: 16},
	}
	if len(found) != len(want) {
		t.Fatalf("found %+v", found)
	}
	for i := range want {
		if found[i].text != want[i].text || strings.Join(found[i].output, "\n") != strings.Join(want[i].output, "\n") || found[i].line != want[i].line {
			t.Errorf("found %+v, want %+v", found[i], want[i])
		}
	}
}
