package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// recording is a roll-out as make demo-check printed it.
type recording struct {
	lines []line
	// summary is the last line.
	summary string
}

// line is one change of one service.
type line struct {
	text    string
	at      float64 // seconds since the manifests were applied
	service string
	state   string
}

// span is a service's time in one state.
type span struct {
	state    string
	from, to float64
}

var lineForm = regexp.MustCompile(`^ *([0-9.]+)s +[0-9]+/[0-9]+ ready +(\S+) +(\S+) +(.*)$`)

func parse(text string) (recording, error) {
	var r recording
	for _, printed := range strings.Split(text, "\n") {
		if strings.HasPrefix(printed, "demo: ") {
			r.summary = printed
		}
		m := lineForm.FindStringSubmatch(printed)
		if m == nil {
			continue
		}
		at, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return r, err
		}
		r.lines = append(r.lines, line{text: printed, at: at, service: m[2], state: m[3]})
	}
	if len(r.lines) == 0 || r.summary == "" {
		return r, fmt.Errorf("this is not what make demo-check prints: it has %d lines of services, and the summary %q", len(r.lines), r.summary)
	}
	return r, nil
}

// end is when the last service became ready.
func (r recording) end() float64 { return r.lines[len(r.lines)-1].at }

// spans are the states of a service, from the beginning to the end of the roll-out.
func (r recording) spans(service string) []span {
	spans := []span{{state: "Pending"}}
	for _, l := range r.lines {
		last := &spans[len(spans)-1]
		if l.service != service || l.state == last.state {
			continue
		}
		last.to = l.at
		spans = append(spans, span{state: l.state, from: l.at})
	}
	spans[len(spans)-1].to = r.end()
	return spans
}

// readyAt is when a service became ready.
func (r recording) readyAt(service string) float64 {
	spans := r.spans(service)
	return spans[len(spans)-1].from
}

// around are the lines that were printed at one moment.
func (r recording) around(at float64) []string {
	var texts []string
	for _, l := range r.lines {
		if l.at == at {
			texts = append(texts, l.text)
		}
	}
	return texts
}
