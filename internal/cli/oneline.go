package cli

import (
	"strings"
	"unicode"
)

// oneLine keeps a text of somebody else on its line, in a terminal and in a YAML comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
