package controllers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// late delivers what the API server tells of changes some time after it said so, as a busy one does.
type late struct {
	next    http.RoundTripper
	latency time.Duration
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	if err == nil && r.URL.Query().Get("watch") == "true" && strings.Contains(r.URL.Path, "nixmoxservices") {
		response.Body = newDelayLine(response.Body, l.latency)
	}
	return response, err
}

// delayLine hands on what it reads after a constant time.
type delayLine struct {
	*io.PipeReader
	source io.Closer
}

func newDelayLine(source io.ReadCloser, latency time.Duration) io.ReadCloser {
	type piece struct {
		data []byte
		at   time.Time
	}
	pieces := make(chan piece, 10_000)
	reader, writer := io.Pipe()
	go func() {
		defer close(pieces)
		for {
			data := make([]byte, 64<<10)
			n, err := source.Read(data)
			if n > 0 {
				pieces <- piece{data[:n], time.Now()}
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		for p := range pieces {
			time.Sleep(time.Until(p.at.Add(latency)))
			if _, err := writer.Write(p.data); err != nil {
				break
			}
		}
		_ = writer.Close()
	}()
	return &delayLine{reader, source}
}

func (d *delayLine) Close() error {
	_ = d.PipeReader.Close()
	return d.source.Close()
}

// Services that are created at once see each other's containers on Proxmox before the API server has told whose they are. The controller
// gave out their numbers, so it knows.
func TestServicesCreatedAtOnceDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, world *string) {
		l.wrap = func(next http.RoundTripper) http.RoundTripper { return late{next, time.Second} }
	})
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.MaxConcurrent = 64 })
	const n = 12
	var names []string
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		names = append(names, name)
		l.service(name, service(20+i, "hostname: "+name))
	}
	l.ready(names...)
	for _, name := range names {
		if l.seen.saw(name, v1alpha1.ReasonResolving, onItsWay, "by nobody that is known") {
			t.Errorf("%s waited for a creation of ours", name)
		}
	}
	if made := l.begun("vzcreate", 0); made != n {
		t.Errorf("%d containers were made for %d services", made, n)
	}
}
