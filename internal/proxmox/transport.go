package proxmox

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	dialTimeout         = 5 * time.Second
	tlsHandshakeTimeout = 10 * time.Second
	idleConnTimeout     = 60 * time.Second
	maxIdleConns        = 8

	// maxReply is far above the resources of any cluster (about 400 bytes a
	// guest) and keeps a runaway server from filling our memory.
	maxReply = 64 << 20
)

// transport turns every exchange into either a well-formed success or an
// *Error, moves reads on to the next endpoint, and reports each exchange. It
// reads the whole body itself, so that a reply cut short is its business too.
type transport struct {
	inner     *http.Transport
	endpoints []*url.URL
	current   atomic.Int32
	// returnAt is when the first endpoint is tried again, in Unix nanoseconds;
	// returnAfter is from one try to the next.
	returnAt    atomic.Int64
	returnAfter time.Duration
	timeout     time.Duration
	observe     func(Call)
	auth        atomic.Pointer[auth]
}

func newTransport(o Options, endpoints []*url.URL, tlsConfig *tls.Config) *transport {
	// HTTP/1 only, as Proxmox speaks. No proxy from the environment: Proxmox is
	// a neighbour, and a token must not pass through a proxy meant for the web.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	t := &transport{
		inner: &http.Transport{
			Proxy:               nil,
			DialContext:         dialer.DialContext,
			TLSClientConfig:     tlsConfig,
			TLSHandshakeTimeout: tlsHandshakeTimeout,
			MaxIdleConnsPerHost: maxIdleConns,
			IdleConnTimeout:     idleConnTimeout,
			Protocols:           protocols,
		},
		endpoints:   endpoints,
		returnAfter: o.ReturnAfter,
		timeout:     o.Timeout,
		observe:     o.Observe,
	}
	t.auth.Store(&auth{Credentials: Credentials{o.TokenID, o.TokenSecret, o.Username, o.Password}})
	return t
}

// endpoint is the one in use.
func (t *transport) endpoint() *url.URL { return t.endpoints[t.current.Load()] }

// RoundTrip asks the endpoint in use, and for a GET the others after it until
// one answers. It returns an *Error for everything that is not a success.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.returns(request) {
		// Whatever is wrong with it is not shown: the endpoint in use works.
		if response, failed := t.exchange(request, t.endpoints[0]); failed == nil {
			t.use(0)
			return response, nil
		}
	}
	first, count := int(t.current.Load()), len(t.endpoints)
	for attempt := 0; ; attempt++ {
		index := (first + attempt) % count
		response, failed := t.exchange(request, t.endpoints[index])
		if failed == nil || !movesOn(failed) {
			t.use(index)
			return finish(response, failed)
		}
		if request.Context().Err() != nil {
			return finish(nil, failed)
		}
		if failed.Status == 0 && !failed.Sent {
			// Nobody there: whoever calls next begins with the next endpoint.
			if t.current.CompareAndSwap(int32(index), int32((index+1)%count)) {
				t.returnAt.Store(time.Now().Add(t.returnAfter).UnixNano())
			}
		}
		if request.Method != http.MethodGet || attempt+1 == count {
			return finish(nil, failed)
		}
	}
}

// use makes an endpoint the one in use.
func (t *transport) use(index int) {
	if before := t.current.Swap(int32(index)); before == 0 && index != 0 {
		t.returnAt.Store(time.Now().Add(t.returnAfter).UnixNano())
	}
}

// returns is whether a read is to try the first endpoint again. Of several at
// once, one is.
func (t *transport) returns(request *http.Request) bool {
	if request.Method != http.MethodGet || t.current.Load() == 0 {
		return false
	}
	now, at := time.Now(), t.returnAt.Load()
	return now.UnixNano() >= at && t.returnAt.CompareAndSwap(at, now.Add(t.returnAfter).UnixNano())
}

