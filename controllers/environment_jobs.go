package controllers

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// environmentJobs at once; each may wait for a service to start anew.
	environmentJobs    = 8
	environmentTimeout = time.Minute
	// environmentPause before a job that failed is tried again.
	environmentPause = 2 * time.Second
)

// environmentJob is a content of the file in one life of a container.
type environmentJob struct {
	hash  string
	epoch int
}

// environments writes environment files beside the work queue, whose workers wait for nothing.
type environments struct {
	wake func(types.NamespacedName)
	free chan struct{}

	mu  sync.Mutex
	all map[types.NamespacedName]*environmentState
	// begun counts our own starts of a container: after each the file is looked at again.
	begun map[types.NamespacedName]int
}

type environmentState struct {
	job   environmentJob
	over  bool
	err   error
	ended time.Time
}

func newEnvironments(wake func(types.NamespacedName)) *environments {
	return &environments{wake: wake, free: make(chan struct{}, environmentJobs), all: map[types.NamespacedName]*environmentState{},
		begun: map[types.NamespacedName]int{}}
}

func (e *environments) started(key types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begun[key]++
}

func (e *environments) starts(key types.NamespacedName) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.begun[key]
}

// verified is whether the file was found or made so in this life of the container.
func (e *environments) verified(key types.NamespacedName, job environmentJob) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.all[key]
	return s != nil && s.job == job && s.over && s.err == nil
}

// errWriting is a job that is still under way.
var errWriting = errors.New("it is being written")

// result is how a job ended. A failed one may be begun again after a pause.
func (e *environments) result(key types.NamespacedName, job environmentJob) (err error, over bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.all[key]
	switch {
	case s == nil || s.job != job && s.over:
		return nil, false
	case !s.over:
		return errWriting, true
	case s.err != nil && time.Since(s.ended) >= environmentPause:
		return nil, false
	}
	return s.err, true
}

// begin runs a job and wakes its service when it is over.
func (e *environments) begin(key types.NamespacedName, job environmentJob, run func(context.Context) error) {
	s := &environmentState{job: job}
	e.mu.Lock()
	e.all[key] = s
	e.mu.Unlock()
	go func() {
		e.free <- struct{}{}
		ctx, cancel := context.WithTimeout(context.Background(), environmentTimeout)
		err := run(ctx)
		cancel()
		<-e.free
		e.mu.Lock()
		s.over, s.err, s.ended = true, err, time.Now()
		e.mu.Unlock()
		e.wake(key)
	}()
}

// forget drops what is remembered of a service that is gone.
func (e *environments) forget(key types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.all, key)
	delete(e.begun, key)
}
