package pvesim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

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
