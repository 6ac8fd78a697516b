package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestThePageIsCurrent(t *testing.T) {
	want, err := page()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != want {
		t.Error("docs/api.md is not what go run ./hack/apidoc writes now: run it and commit the page")
	}
}

func TestThePageOfChecksIsCurrent(t *testing.T) {
	kept, err := os.ReadFile("../../docs/health.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != healthPage() {
		t.Error("docs/health.md is not what go run ./hack/apidoc writes now: run it and commit the page")
	}
	if strings.Count(healthPage(), "\n| `") < 13 {
		t.Error("the table of patterns is missing")
	}
}

// A reason that a program can meet must be explained.
func TestEveryReasonIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../apis/v1alpha1/conditions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		found++
		reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "`"+reason+"`") {
			t.Errorf("text.md does not explain the reason %s", reason)
		}
		return true
	})
	if found == 0 {
		t.Error("no reasons were found")
	}
}
