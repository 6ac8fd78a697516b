package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// maxHeader bounds what is read up to the end of the header.
	maxHeader = 64 << 10
	// maxBody and bodyTime bound what is read behind it. Nothing of that is used; it
	// is read so that the service need not log a client that hung up.
	maxBody  = 64 << 10
	bodyTime = time.Second
)

var errHeader = errors.New("the header of its answer is longer than 64 KiB")

// probeHTTP makes one GET. The first answer decides: redirects are never
// followed, so a 3xx is healthy wherever it points to.
//
// It speaks HTTP over a connection of its own, not through http.Transport, which
// writes what a server says unasked to the process's log, looks for proxies and keeps
// connections; a probe asks whether a new client would be served.
func (p *Prober) probeHTTP(ctx context.Context, check Check, target Target, to destination, limits Limits) Result {
	who := addressee(check, target)
	req, err := newRequest(ctx, check, who)
	if err != nil {
		return cannotRun(fmt.Sprintf("the URL cannot be asked for: %v", err))
	}
	conn, err := dial(ctx, to, limits)
	if err != nil {
		return explain(err, to, limits)
	}
	defer func() { _ = conn.Close() }()
	hangUp := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer hangUp()
	if req.URL.Scheme == "https" {
		secured := tls.Client(conn, &tls.Config{
			ServerName:         who.serverName,
			RootCAs:            p.RootCAs,
			InsecureSkipVerify: check.InsecureTLS, // asked for by the check: https+insecure://
		})
		if err := secured.HandshakeContext(ctx); err != nil {
			return explain(err, to, limits)
		}
		conn = secured
	}
	status, err := exchange(conn, req)
	if err != nil {
		return explain(err, to, limits)
	}
	return judgeStatus(status, to)
}

func judgeStatus(status int, from destination) Result {
	message := fmt.Sprintf("HTTP %d from %s", status, from.name)
	if status >= 200 && status < 400 {
		return passed(message)
	}
	return failed(message)
}

// party is whom a request is meant for, whatever address it is sent to.
type party struct {
	serverName string // the certificate's
	hostHeader string
}

// addressee: at the container's own address we expect the service under its
// hostname; elsewhere whom the check names.
func addressee(check Check, target Target) party {
	name := check.Host
	if target.isOwn(check.Host) {
		if target.Hostname != "" {
			return party{serverName: target.Hostname, hostHeader: target.Hostname}
		}
		name = target.Address.Unmap().String()
	}
	return party{serverName: name, hostHeader: net.JoinHostPort(name, fmt.Sprint(check.Port))}
}

func newRequest(ctx context.Context, check Check, who party) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, check.URL, nil)
	if err != nil {
		return nil, err
	}
	req.Host = who.hostHeader
	req.Close = true
	req.Header.Set("User-Agent", "nixmox-health")
	req.Header.Set("Accept", "*/*")
	return req, nil
}

// exchange sends the request and returns the status of the final answer.
func exchange(conn net.Conn, req *http.Request) (status int, err error) {
	// A server may answer and leave without having read everything.
	sendErr := req.Write(conn)
	source := &failing{Reader: conn}
	bounded := &io.LimitedReader{R: source, N: maxHeader}
	reader := bufio.NewReader(bounded)
	for {
		res, err := http.ReadResponse(reader, req)
		switch {
		case err != nil && bounded.N <= 0:
			return 0, errHeader
		case err != nil && source.err != nil: // the parser complains of the half that it got
			return 0, errors.Join(source.err, sendErr)
		case err != nil:
			return 0, err
		case res.StatusCode >= 200:
			_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
			bounded.N = maxBody
			_, _ = io.Copy(io.Discard, reader)
			return res.StatusCode, nil
		}
	}
}

// failing remembers why there was no more to read.
type failing struct {
	io.Reader
	err error
}

func (f *failing) Read(p []byte) (n int, err error) {
	n, err = f.Reader.Read(p)
	f.err = err
	return n, err
}
