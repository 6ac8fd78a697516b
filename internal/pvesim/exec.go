package pvesim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// ExecResult is what a command inside a container gave.
type ExecResult struct {
	ExitCode int    `json:"exitCode"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

// execTimeout bounds a script; a loop in one must not hold the simulator.
const execTimeout = 30 * time.Second

// exitNotRunning is what pct exec ends with when it fails itself.
const exitNotRunning = 255

// Exec runs a command in a simulated container, as `pct exec VMID -- COMMAND...` does on a node. The shell is simulated
// too: nothing of the real machine is run, read or changed. There is systemctl, curl, wget, nc, cat, the world's own
// commands, and what a POSIX shell has built in; other commands end with 127.
func (s *Simulator) Exec(ctx context.Context, vmid int, command []string) (ExecResult, error) {
	if len(command) == 0 {
		return ExecResult{}, errors.New("exec: give a command")
	}
	s.lock()
	g := s.guests[vmid]
	var life *run
	node, reachable := "", true
	if g != nil {
		life, node, reachable = g.run, g.node, s.nodes[g.node].online
	}
	s.mu.Unlock()
	if !reachable {
		return ExecResult{ExitCode: exitNotRunning, Stderr: fmt.Sprintf("ssh: connect to host %s port 22: No route to host\n", node)}, nil
	}
	if g == nil || g.qemu {
		return ExecResult{ExitCode: exitNotRunning, Stderr: fmt.Sprintf("Configuration file 'nodes/%s/lxc/%d.conf' does not exist\n", s.world.Nodes[0].Name, vmid)}, nil
	}
	if life == nil {
		return ExecResult{ExitCode: exitNotRunning, Stderr: fmt.Sprintf("container '%d' not running!\n", vmid)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	in := &inside{sim: s, guest: g, life: life}
	var stdout, stderr bytes.Buffer
	code, err := in.runArgs(ctx, command, &stdout, &stderr)
	if err != nil {
		return ExecResult{}, err
	}
	return ExecResult{ExitCode: code, Stdout: stdout.String(), Stderr: stderr.String()}, nil
}

// inside is one command in one container.
type inside struct {
	sim   *Simulator
	guest *guest
	life  *run
}

// runArgs runs a command given as arguments; sh -c runs a script.
func (in *inside) runArgs(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	if script, params, ok := shellScript(args); ok {
		return in.runScript(ctx, script, params, stdout, stderr)
	}
	quoted := make([]string, len(args))
	for i, arg := range args {
		text, err := syntax.Quote(arg, syntax.LangPOSIX)
		if err != nil {
			return 0, fmt.Errorf("exec: argument %d: %w", i, err)
		}
		quoted[i] = text
	}
	return in.runScript(ctx, strings.Join(quoted, " "), nil, stdout, stderr)
}

func shellScript(args []string) (script string, params []string, ok bool) {
	name := path.Base(args[0])
	if (name != "sh" && name != "bash") || len(args) < 3 || args[1] != "-c" {
		return "", nil, false
	}
	if len(args) > 4 {
		params = args[4:]
	}
	return args[2], params, true
}

func (in *inside) runScript(ctx context.Context, script string, params []string, stdout, stderr io.Writer) (int, error) {
	// The POSIX dialect: process substitution of bash would make pipes on the real file system.
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "sh")
	if err != nil {
		fmt.Fprintf(stderr, "sh: %s\n", err)
		return 2, nil
	}
	runner, err := interp.New(
		interp.StdIO(nil, stdout, stderr),
		interp.Dir("/"),
		interp.Params(append([]string{"--"}, params...)...),
		interp.Env(expand.ListEnviron("HOME=/root", "USER=root", "HOSTNAME="+in.life.hostname,
			"PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
		interp.CallHandler(in.rewrite),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return in.exec }),
		interp.OpenHandler(in.open),
		interp.StatHandler(in.stat),
		interp.AccessHandler(in.mayAccess),
		interp.ReadDirHandler2(func(context.Context, string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }),
	)
	if err != nil {
		return 0, fmt.Errorf("exec: make a shell: %w", err)
	}
	err = runner.Run(ctx, parsed)
	var status interp.ExitStatus
	if errors.As(err, &status) {
		return int(status), nil
	}
	if ctx.Err() != nil {
		return 124, nil // as timeout(1)
	}
	if err != nil {
		fmt.Fprintf(stderr, "sh: %s\n", err)
		return 1, nil
	}
	return 0, nil
}

// rewrite sends look-ups of commands, which the shell would make on the real PATH, to exec.
func (in *inside) rewrite(_ context.Context, args []string) ([]string, error) {
	switch {
	case len(args) > 2 && args[0] == "command" && args[1] == "-v":
		return append([]string{"which"}, args[2:]...), nil
	case len(args) > 1 && args[0] == "type":
		return append([]string{"which"}, args[1:]...), nil
	}
	return args, nil
}

// text is a file inside the container.
func (in *inside) text(name string) (string, bool) {
	switch name {
	case "/etc/hostname":
		return in.life.hostname + "\n", true
	case "/dev/null":
		return "", true
	}
	in.sim.lock()
	defer in.sim.mu.Unlock()
	for _, one := range in.life.services {
		if text, found := one.def.Files[name]; found {
			return text, true
		}
	}
	return "", false
}

type textFile struct {
	io.Reader
	io.Writer
}

// Close does nothing: there is no file.
func (textFile) Close() error { return nil }

func (in *inside) open(_ context.Context, name string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
	text, found := in.text(name)
	if !found && flag&os.O_CREATE == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return textFile{Reader: strings.NewReader(text), Writer: io.Discard}, nil
}

func (in *inside) mayAccess(_ context.Context, name string, _ interp.AccessMode) error {
	if _, err := in.fileInfo(name); err != nil {
		return err
	}
	return nil
}

func (in *inside) stat(_ context.Context, name string, _ bool) (fs.FileInfo, error) {
	return in.fileInfo(name)
}

func (in *inside) fileInfo(name string) (fs.FileInfo, error) {
	for _, directory := range []string{"/", "/etc", "/root", "/tmp", "/run", "/var"} {
		if name == directory {
			return fileInfo{name: path.Base(name), directory: true}, nil
		}
	}
	text, found := in.text(name)
	if !found {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return fileInfo{name: path.Base(name), size: int64(len(text))}, nil
}

type fileInfo struct {
	name      string
	size      int64
	directory bool
}

func (f fileInfo) Name() string       { return f.name }
func (f fileInfo) Size() int64        { return f.size }
func (f fileInfo) ModTime() time.Time { return time.Unix(0, 0) }
func (f fileInfo) IsDir() bool        { return f.directory }
func (f fileInfo) Sys() any           { return nil }
func (f fileInfo) Mode() fs.FileMode {
	if f.directory {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
