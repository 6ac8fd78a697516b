package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a program of the demo that says in one line when it is ready.
type Process struct {
	name string
	cmd  *exec.Cmd
	// Line is what it said when it was ready.
	Line string
	// Stopping is how long SIGTERM took to end it; set by Stop.
	Stopping time.Duration
	done     chan struct{}
	err      error // how it ended; valid once done is closed
}

// StartProcess runs a program and waits for its first line on standard output, unless none is expected. Its standard error goes to log.
func StartProcess(ctx context.Context, log io.Writer, waitForLine bool, name string, args ...string) (*Process, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{name: name, cmd: cmd, done: make(chan struct{})}
	lines := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(out)
		line, _ := reader.ReadString('\n')
		lines <- strings.TrimSpace(line)
		_, _ = io.Copy(log, reader)
		p.err = cmd.Wait()
		close(p.done)
	}()
	if !waitForLine {
		return p, nil
	}
	select {
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("%s was not ready in time: %w", name, ctx.Err()), p.Kill())
	case p.Line = <-lines:
	}
	if p.Line == "" {
		<-p.done
		return nil, fmt.Errorf("%s ended before it was ready, see its log: %w", name, p.err)
	}
	return p, nil
}

// Stop ends the program with SIGTERM and waits; one that does not end within the limit is killed, and that is an error.
func (p *Process) Stop(limit time.Duration) error {
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	select {
	case <-p.done:
		p.Stopping = time.Since(began)
		var exit *exec.ExitError
		if errors.As(p.err, &exit) && exit.ExitCode() > 0 {
			return fmt.Errorf("%s ended with exit code %d", p.name, exit.ExitCode())
		}
		return nil
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("%s did not end within %v of SIGTERM", p.name, limit), p.Kill())
	}
}

// Kill ends the program at once, as a power cut would.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }
