package lab

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Run calls a function with a T of its own, as a test would be called, and gives what it reported. It is for harnesses that are programs.
func Run(ctx context.Context, do func(T)) (failures, log []string) {
	ctx, cancel := context.WithCancel(ctx)
	r := &run{ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.end()
		defer cancel()
		do(r)
	}()
	<-done
	return r.failures, r.log
}

type run struct {
	ctx context.Context

	mu       sync.Mutex
	cleanups []func()
	failures []string
	log      []string
}

func (r *run) Helper() {}

func (r *run) Context() context.Context { return r.ctx }

func (r *run) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *run) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *run) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *run) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

// end runs the cleanups, the last first. One that gives up does not keep the others from running.
func (r *run) end() {
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			r.mu.Unlock()
			return
		}
		f := r.cleanups[n-1]
		r.cleanups = r.cleanups[:n-1]
		r.mu.Unlock()
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
}
