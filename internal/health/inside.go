package health

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// The scripts speak to us by exit code, since their output is the tools' own.
const (
	exitBadStatus = 96 // an HTTP answer that is neither 2xx nor 3xx
	exitNoTool    = 97 // nothing in the container can ask
)

var (
	//go:embed inside_http.sh
	httpScript string
	//go:embed inside_tcp.sh
	tcpScript string
)

// curlTimes are the milliseconds in curl's messages, other ones each time.
var curlTimes = regexp.MustCompile(` after \d+ (ms|milliseconds)`)

// probeInside asks the container's own localhost from inside. When that cannot be
// done here, why says so and the Result means nothing.
func probeInside(ctx context.Context, check Check, target Target, limits Limits) (r Result, why string) {
	if target.Exec == nil {
		return r, notConfigured
	}
	script, err := insideScript(check, target, limits)
	if err != nil {
		return cannotRun(err.Error()), ""
	}
	res, err := target.Exec.Run(ctx, target.container(), script)
	switch {
	case errors.Is(err, guest.ErrNotConfigured):
		return r, notConfigured
	case err != nil:
		return explainExec(err, limits), ""
	case res.ExitCode == exitNoTool:
		return r, "no tool in the container can ask for it: " + toolsFor(check)
	case res.ExitCode == 0:
		return passed(insideMessage(check, firstLine(res.Stdout), "answered")), ""
	case res.ExitCode == exitBadStatus:
		return failed(insideMessage(check, firstLine(res.Stdout), "an error status")), ""
	default:
		return failed("no answer inside the container" + curlTimes.ReplaceAllString(quoteOutput(res), "")), ""
	}
}

func toolsFor(check Check) string {
	switch {
	case check.Kind == KindTCP:
		return "neither bash nor nc"
	case strings.HasPrefix(check.URL, "https:") && !check.InsecureTLS:
		return "no curl"
	default:
		return "neither curl nor wget"
	}
}

func insideMessage(check Check, said, otherwise string) string {
	if said == "" {
		said = otherwise
	}
	return fmt.Sprintf("%s from %s inside the container", said, net.JoinHostPort(check.Host, fmt.Sprint(check.Port)))
}

// InsideScript is the script that asks a URL or a port from inside a container, and its variables in order with their values for this check
// ("" for those of the time allowed: seconds and whole_seconds). It is here for whoever runs it by other means.
func InsideScript(check Check, hostname string) (script string, names, values []string, err error) {
	if check.Kind == KindTCP {
		return tcpScript, []string{"host", "port"}, []string{check.Host, fmt.Sprint(check.Port)}, nil
	}
	named, err := url.Parse(check.URL)
	if err != nil {
		return "", nil, nil, fmt.Errorf("the URL cannot be asked for: %w", err)
	}
	port := fmt.Sprint(check.Port)
	insecure := ""
	if check.InsecureTLS {
		insecure = "yes"
	}
	host, connect := named.Host, ""
	if hostname != "" {
		host = hostname
	}
	if hostname != "" && named.Scheme == "https" {
		// The name in the URL is the one that curl verifies.
		named.Host = net.JoinHostPort(hostname, port)
		connect = "::" + net.JoinHostPort(check.Host, port)
	}
	return httpScript, []string{"url", "named", "host", "connect", "insecure", "seconds", "whole_seconds"},
		[]string{check.URL, named.String(), host, connect, insecure, "", ""}, nil
}

func insideScript(check Check, target Target, limits Limits) (string, error) {
	script, names, values, err := InsideScript(check, target.Hostname)
	if err != nil {
		return "", err
	}
	// The tools end a little before our own deadline, so that they can still say why.
	seconds := max(limits.Timeout*9/10, time.Second/10).Seconds()
	var b strings.Builder
	for i, name := range names {
		switch name {
		case "seconds":
			values[i] = fmt.Sprintf("%.1f", seconds)
		case "whole_seconds":
			values[i] = fmt.Sprint(int(seconds) + 1)
		}
		b.WriteString(assign(name, values[i]))
	}
	return b.String() + script, nil
}

// assign is one shell assignment, quoted for exactly one shell.
func assign(name, value string) string {
	return name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n"
}
