package proxmox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	pve "github.com/luthermonson/go-proxmox"
)

// Client talks to one Proxmox VE installation, a node or a cluster. It is safe
// for use by many goroutines and holds no state but its connections and the
// endpoint that answered last.
type Client struct {
	api       *pve.Client
	transport *transport
}

// New checks the options and makes a client. It does not connect.
func New(o Options) (*Client, error) {
	o, endpoints, err := o.normalized()
	if err != nil {
		return nil, fmt.Errorf("proxmox client: %w", err)
	}
	tlsConfig, err := newTLSConfig(o)
	if err != nil {
		return nil, fmt.Errorf("proxmox client: %w", err)
	}
	tr := newTransport(o, endpoints, tlsConfig)
	api := pve.NewClient(placeholderBase,
		pve.WithHTTPClient(&http.Client{Transport: tr, CheckRedirect: noRedirect}),
		pve.WithUserAgent("nixmox-controller"),
		pve.WithLogger(silent{}),
	)
	return &Client{api: api, transport: tr}, nil
}

// SetCredentials makes every call from now on another's: what is under way goes
// on. Nothing is changed when they do not have the form.
func (c *Client) SetCredentials(credentials Credentials) error {
	credentials, err := credentials.normalized()
	if err != nil {
		return fmt.Errorf("proxmox client: %w", err)
	}
	c.transport.auth.Store(&auth{Credentials: credentials})
	return nil
}

// Close drops idle connections. The client can be used again after it.
func (c *Client) Close() { c.transport.inner.CloseIdleConnections() }

// placeholderBase is what go-proxmox puts before each path; the transport
// replaces it by the endpoint in use.
const placeholderBase = "http://proxmox"

// noRedirect: the API does not redirect, and a token must not follow one.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// silent swallows go-proxmox's log, which prints request bodies, passwords
// included.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Infof(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// path joins escaped segments: path("nodes", node, "lxc").
func path(segments ...string) string {
	var joined strings.Builder
	for _, segment := range segments {
		joined.WriteByte('/')
		joined.WriteString(url.PathEscape(segment))
	}
	return joined.String()
}

// do makes one call and gives the reply's data, nil if that is null.
func (c *Client) do(ctx context.Context, method, path string, params Params) (json.RawMessage, error) {
	target, body := path, []byte(nil)
	if len(params) > 0 {
		// Proxmox answers 501 to a GET or DELETE that has a body.
		if method == http.MethodGet || method == http.MethodDelete {
			target += "?" + params.encode()
		} else {
			body = []byte(params.encode())
		}
	}
	var data json.RawMessage
	if err := c.api.Req(withSecrets(ctx, params.secrets()), method, target, body, &data); err != nil {
		return nil, typed(err, method, path)
	}
	return data, nil
}

// typed takes our own error out of what net/http and go-proxmox wrapped around
// it.
func typed(err error, method, path string) error {
	var failed *Error
	if errors.As(err, &failed) {
		return failed
	}
	// The request could not even be built.
	return &Error{Method: method, Path: path, Err: err}
}

// get makes a GET and decodes its data.
func (c *Client) get(ctx context.Context, path string, params Params, target any) error {
	data, err := c.do(ctx, http.MethodGet, path, params)
	if err != nil {
		return err
	}
	return c.checked(http.MethodGet, path, decode(data, target))
}

// task makes a call that starts a worker and gives its UPID.
func (c *Client) task(ctx context.Context, method, path string, params Params) (UPID, error) {
	data, err := c.do(ctx, method, path, params)
	if err != nil {
		return UPID{}, err
	}
	var id string
	if err := decode(data, &id); err != nil {
		return UPID{}, c.checked(method, path, err)
	}
	upid, err := ParseUPID(id)
	if err != nil {
		return UPID{}, c.checked(method, path, fmt.Errorf("%w: %w", ErrMalformed, err))
	}
	return upid, nil
}

// checked makes an *Error of what was wrong with the data of a success.
func (c *Client) checked(method, path string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{
		Method: method, Path: path, Endpoint: c.transport.endpoint().String(),
		Status: http.StatusOK, Sent: true, Err: err,
	}
}