// finish keeps a nil *Error from becoming a non-nil error.
func finish(response *http.Response, failed *Error) (*http.Response, error) {
	if failed != nil {
		return nil, failed
	}
	return response, nil
}

// movesOn tells that another node of the cluster may have a better answer. A
// certificate that does not verify is not such a case: it is shown, not
// stepped around.
func movesOn(failed *Error) bool { return IsUnreachable(failed) && !IsTLS(failed) }

// exchange sends the request to one endpoint and judges the reply.
func (t *transport) exchange(request *http.Request, endpoint *url.URL) (*http.Response, *Error) {
	started := time.Now()
	response, failed := t.send(request, endpoint)
	if failed != nil {
		failed.redact(append(secretsOf(request.Context()), t.auth.Load().secrets()...))
	}
	if t.observe != nil {
		call := Call{
			Method: request.Method, Path: request.URL.Path, Endpoint: endpoint.String(),
			Duration: time.Since(started),
		}
		if failed != nil {
			call.Status, call.Err = failed.Status, failed
		} else {
			call.Status = response.StatusCode
		}
		t.observe(call)
	}
	return response, failed
}

// send proves who we are and delivers the request. A ticket that is not accepted is renewed once: what was refused so had no effect.
func (t *transport) send(request *http.Request, endpoint *url.URL) (*http.Response, *Error) {
	who := t.auth.Load()
	for {
		proven := request.Clone(request.Context())
		if request.GetBody != nil {
			body, err := request.GetBody()
			if err != nil {
				return nil, &Error{Method: request.Method, Path: request.URL.Path, Endpoint: endpoint.String(), Err: err}
			}
			proven.Body = body
		}
		failed := who.apply(proven, func(username, password string) (string, string, *Error) {
			return t.login(request.Context(), endpoint, username, password)
		})
		if failed != nil {
			failed.Sent = false // the call itself never left
			return nil, failed
		}
		response, failed := t.deliver(proven, endpoint)
		if failed == nil || !IsUnauthorized(failed) || request.Body != nil && request.GetBody == nil || !who.refused() {
			return response, failed
		}
	}
}

// deliver sends the request to one endpoint, once.
func (t *transport) deliver(request *http.Request, endpoint *url.URL) (*http.Response, *Error) {
	failed := &Error{Method: request.Method, Path: request.URL.Path, Endpoint: endpoint.String()}
	ctx, cancel := context.WithTimeout(request.Context(), t.timeout)
	defer cancel()

	// The transport may take a stale connection, notice that nothing of the
	// request went out, and take another: each GetConn begins anew.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { sent.Store(false) },
		WroteHeaders: func() { sent.Store(true) },
	})

	response, err := t.inner.RoundTrip(addressed(request.Clone(ctx), endpoint))
	failed.Sent = sent.Load()
	if err != nil {
		failed.Err = err
		return nil, failed
	}
	body, err := readReply(response.Body)
	if failed.judge(response, body, err) {
		return nil, failed
	}
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	return response, nil
}

// addressed points a request at an endpoint and marks its body as the form
// that it is.
func addressed(request *http.Request, endpoint *url.URL) *http.Request {
	target := *endpoint
	target.Path = endpoint.Path + request.URL.Path
	target.RawPath = endpoint.EscapedPath() + request.URL.EscapedPath()
	target.RawQuery = request.URL.RawQuery
	request.URL = &target
	request.Host = ""
	if request.Body != nil && request.Body != http.NoBody {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request
}

type secretsKey struct{}

// withSecrets tells the transport what must not come back in an error text.
func withSecrets(ctx context.Context, secrets []string) context.Context {
	if len(secrets) == 0 {
		return ctx
	}
	return context.WithValue(ctx, secretsKey{}, secrets)
}

func secretsOf(ctx context.Context) []string {
	secrets, _ := ctx.Value(secretsKey{}).([]string)
	return append([]string(nil), secrets...)
}
