package health

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watch runs 10,000 services at their 30 s interval for a while and reports which
// part of one core that takes, the clock and the pool included.
func watch(b *testing.B, probe func(context.Context, Check, Target, Limits) Result, spec Spec) {
	const services, window = 10_000, 3 * time.Second
	for b.Loop() {
		s := NewScheduler(Options{Probe: probe})
		ctx, cancel := context.WithCancel(context.Background())
		stopped := make(chan struct{})
		go func() { defer close(stopped); s.Run(ctx) }()
		for i := range services {
			s.Set(fmt.Sprint(i), spec)
		}
		for last := fmt.Sprint(services - 1); ; time.Sleep(10 * time.Millisecond) {
			if o, _ := s.Verdict(last); o.Verdict != Unknown {
				break // the burst at the start is over
			}
		}
		before := cpuTime(b)
		time.Sleep(window)
		b.ReportMetric(100*float64(cpuTime(b)-before)/float64(window), "%core")
		cancel()
		<-stopped
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// newBenchServer is in this process: what it costs is counted as the probes'.
func newBenchServer(b *testing.B) (port string) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://127.0.0.1:")
}

func BenchmarkTenThousandTrivialProbes(b *testing.B) {
	watch(b, func(context.Context, Check, Target, Limits) Result { return passed("fine") }, Spec{})
}

func BenchmarkTenThousandTCPProbes(b *testing.B) {
	srv := newBenchServer(b)
	watch(b, testProber().Probe, Spec{Check: mustParse(b, "tcp:"+srv), Target: testTarget()})
}

func BenchmarkTenThousandHTTPProbes(b *testing.B) {
	srv := newBenchServer(b)
	watch(b, testProber().Probe, Spec{Check: mustParse(b, "http://"+own+":"+srv+"/health"), Target: testTarget()})
}

func BenchmarkSetOfTheSame(b *testing.B) {
	s := NewScheduler(Options{})
	spec := Spec{Check: mustParse(b, "tcp:80"), Target: testTarget()}
	for b.Loop() {
		s.Set("a", spec)
	}
}
