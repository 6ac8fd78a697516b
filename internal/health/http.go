package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxBody and bodyTime bound what is read behind the header. Nothing of it is
	// used; it is read so that the service need not log a client that hung up.
	maxBody  = 64 << 10
	bodyTime = time.Second
	// maxHeader bounds what is read before it.
	maxHeader = 64 << 10
)

// probeHTTP makes one GET. The first answer decides: redirects are never
// followed, so a 3xx is healthy wherever it points to.
func (p *Prober) probeHTTP(ctx context.Context, check Check, target Target, to destination, limits Limits) Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := newRequest(withDestination(ctx, to, limits), check, target)
	if err != nil {
		return cannotRun(fmt.Sprintf("the URL cannot be asked for: %v", err))
	}
	res, err := p.transport(check.InsecureTLS).RoundTrip(req)
	if err != nil {
		return explain(err, to, limits)
	}
	stop := time.AfterFunc(bodyTime, cancel)
	_, _ = io.CopyN(io.Discard, res.Body, maxBody)
	stop.Stop()
	cancel() // before Close, which would read on
	_ = res.Body.Close()
	return judgeStatus(res.StatusCode, "from "+to.name)
}

func judgeStatus(status int, whence string) Result {
	message := fmt.Sprintf("HTTP %d %s", status, whence)
	if status >= 200 && status < 400 {
		return passed(message)
	}
	return failed(message)
}

// newRequest names the service in the URL, which makes it the name that the
// certificate is verified against; the connection goes to the destination.
func newRequest(ctx context.Context, check Check, target Target) (*http.Request, error) {
	u, err := url.Parse(check.URL)
	if err != nil {
		return nil, err
	}
	own := target.isOwn(check.Host)
	if name := serverName(target); own && name != "" {
		u.Host = net.JoinHostPort(name, fmt.Sprint(check.Port))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if own && target.Hostname != "" {
		req.Host = target.Hostname
	}
	req.Header.Set("User-Agent", "nixmox-health")
	req.Header.Set("Accept", "*/*")
	return req, nil
}

// serverName is whom we expect at the container's own address.
func serverName(t Target) string {
	if t.Hostname != "" {
		return t.Hostname
	}
	if t.Address.IsValid() {
		return t.Address.Unmap().String()
	}
	return ""
}

type destinationKey struct{}

type boundDestination struct {
	destination
	Limits
}

func withDestination(ctx context.Context, to destination, limits Limits) context.Context {
	return context.WithValue(ctx, destinationKey{}, boundDestination{to, limits})
}

// transport is shared by all probes: where a request goes is in its context.
func (p *Prober) transport(insecure bool) *http.Transport {
	p.once.Do(func() {
		p.verified = p.newTransport(&tls.Config{RootCAs: p.RootCAs, MinVersion: tls.VersionTLS12})
		p.insecure = p.newTransport(&tls.Config{InsecureSkipVerify: true}) // asked for by the check: https+insecure://
	})
	if insecure {
		return p.insecure
	}
	return p.verified
}

func (p *Prober) newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // an environment's proxy is not for our containers
		TLSClientConfig:        config,
		DisableKeepAlives:      true, // a probe asks whether a new client would be served
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			to := ctx.Value(destinationKey{}).(boundDestination)
			return dial(ctx, to.destination, to.Limits)
		},
	}
}
