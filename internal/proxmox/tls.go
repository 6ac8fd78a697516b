package proxmox

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// newTLSConfig builds the check that the options ask for.
func newTLSConfig(o Options) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.InsecureSkipVerify}
	if len(bytes.TrimSpace(o.RootCAs)) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(o.RootCAs) {
			return nil, errors.New("the CA bundle holds no PEM certificate: it begins with -----BEGIN CERTIFICATE-----")
		}
	}
	if o.Fingerprint == "" {
		return config, nil
	}
	pin, err := parseFingerprint(o.Fingerprint)
	if err != nil {
		return nil, err
	}
	// The pin stands in for the chain. VerifyConnection runs for resumed
	// sessions too, VerifyPeerCertificate would not.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return checkPin(pin, state)
	}
	return config, nil
}

// parseFingerprint reads "AA:BB:...", upper or lower case, colons optional.
func parseFingerprint(s string) ([sha256.Size]byte, error) {
	var pin [sha256.Size]byte
	decoded, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(s), ":", ""))
	if err != nil || len(decoded) != len(pin) {
		return pin, fmt.Errorf("fingerprint %q is not a SHA-256 of the form AA:BB:... with 32 bytes: Proxmox shows it under Node > Certificates", s)
	}
	copy(pin[:], decoded)
	return pin, nil
}

// Fingerprint gives a certificate's SHA-256 as Proxmox shows it.
func Fingerprint(certificate *x509.Certificate) string {
	return formatFingerprint(sha256.Sum256(certificate.Raw))
}

func formatFingerprint(sum [sha256.Size]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

func checkPin(pin [sha256.Size]byte, state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return &pinError{want: formatFingerprint(pin)}
	}
	if got := Fingerprint(state.PeerCertificates[0]); got != formatFingerprint(pin) {
		return &pinError{want: formatFingerprint(pin), got: got}
	}
	return nil
}

// pinError is a certificate other than the pinned one.
type pinError struct{ want, got string }

func (e *pinError) Error() string {
	if e.got == "" {
		return "the server showed no certificate, pinned is " + e.want
	}
	return fmt.Sprintf("the server's certificate has the fingerprint %s, pinned is %s", e.got, e.want)
}

// TLSProblem says in a sentence what is wrong with the server's certificate
// and what a person can do about it. found is false if TLS is not the problem.
func TLSProblem(err error) (sentence string, found bool) {
	var pin *pinError
	if errors.As(err, &pin) {
		return pin.Error() + ": if the certificate was renewed, check the new one on the node and set its fingerprint", true
	}
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) {
		return "the server does not speak TLS at this address: check scheme and port", true
	}
	// The alert itself has no exported type.
	var remote *net.OpError
	if errors.As(err, &remote) && remote.Op == "remote error" {
		return "the server broke off the TLS handshake: " + remote.Err.Error(), true
	}
	return chainProblem(err)
}

func chainProblem(err error) (sentence string, found bool) {
	var authority x509.UnknownAuthorityError
	if errors.As(err, &authority) {
		return "the certificate is signed by an authority that we do not trust" + presented(err) +
			": set the CA bundle (a cluster's own is /etc/pve/pve-root-ca.pem) or pin the fingerprint", true
	}
	var name x509.HostnameError
	if errors.As(err, &name) {
		return name.Error() + presented(err) + ": use a name that the certificate has, or pin the fingerprint", true
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		if invalid.Reason == x509.Expired && invalid.Cert != nil {
			return fmt.Sprintf("the certificate is valid from %s to %s and not now%s: renew it on the node, or correct the clock",
				invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339), presented(err)), true
		}
		return "the certificate is not valid: " + invalid.Error() + presented(err), true
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return verification.Error() + presented(err), true
	}
	return "", false
}

// presented names the fingerprint of the certificate that did not verify.
func presented(err error) string {
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) || len(verification.UnverifiedCertificates) == 0 {
		return ""
	}
	return " (its fingerprint is " + Fingerprint(verification.UnverifiedCertificates[0]) + ")"
}
