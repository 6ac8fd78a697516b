package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// Measures in pixels.
const (
	width     = 940
	left      = 24
	barsLeft  = 150
	barsWidth = 660
	rowHeight = 20
	barHeight = 13
)

var colours = map[string]string{
	"Creating": "#388bfd", "Starting": "#a371f7", "Checking": "#d29922", "Running": "#3fb950",
}

const (
	background, bright, dim, idle = "#0d1117", "#e6edf3", "#8b949e", "#262c36"
)

// canvas collects the elements of the picture from top to bottom; y is the middle of the current row.
type canvas struct {
	bytes.Buffer
	y int
}

// draw is a terminal with the command, a row for each service by phase, what was printed when the second phase was ready, and the summary.
func draw(r recording, phases []v1alpha1.Phase) (string, error) {
	c := &canvas{y: 54}
	c.text(left, bright, "$ make demo-check")
	c.legend()
	c.y += rowHeight + 4
	for i, phase := range phases {
		c.text(left, dim, fmt.Sprintf("phase %d: %s", i+1, phase.Name))
		c.y += rowHeight
		for _, service := range phase.Services {
			c.service(r, service)
		}
		c.y += 4
	}
	c.axis(r.end())
	second := 0.0
	for _, service := range phases[1].Services {
		second = max(second, r.readyAt(service))
	}
	printed := r.around(second)
	if len(printed) == 0 {
		return "", fmt.Errorf("nothing was printed when phase 2 was ready, at %.1fs", second)
	}
	for _, text := range printed {
		c.text(left, dim, text)
		c.y += rowHeight - 3
	}
	c.y += 6
	c.text(left, colours["Running"], r.summary)
	return frame(c), nil
}

func (c *canvas) legend() {
	x := barsLeft + 195
	for _, state := range []string{"Waiting", "Creating", "Starting", "Checking", "Running"} {
		c.box(x, 12, colourOf(state))
		c.text(x+18, dim, strings.ToLower(state))
		x += 98
	}
}

func (c *canvas) service(r recording, name string) {
	c.text(left+12, bright, name)
	scale := barsWidth / r.end()
	for _, s := range r.spans(name) {
		from, to := int(s.from*scale), int(s.to*scale)
		c.box(barsLeft+from, max(to-from, 1), colourOf(s.state))
	}
	c.text(barsLeft+barsWidth+12, dim, fmt.Sprintf("ready %5.1fs", r.readyAt(name)))
	c.y += rowHeight
}

func (c *canvas) axis(end float64) {
	const step = 10
	for at := 0; float64(at) <= end; at += step {
		c.text(barsLeft+int(float64(at)*barsWidth/end), dim, fmt.Sprintf("%ds", at))
	}
	c.y += rowHeight + 10
}

// text is written as it stands, each space kept.
func (c *canvas) text(x int, colour, s string) {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(s)) // a buffer takes everything
	fmt.Fprintf(c, "<text x=\"%d\" y=\"%d\" fill=\"%s\" xml:space=\"preserve\">%s</text>\n", x, c.y+4, colour, escaped.String())
}

func (c *canvas) box(x, w int, colour string) {
	fmt.Fprintf(c, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x, c.y-barHeight/2, w, barHeight, colour)
}

// colourOf a state; those without one of their own wait.
func colourOf(state string) string {
	if colour, ok := colours[state]; ok {
		return colour
	}
	return idle
}

func frame(c *canvas) string {
	height := c.y + 26
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`aria-label="Ten services coming up phase by phase: no bar of a phase begins before the last of the phase before is ready" `+
		`font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"%s\"/>\n", width, height, background)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, "<circle cx=\"%d\" cy=\"20\" r=\"5\" fill=\"%s\"/>\n", left+i*18, colour)
	}
	b.WriteString(c.String())
	b.WriteString("</svg>\n")
	return b.String()
}
