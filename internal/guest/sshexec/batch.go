package sshexec

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// The wrapper reads a line a command: NUMBER VMID SECONDS PROLOGUE SCRIPT INPUT, the last three in base64 ("-" for nothing), and runs them all at
// once. As each ends it answers a line: NUMBER STATUS CODE STDOUT STDERR, where STATUS is "ran", or a word that says why not.
const wrapperRun = "nixmox-exec run"

// request is what the wrapper reads.
func request(jobs []*job) []byte {
	var b bytes.Buffer
	for i, j := range jobs {
		limit := left(j.ctx)
		fmt.Fprintf(&b, "%d %d %d %s %s %s\n", i, j.vmid, seconds(limit+backstop), encode(fmt.Appendf(nil, inside, seconds(limit))), encode([]byte(j.script)), encode(j.input))
	}
	return b.Bytes()
}

func encode(data []byte) string {
	if len(data) == 0 {
		return "-"
	}
	return base64.StdEncoding.EncodeToString(data)
}

func decode(word string) ([]byte, error) {
	if word == "-" {
		return nil, nil
	}
	return base64.StdEncoding.DecodeString(word)
}

// maxAnswer of a line: two outputs at their cap in base64, and some words.
const maxAnswer = 4*guest.MaxOutput/3*2 + 1024

// runBatch runs jobs in one session of the wrapper. It returns when the last one ended, or nobody waits any more.
func runBatch(session *ssh.Session, jobs []*job) error {
	var stderr capped
	session.Stdin, session.Stderr = bytes.NewReader(request(jobs)), &stderr
	stdout, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	if err := session.Start(wrapperRun); err != nil {
		return fmt.Errorf("the wrapper could not be begun: %w", err)
	}
	finished := make(chan struct{})
	defer close(finished)
	go giveUp(session, jobs, finished)
	lines := bufio.NewScanner(io.LimitReader(stdout, int64(len(jobs))*maxAnswer))
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		if err := answer(lines.Text(), jobs); err != nil {
			return err
		}
	}
	err = session.Wait()
	var exit *ssh.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("the wrapper nixmox-exec ended with %d: %s", exit.ExitStatus(), firstLine(stderr.String()))
	}
	return errLost // no matter to those that have their answer
}

// giveUp closes a session in which nobody waits any more.
func giveUp(session *ssh.Session, jobs []*job, finished <-chan struct{}) {
	for _, j := range jobs {
		select {
		case <-j.done:
		case <-j.ctx.Done():
		case <-finished:
			return
		}
	}
	for _, j := range jobs {
		if j.ctx.Err() != nil {
			_ = session.Close()
			return
		}
	}
}

// answer gives a job the line that is for it.
func answer(line string, jobs []*job) error {
	words := strings.Fields(line)
	if len(words) != 5 {
		return fmt.Errorf("the wrapper's answer cannot be read: %.100q", line)
	}
	number, err := strconv.Atoi(words[0])
	if err != nil || number < 0 || number >= len(jobs) || jobs[number].ended {
		return fmt.Errorf("the wrapper's answer is for nobody: %.100q", line)
	}
	code, err := strconv.Atoi(words[2])
	if err != nil {
		return fmt.Errorf("the wrapper's exit code cannot be read: %.100q", line)
	}
	stdout, errOut := decode(words[3])
	stderr, errErr := decode(words[4])
	if err := errors.Join(errOut, errErr); err != nil {
		return fmt.Errorf("the wrapper's answer cannot be read: %w", err)
	}
	j := jobs[number]
	switch words[1] {
	case "ran":
		j.end(judge(guest.Result{ExitCode: code, Stdout: guest.Capped(string(stdout)), Stderr: guest.Capped(string(stderr))}))
	case "absent":
		j.end(guest.Result{}, fmt.Errorf("%w: container %d is not on this node", guest.ErrUnreachable, j.vmid))
	case "untagged":
		j.end(guest.Result{}, fmt.Errorf("%w: the wrapper runs nothing in container %d, which does not carry the tag nixmox", guest.ErrUnreachable, j.vmid))
	default:
		j.end(guest.Result{}, fmt.Errorf("%w: the wrapper refuses: %.100s", guest.ErrUnreachable, words[1]))
	}
	return nil
}
