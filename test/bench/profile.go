package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profileDuring takes a CPU profile of the controller for a while, and its heap afterwards, into the folder of profiles. It does nothing
// without one. The function that it returns waits for both.
func (l *lab) profileDuring(ctx context.Context, name string, d time.Duration) func() error {
	if l.profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		err := l.fetchProfile(ctx, fmt.Sprintf("profile?seconds=%d", int(d.Seconds())), name+".cpu")
		if err == nil {
			err = l.fetchProfile(ctx, "heap?gc=1", name+".heap")
		}
		done <- err
	}()
	return func() error { return <-done }
}

func (l *lab) fetchProfile(ctx context.Context, what, file string) error {
	l.mu.Lock()
	address := l.pprof
	l.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("take the profile %s: %w", file, err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("take the profile %s: %w", file, err)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(l.profiles, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.profiles, file), data, 0o600)
}

// saveCalls writes a scene's call log beside the profiles.
func (c *scene) saveCalls() error {
	if c.lab.profiles == "" {
		return nil
	}
	if err := os.MkdirAll(c.lab.profiles, 0o750); err != nil {
		return err
	}
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	name := fmt.Sprintf("calls-%d-%d-on-%d-%s-%d.jsonl", c.number, c.shape.services, c.shape.nodes, c.shape.gate, c.shape.maxConcurrent)
	return os.WriteFile(filepath.Join(c.lab.profiles, name), c.log.data.Bytes(), 0o600)
}
