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
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code, err := s.pctExec(ctx, "", vmid, command, streams{nil, &stdout, &stderr})
	if err != nil {
		return ExecResult{}, err
	}
	return ExecResult{ExitCode: code, Stdout: stdout.String(), Stderr: stderr.String()}, nil
}

// streams are a command's standard input, output and error.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// pctExec is `pct exec` on a node, or on whichever node holds the container ("").
func (s *Simulator) pctExec(ctx context.Context, node string, vmid int, command []string, std streams) (int, error) {
	s.lock()
	g := s.guests[vmid]
	var life *run
	reachable := true
	if node == "" {
		node = s.world.Nodes[0].Name
		if g != nil {
			node = g.node
		}
	}
	here := g != nil && !g.qemu && g.node == node
	if here {
		life, reachable = g.run, s.nodes[g.node].online
	}
	s.mu.Unlock()
	problem := ""
	switch {
	case !reachable:
		problem = fmt.Sprintf("ssh: connect to host %s port 22: No route to host", node)
	case !here:
		problem = fmt.Sprintf("Configuration file 'nodes/%s/lxc/%d.conf' does not exist", node, vmid)
	case life == nil:
		problem = fmt.Sprintf("container '%d' not running!", vmid)
	default:
		in := &inside{sim: s, guest: g, life: life}
		return in.runArgs(withInput(ctx, std.in), command, std.out, std.err)
	}
	_, err := fmt.Fprintln(std.err, problem)
	return exitNotRunning, err
}

type inputKey struct{}

// withInput is what a command reads, for the commands of the simulated shell that read at all.
func withInput(ctx context.Context, input io.Reader) context.Context {
	if input == nil {
		input = strings.NewReader("")
	}
	return context.WithValue(ctx, inputKey{}, input)
}

func inputOf(ctx context.Context) io.Reader {
	if input, ok := ctx.Value(inputKey{}).(io.Reader); ok {
		return input
	}
	return strings.NewReader("")
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
	return in.runScript(ctx, strings.Join(quoted, " "), []string{"sh"}, stdout, stderr)
}

// shellScript finds the script of sh -c, and what $0, $1 and so on are in it.
func shellScript(args []string) (script string, params []string, ok bool) {
	name := path.Base(args[0])
	if (name != "sh" && name != "bash") || len(args) < 3 || args[1] != "-c" {
		return "", nil, false
	}
	if len(args) > 3 {
		return args[2], args[3:], true
	}
	return args[2], []string{"sh"}, true
}

func (in *inside) runScript(ctx context.Context, script string, params []string, stdout, stderr io.Writer) (int, error) {
	// The POSIX dialect: process substitution of bash would make pipes on the real file system.
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), params[0])
	if err != nil {
		fmt.Fprintf(stderr, "sh: %s\n", err)
		return 2, nil
	}
	runner, err := interp.New(
		interp.StdIO(inputOf(ctx), stdout, stderr),
		interp.Dir("/"),
		interp.Params(append([]string{"--"}, params[1:]...)...),
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
	case args[0] == "umask" || args[0] == "export":
		return []string{"true"}, nil // the shell of the simulator does not know them, and its commands need neither
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
	if text, found := in.guest.files[name]; found {
		return text, true
	}
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
	if flag&(os.O_WRONLY|os.O_RDWR) != 0 && name != "/dev/null" {
		file := &written{in: in, name: name}
		if flag&os.O_APPEND != 0 {
			file.text.WriteString(text)
		}
		return file, nil
	}
	return textFile{Reader: strings.NewReader(text), Writer: io.Discard}, nil
}

// written is a file that a command writes; it is there once it is closed.
type written struct {
	in   *inside
	name string
	text bytes.Buffer
}

func (w *written) Read([]byte) (int, error)    { return 0, io.EOF }
func (w *written) Write(p []byte) (int, error) { return w.text.Write(p) }

// Close keeps the file.
func (w *written) Close() error {
	w.in.keep(w.name, w.text.String())
	return nil
}

func (in *inside) keep(name, text string) {
	in.sim.lock()
	defer in.sim.mu.Unlock()
	if in.guest.files == nil {
		in.guest.files = map[string]string{}
	}
	in.guest.files[name] = text
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
