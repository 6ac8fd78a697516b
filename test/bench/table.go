package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// row is one line of the table. Order keeps rows of one kind together, whatever ended first.
type row struct {
	order         int
	what          string
	value, detail string
	goal          string
	missed        bool
}

type table struct {
	mu   sync.Mutex
	rows []row
}

// add takes in a row; a goal of "" is none.
func (t *table) add(order int, what, value, goal string, met bool, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, row{order: order, what: what, value: value, goal: goal, missed: goal != "" && !met, detail: detail})
	fmt.Fprintf(os.Stderr, "  %s: %s (%s) %s\n", what, value, goal, detail)
}

// atMost is a row whose value may not be greater than its goal.
func (t *table) atMost(order int, what, format string, value, goal float64, detail string) {
	t.add(order, what, fmt.Sprintf(format, value), "≤ "+fmt.Sprintf(format, goal), value <= goal, detail)
}

func (t *table) sorted() []row {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.order, b.order) })
	return rows
}

func (t *table) missed() int {
	n := 0
	for _, r := range t.sorted() {
		if r.missed {
			n++
		}
	}
	return n
}

// text is the table in Markdown.
func (t *table) text() string {
	var b strings.Builder
	b.WriteString("| measure | value | goal | |\n|---|---|---|---|\n")
	for _, r := range t.sorted() {
		verdict := ""
		if r.missed {
			verdict = "**missed** "
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s%s |\n", r.what, r.value, r.goal, verdict, r.detail)
	}
	return b.String()
}

// The table stands between these lines of the page.
const (
	tableBegin = "<!-- written by make bench: begin %s -->\n"
	tableEnd   = "<!-- written by make bench: end %s -->\n"
)

// writeInto replaces the table of a set of measures in a page.
func (t *table) writeInto(page, set string) error {
	data, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := fmt.Sprintf(tableBegin, set), fmt.Sprintf(tableEnd, set)
	head, rest, found := strings.Cut(string(data), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write the table between", page, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(page, []byte(head+begin+"\n"+t.text()+"\n"+end+tail), 0o600)
}
