package pvesim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// NodeShell runs a command line as root's shell on a node would, for an SSH server: `pct exec`, `timeout`, and what a POSIX shell has
// built in. With an empty name it is any node: each knows every container. Nothing of the real machine is run, read or changed.
func (s *Simulator) NodeShell(ctx context.Context, node, line string, stdin io.Reader, stdout, stderr io.Writer) int {
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(line), "sh")
	if err != nil {
		fmt.Fprintf(stderr, "sh: %s\n", err)
		return 2
	}
	on := &nodeShell{sim: s, node: node}
	runner, err := interp.New(
		interp.StdIO(stdin, stdout, stderr), interp.Dir("/"), interp.Env(expand.ListEnviron("PATH=/usr/bin:/bin", "HOME=/root", "USER=root")),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return on.exec }),
		interp.OpenHandler(func(_ context.Context, name string, _ int, _ os.FileMode) (io.ReadWriteCloser, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "sh: %s\n", err)
		return 1
	}
	return exitOf(runner.Run(ctx, parsed), stderr)
}

func exitOf(err error, stderr io.Writer) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(stderr, "sh: %s\n", err)
	return 1
}

type nodeShell struct {
	sim  *Simulator
	node string
}

func (n *nodeShell) exec(ctx context.Context, args []string) error {
	handler := interp.HandlerCtx(ctx)
	if code := n.command(ctx, args, streams{handler.Stdin, handler.Stdout, handler.Stderr}); code != 0 {
		return interp.ExitStatus(code)
	}
	return nil
}

func (n *nodeShell) command(ctx context.Context, args []string, std streams) int {
	switch path.Base(args[0]) {
	case "timeout":
		limit, command, ok := parseTimeout(args[1:])
		if !ok {
			return 125
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		code := n.command(ctx, command, std)
		if ctx.Err() != nil {
			return 124
		}
		return code
	case "pct":
		return n.pct(ctx, args[1:], std)
	}
	fmt.Fprintf(std.err, "sh: %s: command not found\n", args[0])
	return 127
}

// pct knows exec VMID [--keep-env 0] -- COMMAND...
func (n *nodeShell) pct(ctx context.Context, args []string, std streams) int {
	if len(args) < 2 || args[0] != "exec" {
		fmt.Fprintln(std.err, "the simulated pct knows exec alone")
		return 255
	}
	vmid, err := strconv.Atoi(args[1])
	args = args[2:]
	if len(args) > 1 && args[0] == "--keep-env" {
		args = args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if err != nil || len(args) == 0 {
		fmt.Fprintln(std.err, "400 not enough arguments\npct exec <vmid> [<extra-args>] [OPTIONS]")
		return 255
	}
	code, err := n.sim.pctExec(ctx, n.node, vmid, args, std)
	if err != nil {
		fmt.Fprintln(std.err, err)
		return 255
	}
	return code
}
