package pvesim

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// curlOptions are the options of curl that scripts for health checks use. Those that change nothing here (-q, -H, --max-time, ...) are
// known so that their values are not taken for the URL.
type curlOptions struct {
	fail, silent, showError, head bool
	output, writeOut              string
	url                           string
}

func parseCurl(args []string) (curlOptions, error) {
	var o curlOptions
	flags := pflag.NewFlagSet("curl", pflag.ContinueOnError)
	flags.BoolVarP(&o.fail, "fail", "f", false, "")
	flags.BoolVarP(&o.silent, "silent", "s", false, "")
	flags.BoolVarP(&o.showError, "show-error", "S", false, "")
	flags.BoolVarP(&o.head, "head", "I", false, "")
	flags.StringVarP(&o.output, "output", "o", "", "")
	flags.StringVarP(&o.writeOut, "write-out", "w", "", "")
	for name, short := range map[string]string{"disable": "q", "globoff": "g", "insecure": "k", "location": "L", "verbose": "v", "include": "i"} {
		flags.BoolP(name, short, false, "")
	}
	for name, short := range map[string]string{"max-time": "m", "header": "H", "request": "X", "user-agent": "A", "data": "d",
		"connect-timeout": "", "retry": "", "noproxy": "", "max-filesize": "", "connect-to": "", "resolve": "", "max-redirs": ""} {
		flags.StringArrayP(name, short, nil, "")
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() != 1 {
		return o, fmt.Errorf("give one URL")
	}
	o.url = flags.Arg(0)
	return o, nil
}

// curl answers from the container's own services. Exit codes as of curl(1): 2 for its own options, 6 a name that does not resolve,
// 7 no connection, 22 an error status with -f.
func (in *inside) curl(_ context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseCurl(args)
	if err != nil {
		fmt.Fprintf(stderr, "curl: %v\n", err)
		return 2
	}
	complain := func(code int, problem string) int {
		if !o.silent || o.showError {
			fmt.Fprintf(stderr, "curl: (%d) %s\n", code, problem)
		}
		return code
	}
	answer, code, problem := in.fetch(o.url)
	defer func() { fmt.Fprint(stdout, o.written(answer.Status)) }()
	switch {
	case code != 0:
		return complain(code, problem)
	case o.fail && answer.Status >= 400:
		return complain(22, fmt.Sprintf("The requested URL returned error: %d", answer.Status))
	case o.head:
		fmt.Fprintf(stdout, "HTTP/1.1 %d\r\n\r\n", answer.Status)
	case o.output == "":
		fmt.Fprint(stdout, answer.Body)
	}
	return 0
}

// written is what -w prints at the end; without an answer the status is 000.
func (o curlOptions) written(status int) string {
	code := strconv.Itoa(status)
	if status == 0 {
		code = "000"
	}
	return strings.NewReplacer("%{http_code}", code, "%{response_code}", code, `\n`, "\n").Replace(o.writeOut)
}
