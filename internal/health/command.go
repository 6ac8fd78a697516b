package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

const notConfigured = "commands inside containers are not configured"

// whatElse is the advice for a check that needs them.
const whatElse = ": set spec.exec of the host (docs/exec.md), use an http or tcp check, or set its spec.rollout.unknownHealth to Proceed"

// probeCommand runs the check's command in the container; exit 0 is healthy.
func probeCommand(ctx context.Context, check Check, target Target, limits Limits) Result {
	if target.Exec == nil {
		return cannotRun(notConfigured + whatElse)
	}
	res, err := target.Exec.Run(ctx, target.container(), check.Command)
	if err != nil {
		return explainExec(err, limits)
	}
	if res.ExitCode == 0 {
		return passed("the command succeeded")
	}
	return failed(fmt.Sprintf("the command ended with exit code %d", res.ExitCode) + quoteOutput(res))
}

// explainExec: a command that did not end in time is the service's fault; not
// having reached the container is not.
func explainExec(err error, limits Limits) Result {
	switch {
	case errors.Is(err, guest.ErrNotConfigured):
		return cannotRun(notConfigured + whatElse)
	case errors.Is(err, guest.ErrUnreachable):
		return notRun(firstLine(err.Error()))
	case errors.Is(err, context.DeadlineExceeded):
		return failed(fmt.Sprintf("the command did not end within %s", limits.Timeout))
	default:
		return notRun(firstLine(err.Error()))
	}
}

// quoteOutput is what the command had to say, stderr first.
func quoteOutput(res guest.Result) string {
	for _, text := range []string{res.Stderr, res.Stdout} {
		if line := firstLine(text); line != "" {
			return ": " + line
		}
	}
	return ""
}

// maxLine is how many characters of foreign text go into a message.
const maxLine = 200

// firstLine is the first line of text that says something, fit for a message.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(line, "?")))
		if line == "" {
			continue
		}
		if runes := []rune(line); len(runes) > maxLine {
			return string(runes[:maxLine]) + "..."
		}
		return line
	}
	return ""
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
