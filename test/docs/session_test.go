package docs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// session is a person at a terminal: an empty HOME, a folder that looks like a clone, and variables that last from command to command.
type session struct {
	t      *testing.T
	folder string
	home   string
	// yours replaces what the page says is the reader's own.
	yours *strings.Replacer
}

func newSession(t *testing.T) *session {
	t.Helper()
	s := &session{t: t, folder: t.TempDir(), home: t.TempDir(), yours: strings.NewReplacer()}
	if err := os.CopyFS(filepath.Join(s.folder, "config"), os.DirFS(filepath.Join(root, "config"))); err != nil {
		t.Fatal(err)
	}
	s.tool("nixmox", fmt.Sprintf("exec %s \"$@\"", nixmox(t)))
	// In a terminal this is the page's alias, which a script does not inherit.
	s.tool("kubectl", "exec nixmox kubectl \"$@\"")
	if err := os.WriteFile(s.variables(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// nixmox is the program under test.
func nixmox(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("NIXMOX_BIN")
	if bin == "" {
		bin = filepath.Join(root, "bin", "nixmox")
	}
	bin, err := filepath.Abs(bin)
	if err == nil {
		_, err = os.Stat(bin)
	}
	if err != nil {
		t.Fatalf("%v; build it with `make nixmox`", err)
	}
	return bin
}

func (s *session) tool(name, script string) {
	s.t.Helper()
	bin := filepath.Join(s.folder, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) variables() string { return filepath.Join(s.home, "variables") }

// command is a shell that knows the variables of the ones before it.
func (s *session) command(text string) *exec.Cmd {
	script := ". '" + s.variables() + "'\n" + s.yours.Replace(text) + "\ncode=$?\nexport -p >'" + s.variables() + "'\nexit $code\n"
	cmd := exec.CommandContext(s.t.Context(), "sh", "-c", script)
	cmd.Dir = s.folder
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// run runs a command to its end. One that only looks is repeated until it shows what the page shows.
func (s *session) run(c command) {
	s.t.Helper()
	looks := strings.HasPrefix(c.text, "kubectl get ")
	deadline := time.Now().Add(2 * time.Minute)
	for {
		said, err := s.command(c.text).CombinedOutput()
		ok := err == nil && (!c.printed || s.normal(string(said)) == s.normal(strings.Join(c.output, "\n")))
		if ok {
			return
		}
		if !looks || time.Now().After(deadline) {
			s.t.Fatalf("line %d: %s\nprints:\n%s%v\nand the page says:\n%s", c.line, c.text, said, err, strings.Join(c.output, "\n"))
		}
		time.Sleep(100 * time.Millisecond) // between two looks, as a person would
	}
}

// background starts a command that stays, and ends it with the test. It returns once the command has printed its first line.
func (s *session) background(c command) {
	s.t.Helper()
	// No shell in between: the signal is for the program.
	words := strings.Fields(s.yours.Replace(c.text))
	cmd := exec.CommandContext(s.t.Context(), nixmox(s.t), words[1:]...)
	cmd.Dir, cmd.Env = s.folder, []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH")}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 12 * time.Second
	log := &strings.Builder{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	first, _ := reader.ReadString('\n')
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, reader)
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("%s logged:\n%s", c.text, log)
		}
	})
	if s.normal(first) != s.normal(strings.Join(c.output, "\n")) {
		s.t.Fatalf("line %d: %s\nprints:\n%s\nand the page says:\n%s", c.line, c.text, first, strings.Join(c.output, "\n"))
	}
}

var (
	ages  = regexp.MustCompile(`\b[0-9]+[sm]\b`)
	ports = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	space = regexp.MustCompile(`[ \t]+`)
)

// normal is an output without what differs from run to run: ages, ports, folders and the width of columns.
func (s *session) normal(text string) string {
	text = s.yours.Replace(text)
	text = strings.ReplaceAll(text, s.folder, "/srv/nixmox-controller")
	text = ports.ReplaceAllString(text, "127.0.0.1:PORT")
	text = ages.ReplaceAllString(text, "AGE")
	return strings.TrimSpace(space.ReplaceAllString(text, " "))
}
