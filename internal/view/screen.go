package view

import (
	"fmt"
	"io"
	"strings"
)

// Screen redraws a frame in place on a terminal. It writes only what a frame changed, in one piece, so that nothing flickers.
type Screen struct {
	w    io.Writer
	last []string
}

// NewScreen draws on a terminal.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Draw replaces the frame that was drawn last.
func (s *Screen) Draw(lines []string) {
	var b strings.Builder
	if len(s.last) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", len(s.last))
	}
	for i, line := range lines {
		if i < len(s.last) && s.last[i] == line {
			b.WriteString("\n")
			continue
		}
		b.WriteString("\r\x1b[2K" + line + "\n")
	}
	if len(lines) < len(s.last) {
		b.WriteString("\x1b[0J")
	}
	if b.Len() > 0 {
		_, _ = io.WriteString(s.w, b.String()) // a terminal that is gone ends the program by itself
	}
	s.last = lines
}
