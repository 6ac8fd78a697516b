package pvesim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
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

// systemctl knows is-active, restart, start, stop and is-system-running. Exit codes as of systemd: 3 for a unit that is
// not active, 4 for one that does not exist, though is-active gives 4 for none (systemd 254 on).
func (in *inside) systemctl(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var words []string
	quiet := false
	for _, arg := range args {
		switch {
		case arg == "-q" || arg == "--quiet":
			quiet = true
		case strings.HasPrefix(arg, "-"):
		default:
			words = append(words, arg)
		}
	}
	if len(words) == 0 {
		return 0
	}
	if words[0] == "is-system-running" {
		fmt.Fprintln(stdout, "running")
		return 0
	}
	in.sim.lock()
	defer in.sim.mu.Unlock()
	code := 0
	for _, unit := range words[1:] {
		code = max(code, in.unit(words[0], strings.TrimSuffix(unit, ".service"), quiet, stdout, stderr))
	}
	return code
}

func (in *inside) unit(verb, name string, quiet bool, stdout, stderr io.Writer) int {
	one := in.serviceOf(name)
	switch verb {
	case "is-active", "is-failed":
		state := one.state()
		if !quiet {
			fmt.Fprintln(stdout, state)
		}
		switch {
		case one == nil:
			return 4
		case (state == "active") == (verb == "is-active"):
			return 0
		}
		return 3
	case "restart", "start", "stop", "try-restart", "reload":
		if one == nil {
			fmt.Fprintf(stderr, "Failed to %s %s.service: Unit %s.service not found.\n", verb, name, name)
			return 5
		}
		in.control(verb, one)
		return 0
	}
	fmt.Fprintf(stderr, "Unknown command verb '%s'.\n", verb)
	return 1
}

func (in *inside) control(verb string, one *runningService) {
	if in.guest.run != in.life {
		return
	}
	switch {
	case verb == "stop":
		one.close()
		one.stopped = true
	case verb == "reload", verb == "start" && one.state() != "inactive":
	default:
		in.sim.bringUp(in.guest, in.life, one)
	}
}

func (in *inside) serviceOf(unit string) *runningService {
	for _, one := range in.life.services {
		if slices.Contains(one.def.Units, unit) {
			return one
		}
	}
	return nil
}

func (r *runningService) state() string {
	switch {
	case r == nil || r.stopped:
		return "inactive"
	case r.broken:
		return "failed"
	case r.ready:
		return "active"
	}
	return "activating"
}

// wget ends with 4 when there is no connection and with 8 when the server says no.
func (in *inside) wget(_ context.Context, args []string, stdout, stderr io.Writer) int {
	target, toStdout := "", false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-O" || arg == "-T" || arg == "-t":
			toStdout = toStdout || arg == "-O" && i+1 < len(args) && args[i+1] == "-"
			i++
		case strings.HasPrefix(arg, "-"):
			toStdout = toStdout || strings.HasPrefix(arg, "-") && strings.HasSuffix(arg, "O-")
		default:
			target = arg
		}
	}
	answer, code, problem := in.fetch(target)
	switch {
	case code != 0:
		fmt.Fprintf(stderr, "wget: %s\n", problem)
		return 4
	case answer.Status >= 400:
		fmt.Fprintf(stderr, "wget: server returned error: %d\n", answer.Status)
		return 8
	case toStdout:
		fmt.Fprint(stdout, answer.Body)
	}
	return 0
}

// fetch makes a request inside the container; code is curl's when there is no answer.
func (in *inside) fetch(target string) (answer HTTPService, code int, problem string) {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	parsed, err := url.Parse(target)
	if err != nil || parsed.Host == "" {
		return answer, 3, "URL rejected: Malformed input to a URL function"
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		port = map[string]int{"http": 80, "https": 443}[parsed.Scheme]
	}
	if parsed.Path == "" {
		parsed.Path = "/"
	}
	in.sim.lock()
	defer in.sim.mu.Unlock()
	host := parsed.Hostname()
	local := in.isLoopback(host)
	if !local && !in.isOwn(host) {
		return answer, 6, "Could not resolve host: " + host
	}
	refused := fmt.Sprintf("Failed to connect to %s port %d after 0 ms: Could not connect to server", host, port)
	for _, one := range in.life.services {
		if !local && !one.outside(port) {
			continue
		}
		if answer, listens := one.request(port, parsed.Path); listens {
			return answer, 0, ""
		}
	}
	return answer, 7, refused
}

// outside reports whether a service listens on a port at more than localhost.
func (r *runningService) outside(port int) bool {
	for _, answer := range r.def.HTTP {
		if answer.Port == port && answer.Scope == ScopeAddress {
			return true
		}
	}
	return slices.ContainsFunc(r.def.TCP, func(one TCPService) bool { return one.Port == port && one.Scope == ScopeAddress })
}

func (in *inside) isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host) != nil && net.ParseIP(host).IsLoopback()
}

func (in *inside) isOwn(host string) bool {
	if host == in.life.hostname {
		return true
	}
	for _, one := range in.sim.links(in.guest) {
		for _, prefix := range append(one.v4, one.v6...) {
			if prefix.Addr().String() == host {
				return true
			}
		}
	}
	return false
}

// netcat is nc -z HOST PORT: is there a listener?
func (in *inside) netcat(_ context.Context, args []string, _, _ io.Writer) int {
	var words []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-w":
			i++
		case !strings.HasPrefix(args[i], "-"):
			words = append(words, args[i])
		}
	}
	if len(words) != 2 {
		return 1
	}
	port, err := strconv.Atoi(words[1])
	if err != nil {
		return 1
	}
	in.sim.lock()
	defer in.sim.mu.Unlock()
	local := in.isLoopback(words[0])
	for _, one := range in.life.services {
		if !one.answers() || !local && (!in.isOwn(words[0]) || !one.outside(port)) {
			continue
		}
		hasHTTP := slices.ContainsFunc(one.def.HTTP, func(answer HTTPService) bool { return answer.Port == port })
		if hasHTTP || slices.ContainsFunc(one.def.TCP, func(answer TCPService) bool { return answer.Port == port }) {
			return 0
		}
	}
	return 1
}
