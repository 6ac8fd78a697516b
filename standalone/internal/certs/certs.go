// Package certs keeps the keys and certificates of a standalone control plane:
// a private CA, the serving certificate, the administrator's client certificate
// and the key that signs service account tokens. They live in one directory and
// are made when missing, outdated or for other addresses. It knows nothing of
// who uses them.
package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// lifetime of the CA, which bounds everything below it. Long, because a
	// process that runs for years is not restarted for a certificate's sake.
	lifetime = 10 * 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced, at the
	// next start.
	renewBefore = 365 * 24 * time.Hour
)

// Files are the paths of what Ensure keeps, all PEM.
type Files struct {
	CACert                  string // also the client CA
	ServingCert, ServingKey string
	AdminCert, AdminKey     string // user nixmox-admin in group system:masters
	ServiceAccountKey       string // private; the public half is derived from it
	caKey                   string
}

func filesIn(dir string) Files {
	in := func(name string) string { return filepath.Join(dir, name) }
	return Files{
		CACert: in("ca.crt"), caKey: in("ca.key"),
		ServingCert: in("serving.crt"), ServingKey: in("serving.key"),
		AdminCert: in("admin.crt"), AdminKey: in("admin.key"),
		ServiceAccountKey: in("service-account.key"),
	}
}

// Ensure makes dir hold valid keys and certificates, serving for hosts (names
// or IP addresses), and keeps those that still are valid: clients that trust
// the CA go on trusting it over restarts.
func Ensure(dir string, hosts []string, now time.Time) (Files, error) {
	files := filesIn(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, fmt.Errorf("certificates: %w", err)
	}
	ca, err := ensurePair(files.CACert, files.caKey, nil, caTemplate(now), func(have *x509.Certificate) bool {
		return have.IsCA && fresh(have, now)
	})
	if err != nil {
		return files, fmt.Errorf("certificate authority: %w", err)
	}
	if _, err := ensurePair(files.ServingCert, files.ServingKey, ca, servingTemplate(hosts, now, ca.cert.NotAfter), func(have *x509.Certificate) bool {
		return fresh(have, now) && issuedBy(have, ca.cert) && servesAll(have, hosts)
	}); err != nil {
		return files, fmt.Errorf("serving certificate: %w", err)
	}
	if _, err := ensurePair(files.AdminCert, files.AdminKey, ca, adminTemplate(now, ca.cert.NotAfter), func(have *x509.Certificate) bool {
		return fresh(have, now) && issuedBy(have, ca.cert)
	}); err != nil {
		return files, fmt.Errorf("administrator's certificate: %w", err)
	}
	if err := ensureKey(files.ServiceAccountKey); err != nil {
		return files, fmt.Errorf("service account key: %w", err)
	}
	return files, nil
}

func fresh(have *x509.Certificate, now time.Time) bool {
	return now.After(have.NotBefore) && now.Add(renewBefore).Before(have.NotAfter)
}

func issuedBy(have, ca *x509.Certificate) bool { return have.CheckSignatureFrom(ca) == nil }

func servesAll(have *x509.Certificate, hosts []string) bool {
	for _, host := range hosts {
		if have.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func caTemplate(now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: "nixmox"},
		NotBefore: backdated(now), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
}

func servingTemplate(hosts []string, now, end time.Time) *x509.Certificate {
	names, addresses := splitHosts(hosts)
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: "nixmox-apiserver"},
		NotBefore: backdated(now), NotAfter: end,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    names, IPAddresses: addresses,
	}
}

// adminTemplate is for the user of the kubeconfig: Kubernetes reads the user
// from the common name and the groups from the organizations.
func adminTemplate(now, end time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: "nixmox-admin", Organization: []string{"system:masters"}},
		NotBefore: backdated(now), NotAfter: end,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// backdated forgives clients whose clock is a little behind ours.
func backdated(now time.Time) time.Time { return now.Add(-time.Hour) }
