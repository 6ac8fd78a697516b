package pvesim

import (
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/interp"
)

// program is a simulated command inside a container: arguments without its name, and its exit code.
type program func(in *inside, ctx context.Context, args []string, stdout, stderr io.Writer) int

var programs map[string]program

func init() { // which looks at the table that it is in
	programs = map[string]program{
		"systemctl": (*inside).systemctl, "curl": (*inside).curl, "wget": (*inside).wget, "nc": (*inside).netcat,
		"cat": (*inside).cat, "which": (*inside).which, "sleep": (*inside).sleep, "hostname": (*inside).hostnameCommand,
		"sh": (*inside).shell, "bash": (*inside).shell, "env": (*inside).env, "timeout": (*inside).timeout,
	}
}

// exec runs what is not built into the shell.
func (in *inside) exec(ctx context.Context, args []string) error {
	handler := interp.HandlerCtx(ctx)
	code := in.command(ctx, args, handler.Stdout, handler.Stderr)
	if code == 0 {
		return nil
	}
	return interp.ExitStatus(code)
}

func (in *inside) command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := path.Base(args[0])
	if code, known := in.worldCommand(name); known {
		return code
	}
	if run := programs[name]; run != nil {
		return run(in, ctx, args[1:], stdout, stderr)
	}
	fmt.Fprintf(stderr, "%s: command not found\n", args[0])
	return 127
}

// worldCommand is a command that the world gives a service of this container.
func (in *inside) worldCommand(name string) (code int, known bool) {
	in.sim.lock()
	defer in.sim.mu.Unlock()
	for _, one := range in.life.services {
		if code, found := one.def.Commands[name]; found {
			if !one.answers() {
				return 1, true
			}
			return code, true
		}
	}
	return 0, false
}

func (in *inside) shell(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	code, err := in.runArgs(ctx, append([]string{"sh"}, args...), stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return code
}

// env and timeout run the command behind their own arguments.
func (in *inside) env(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	for len(args) > 0 && strings.Contains(args[0], "=") {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	return in.command(ctx, args, stdout, stderr)
}

func (in *inside) timeout(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	if len(args) < 2 {
		return 125
	}
	return in.command(ctx, args[1:], stdout, stderr)
}

func (in *inside) which(_ context.Context, args []string, stdout, _ io.Writer) int {
	missing := 0
	for _, name := range args {
		_, ofWorld := in.worldCommand(name)
		if !ofWorld && programs[name] == nil && !interp.IsBuiltin(name) {
			missing = 1
			continue
		}
		fmt.Fprintf(stdout, "/usr/bin/%s\n", name)
	}
	return missing
}

func (in *inside) cat(_ context.Context, args []string, stdout, stderr io.Writer) int {
	code := 0
	for _, name := range args {
		text, found := in.text(name)
		if !found {
			fmt.Fprintf(stderr, "cat: %s: No such file or directory\n", name)
			code = 1
			continue
		}
		fmt.Fprint(stdout, text)
	}
	return code
}

func (in *inside) hostnameCommand(_ context.Context, _ []string, stdout, _ io.Writer) int {
	fmt.Fprintln(stdout, in.life.hostname)
	return 0
}

func (in *inside) sleep(ctx context.Context, args []string, _, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "sleep: missing operand")
		return 1
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		fmt.Fprintf(stderr, "sleep: invalid time interval '%s'\n", args[0])
		return 1
	}
	select {
	case <-time.After(in.sim.real(time.Duration(seconds * float64(time.Second)))):
	case <-ctx.Done():
	case <-in.sim.done:
	}
	return 0
}
