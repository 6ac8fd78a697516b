package pvesim

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
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
		"mkdir": (*inside).mkdir, "mv": (*inside).mv, "rm": (*inside).rm, "touch": (*inside).touch,
	}
}

// exec runs what is not built into the shell.
func (in *inside) exec(ctx context.Context, args []string) error {
	handler := interp.HandlerCtx(ctx)
	code := in.command(withInput(ctx, handler.Stdin), args, handler.Stdout, handler.Stderr)
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
	limit, command, ok := parseTimeout(args)
	if !ok {
		return 125
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	code := in.command(ctx, command, stdout, stderr)
	if ctx.Err() != nil {
		return 124
	}
	return code
}

// parseTimeout reads the arguments of timeout(1). Its seconds are real ones: whoever waits for it is.
func parseTimeout(args []string) (limit time.Duration, command []string, ok bool) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-k" || args[0] == "-s" {
			args = args[1:]
		}
		args = args[min(1, len(args)):]
	}
	if len(args) < 2 {
		return 0, nil, false
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	return time.Duration(seconds * float64(time.Second)), args[1:], err == nil
}

func (in *inside) mkdir(context.Context, []string, io.Writer, io.Writer) int { return 0 }

func (in *inside) touch(_ context.Context, args []string, _, _ io.Writer) int {
	for _, name := range args {
		if _, found := in.text(name); !found {
			in.keep(name, "")
		}
	}
	return 0
}

func (in *inside) mv(_ context.Context, args []string, _, stderr io.Writer) int {
	args = slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	in.sim.lock()
	defer in.sim.mu.Unlock()
	if len(args) != 2 {
		fmt.Fprintln(stderr, "mv: give two files")
		return 1
	}
	text, found := in.guest.files[args[0]]
	if !found {
		fmt.Fprintf(stderr, "mv: cannot stat '%s': No such file or directory\n", args[0])
		return 1
	}
	delete(in.guest.files, args[0])
	in.guest.files[args[1]] = text
	return 0
}

func (in *inside) rm(_ context.Context, args []string, _, _ io.Writer) int {
	in.sim.lock()
	defer in.sim.mu.Unlock()
	for _, name := range args {
		delete(in.guest.files, name)
	}
	return 0
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

func (in *inside) cat(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	code := 0
	if len(args) == 0 {
		if _, err := io.Copy(stdout, inputOf(ctx)); err != nil {
			return 1
		}
	}
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
