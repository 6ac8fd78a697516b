package health

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is what a check does.
type Kind int

const (
	// KindRunning asks nothing: a container that runs is healthy. It is not a form
	// of the grammar, only the last resort of DefaultCheck.
	KindRunning Kind = iota
	// KindSystemctl runs a command that begins with systemctl in the container.
	KindSystemctl
	// KindHTTP asks for a URL; 2xx and 3xx are healthy.
	KindHTTP
	// KindTCP connects to a port and closes.
	KindTCP
	// KindCommand runs any other command in the container; exit 0 is healthy.
	KindCommand
)

// String is the form's name.
func (k Kind) String() string {
	switch k {
	case KindSystemctl:
		return "systemctl"
	case KindHTTP:
		return "http"
	case KindTCP:
		return "tcp"
	case KindCommand:
		return "command"
	default:
		return "running"
	}
}

// Check is one parsed health check. Two checks that ask the same are ==.
type Check struct {
	Kind Kind
	// URL of a KindHTTP check, always http or https.
	URL string
	// Host of a KindHTTP or KindTCP check, lower case, IPv6 without brackets. Empty
	// in the form tcp:PORT, which means the container's own address.
	Host string
	// Port of a KindHTTP (explicit or the scheme's) or KindTCP check.
	Port uint16
	// InsecureTLS of a KindHTTP check accepts any certificate: https+insecure://.
	InsecureTLS bool
	// Command of a KindSystemctl or KindCommand check, for /bin/sh -c.
	Command string
}

const (
	insecurePrefix = "https+insecure://"
	tcpPrefix      = "tcp:"
)

// Parse reads the four forms of a check: `systemctl ...`, `http://` or `https://`
// (`https+insecure://` to accept any certificate), `tcp:PORT` or
// `tcp:HOST:PORT`, and anything else, which is a command. Its errors are
// sentences for the author of the check.
func Parse(text string) (Check, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Check{}, errors.New("the check is empty: leave healthCheck out for the default, or give a command, a URL or tcp:PORT")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return Check{}, errors.New("the check holds bytes that no command line can carry: use plain UTF-8 text")
	case hasPrefixFold(text, insecurePrefix):
		return parseURL("https://"+text[len(insecurePrefix):], true)
	case hasPrefixFold(text, "http://"), hasPrefixFold(text, "https://"):
		return parseURL(text, false)
	case hasPrefixFold(text, tcpPrefix):
		return parseTCP(text[len(tcpPrefix):])
	case isSystemctl(text):
		return Check{Kind: KindSystemctl, Command: text}, nil
	default:
		return Check{Kind: KindCommand, Command: text}, nil
	}
}

// String is the check in the grammar: Parse(c.String()) gives c again, for every
// c that Parse returned.
func (c Check) String() string {
	switch c.Kind {
	case KindSystemctl, KindCommand:
		return c.Command
	case KindHTTP:
		if c.InsecureTLS {
			return insecurePrefix + strings.TrimPrefix(c.URL, "https://")
		}
		return c.URL
	case KindTCP:
		if c.Host == "" {
			return tcpPrefix + strconv.Itoa(int(c.Port))
		}
		return tcpPrefix + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	default:
		return "(running)"
	}
}

// NeedsExec says that the check cannot be run at all without commands inside the
// container.
func (c Check) NeedsExec() bool { return c.Kind == KindSystemctl || c.Kind == KindCommand }

// PrefersExec says that the check means the container's own localhost: it is
// asked inside where that is possible, else from outside.
func (c Check) PrefersExec() bool {
	return (c.Kind == KindHTTP || c.Kind == KindTCP) && isLocalhost(c.Host)
}

func isLocalhost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func isSystemctl(text string) bool {
	rest, found := strings.CutPrefix(text, "systemctl")
	return found && (rest == "" || unicode.IsSpace(rune(rest[0])))
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func parseURL(text string, insecure bool) (Check, error) {
	if strings.ContainsFunc(text, unicode.IsSpace) {
		return Check{}, errors.New("a URL check is one URL and nothing else: to combine, write a command such as `curl -fsS URL && systemctl is-active NAME`, or put %20 for a space in the URL")
	}
	u, err := url.Parse(text)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return Check{}, fmt.Errorf("the URL cannot be read: %w; write it as http://HOST:PORT/PATH", err)
	}
	if u.User != nil {
		return Check{}, errors.New("a URL check takes no user or password, since checks are shown to everybody: ask a page that needs none, or use a command")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return Check{}, err
	}
	port := uint16(80)
	if u.Scheme == "https" {
		port = 443
	}
	given := u.Port()
	u.Host, u.Fragment, u.RawFragment = bracketed(host), "", ""
	if given != "" {
		if port, err = parsePort(given); err != nil {
			return Check{}, err
		}
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return Check{Kind: KindHTTP, URL: u.String(), Host: host, Port: port, InsecureTLS: insecure}, nil
}

func parseTCP(rest string) (Check, error) {
	if strings.HasPrefix(rest, "//") {
		return Check{}, errors.New("a TCP check has no slashes: write tcp:PORT or tcp:HOST:PORT")
	}
	if !strings.Contains(rest, ":") {
		port, err := parsePort(rest)
		return Check{Kind: KindTCP, Port: port}, err
	}
	host, portText, err := net.SplitHostPort(rest)
	if err != nil {
		return Check{}, fmt.Errorf("tcp:%s is not tcp:PORT or tcp:HOST:PORT (an IPv6 address stands in brackets: tcp:[fd00::1]:5432)", rest)
	}
	port, err := parsePort(portText)
	if err != nil {
		return Check{}, err
	}
	if host, err = canonicalHost(host); err != nil {
		return Check{}, err
	}
	return Check{Kind: KindTCP, Host: host, Port: port}, nil
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '+' {
		return 0, fmt.Errorf("%q is not a port: give a number from 1 to 65535", text)
	}
	return uint16(n), nil
}

// canonicalHost takes an address or an RFC 1123 name, lower-cased.
func canonicalHost(host string) (string, error) {
	if host == "" {
		return "", errors.New("the check names no host: give a name, an address, or localhost for the container itself")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return "", fmt.Errorf("%q has a zone, which means something on one machine only: give an address without %%", host)
		}
		return addr.String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if !isHostname(name) {
		return "", fmt.Errorf("%q is not a host: give a name of letters, digits, dots and hyphens, or an address", host)
	}
	return name, nil
}

func isHostname(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
