package proxmox

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// DefaultTimeout bounds one exchange. It is above the 30 s after which
// Proxmox's own proxy gives up on a node, so its answer is seen first.
const DefaultTimeout = 40 * time.Second

// DefaultReturn is seldom enough for a first endpoint that is down to delay
// nothing that matters, one read in five minutes by the time to notice it.
const DefaultReturn = 5 * time.Minute

// Options say which Proxmox to talk to, as whom, and how its certificate is
// checked.
type Options struct {
	// Endpoints are base URLs such as "https://pve1.lan:8006", tried in order;
	// the last one that answered stays in use, until a read finds after a while
	// that the first answers again. Only reads move on to the next endpoint
	// within a call: a change is never sent twice.
	Endpoints []string
	// ReturnAfter is how long another endpoint than the first is in use before
	// the first is tried again; 0 means DefaultReturn.
	ReturnAfter time.Duration

	// TokenID and TokenSecret, or Username and Password: see Credentials.
	TokenID, TokenSecret string
	Username, Password   string

	// RootCAs is a PEM bundle that replaces the system's authorities. A
	// cluster's own is /etc/pve/pve-root-ca.pem.
	RootCAs []byte
	// Fingerprint is the SHA-256 of the server's certificate, "AA:BB:..." as
	// Proxmox shows it. It is checked instead of chain, name and dates.
	Fingerprint string
	// InsecureSkipVerify accepts any certificate. A fingerprint is checked all
	// the same.
	InsecureSkipVerify bool

	// Timeout bounds one exchange; 0 means DefaultTimeout.
	Timeout time.Duration

	// Observe is called after every HTTP exchange, from the goroutine of the
	// call. It gets nothing secret.
	Observe func(Call)
}

// Call is one HTTP exchange, as Options.Observe sees it.
type Call struct {
	Method string
	// Path has the real ids in it, no "/api2/json" and no query.
	Path     string
	Endpoint string
	// Status is 0 if there was no answer.
	Status   int
	Duration time.Duration
	// Err is nil for a success.
	Err error
}

// normalized checks the options and fills in the defaults.
func (o Options) normalized() (Options, []*url.URL, error) {
	c, err := Credentials{o.TokenID, o.TokenSecret, o.Username, o.Password}.normalized()
	if err != nil {
		return o, nil, err
	}
	o.TokenID, o.TokenSecret, o.Username, o.Password = c.TokenID, c.TokenSecret, c.Username, c.Password
	if o.ReturnAfter <= 0 {
		o.ReturnAfter = DefaultReturn
	}
	if o.Timeout < 0 {
		return o, nil, fmt.Errorf("the timeout %s is negative", o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if len(o.Endpoints) == 0 {
		return o, nil, errors.New("no endpoint is given: name at least one, for example https://pve1.example.com:8006")
	}
	endpoints := make([]*url.URL, 0, len(o.Endpoints))
	for _, raw := range o.Endpoints {
		endpoint, err := parseEndpoint(raw)
		if err != nil {
			return o, nil, err
		}
		endpoints = append(endpoints, endpoint)
	}
	return o, endpoints, nil
}

const apiPrefix = "/api2/json"

// parseEndpoint accepts "https://host:8006", with or without the API's own
// path, and with a path in front of that for a reverse proxy.
func parseEndpoint(raw string) (*url.URL, error) {
	const example = "an endpoint looks like https://pve1.example.com:8006"
	endpoint, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil:
		// The parser's own error repeats the text, which may hold a password.
		return nil, errors.New("an endpoint is not a URL: " + example)
	case endpoint.User != nil:
		return nil, fmt.Errorf("endpoint %q holds a user name or password: %s, and the token goes elsewhere", endpoint.Redacted(), example)
	case endpoint.Scheme != "https" && endpoint.Scheme != "http":
		return nil, fmt.Errorf("endpoint %q does not begin with https://: %s", raw, example)
	case endpoint.Hostname() == "":
		return nil, fmt.Errorf("endpoint %q names no host: %s", raw, example)
	case endpoint.RawQuery != "" || endpoint.Fragment != "":
		return nil, fmt.Errorf("endpoint %q has a query or fragment: %s", raw, example)
	}
	prefix := strings.TrimSuffix(strings.TrimSuffix(endpoint.Path, "/"), apiPrefix)
	return &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: prefix + apiPrefix}, nil
}
