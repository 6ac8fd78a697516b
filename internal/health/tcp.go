package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

func probeTCP(ctx context.Context, to destination, limits Limits) Result {
	conn, err := dial(ctx, to, limits)
	if err != nil {
		return explain(err, to, limits)
	}
	_ = conn.Close()
	return passed("connected to " + to.name)
}

// errDial marks failures to connect, as opposed to what came after.
var errDial = errors.New("dial")

func dial(ctx context.Context, to destination, limits Limits) (net.Conn, error) {
	d := net.Dialer{Timeout: limits.Connect}
	conn, err := d.DialContext(ctx, "tcp", to.dial)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDial, err)
	}
	return conn, nil
}

// explain gives an error of the network a sentence that stays the same from probe
// to probe: Go's own texts hold temporary ports, rewritten addresses and times.
func explain(err error, to destination, limits Limits) Result {
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENOBUFS):
		return notRun("the controller is out of sockets: raise its limit of open files")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed("connection refused by " + to.name)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return failed("no route to " + to.name)
	case errors.Is(err, errDial) && isTimeout(err):
		return failed(fmt.Sprintf("no connection to %s within %s", to.name, limits.Connect))
	case isTimeout(err):
		return failed(fmt.Sprintf("no answer from %s within %s", to.name, limits.Timeout))
	case errors.As(err, &hostname):
		return failed(fmt.Sprintf("the certificate of %s is not valid for %s", to.name, hostname.Host))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failed(fmt.Sprintf("the certificate of %s has expired or is not valid yet", to.name))
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return failed(fmt.Sprintf("the certificate of %s is signed by an unknown authority; https+insecure:// accepts any", to.name))
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return failed(fmt.Sprintf("the certificate of %s cannot be verified", to.name))
	case errors.As(err, &record):
		return failed(to.name + " does not speak TLS; is it http://?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failed(to.name + " closed the connection without an answer")
	default:
		return failed(to.name + ": " + firstLine(root(err).Error()))
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// root is the innermost error, which carries no addresses.
func root(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}
