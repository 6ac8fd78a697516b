package sshexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// job is one command on its way.
type job struct {
	ctx    context.Context
	vmid   int
	script string
	input  []byte

	begun, withdrawn bool // guarded by the node

	ended  bool
	result guest.Result
	err    error
	done   chan struct{}
}

func (j *job) end(r guest.Result, err error) {
	j.ended, j.result, j.err = true, r, err
	close(j.done)
}

// inside is run by the container's own shell with the script as $0. NixOS has its programs at a path of its own. A timeout there as well
// as on the node: what runs in a container may outlive the pct that brought it in.
const inside = `PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; ` +
	`if timeout -k 1 5 true 2>/dev/null; then exec timeout -k 1 %d /bin/sh -c "$0"; fi; exec /bin/sh -c "$0"`

// backstop is how much later than the timeout inside the container the one on the node ends what is left.
const backstop = 3 * time.Second

// maxLine is what Linux takes as one argument; the node's shell gets the whole line as one.
const maxLine = 128<<10 - 1

// Quote makes one word of text for a POSIX shell.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// plainLine is the command for a node without the wrapper, quoted for exactly one shell: the one that its sshd starts.
func plainLine(vmid int, script string, limit time.Duration) string {
	return fmt.Sprintf(`PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin"; exec timeout -k 2 %d pct exec %d --keep-env 0 -- /bin/sh -c %s %s`,
		seconds(limit+backstop), vmid, Quote(fmt.Sprintf(inside, seconds(limit))), Quote(script))
}

// seconds rounds up, since not every timeout takes fractions.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// runPlain runs one job in a session of a node without the wrapper.
func runPlain(session *ssh.Session, j *job) error {
	line := plainLine(j.vmid, j.script, left(j.ctx))
	if len(line) > maxLine {
		j.end(guest.Result{}, fmt.Errorf("the command is %d bytes long with its quotes, and a node without the wrapper nixmox-exec takes %d: shorten it, or install the wrapper", len(line), maxLine))
		return nil
	}
	var stdout, stderr capped
	session.Stdin, session.Stdout, session.Stderr = bytes.NewReader(j.input), &stdout, &stderr
	if err := session.Start(line); err != nil {
		return fmt.Errorf("the command could not be begun: %w", err)
	}
	code, err := wait(j.ctx, session)
	if err != nil {
		return err
	}
	j.end(judge(guest.Result{ExitCode: code, Stdout: stdout.String(), Stderr: stderr.String()}))
	return nil
}

// wait is for the end of a session's command. When the caller has given up, the command is told to end and the session closed.
func wait(ctx context.Context, session *ssh.Session) (code int, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = session.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		// sshd passes no signals to a forced command; the node's own timeout ends those.
		_ = session.Signal(ssh.SIGTERM)
		_ = session.Close()
		<-ended
		return 0, ctx.Err()
	}
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	}
	return 0, errLost
}

// What pct says when it could not run the command at all; it ends with 255 then, as a command may too.
var pctFailed = regexp.MustCompile(`(?m)^(Configuration file 'nodes/[^']+' does not exist|container '\d+' not running!|.*lxc-attach: .*[Ff]ailed to .*(init|attach).*)`)

// judge tells what pct has to say from what the command has.
func judge(r guest.Result) (guest.Result, error) {
	if r.ExitCode == 255 || r.ExitCode == 2 {
		if said := pctFailed.FindString(r.Stderr); said != "" {
			return guest.Result{}, fmt.Errorf("%w: %s", guest.ErrUnreachable, said)
		}
	}
	return r, nil
}

// hasWrapper asks for the wrapper. A key that is limited to it (a forced command) answers whatever is asked.
func hasWrapper(client *ssh.Client, gone <-chan struct{}) (bool, error) {
	session, err := openSession(client, gone)
	if err != nil {
		return false, fmt.Errorf("logged in, but the node opens no session: %w", err)
	}
	defer session.Close()
	var stdout, stderr capped
	session.Stdout, session.Stderr = &stdout, &stderr
	err = session.Run("nixmox-exec version")
	var exit *ssh.ExitError
	switch {
	case err == nil && strings.HasPrefix(stdout.String(), "nixmox-exec 1"):
		return true, nil
	case err == nil:
		return false, fmt.Errorf("the key may only run something that is not the wrapper nixmox-exec 1; it said: %.100q", stdout.String())
	case errors.As(err, &exit) && exit.ExitStatus() == 127:
		return false, nil
	case errors.As(err, &exit):
		return false, fmt.Errorf("the wrapper nixmox-exec fails: %s", firstLine(stderr.String()))
	}
	return false, fmt.Errorf("the connection was lost: %w", err)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// capped keeps the beginning of an output and reads on, so that who writes is not held up.
type capped struct{ data []byte }

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if room := guest.MaxOutput + 4 - len(c.data); room > 0 {
		c.data = append(c.data, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (c *capped) String() string { return guest.Capped(string(c.data)) }
