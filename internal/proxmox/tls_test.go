package proxmox_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// authority is a CA of a test, as pve-root-ca.pem is one of a cluster.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	key := newKey(t)
	return authority{sign(t, template, template, &key.PublicKey, key), key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// server speaks TLS with a certificate for the name, valid until then.
func (a authority) server(t *testing.T, name string, until time.Time) *httptest.Server {
	t.Helper()
	key := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
	}
	if ip := net.ParseIP(name); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{name}
	}
	signed := sign(t, leaf, a.certificate, &key.PublicKey, a.key)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, ok(versionData))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{signed.Raw}, PrivateKey: key, Leaf: signed}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func pinOf(server *httptest.Server) string {
	return proxmox.Fingerprint(server.TLS.Certificates[0].Leaf)
}

func TestTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	good := ours.server(t, "127.0.0.1", tomorrow)
	expired := ours.server(t, "127.0.0.1", yesterday)
	misnamed := ours.server(t, "pve1.example.com", tomorrow)
	old := ours.server(t, "127.0.0.1", tomorrow)
	old.TLS.MinVersion, old.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	plain := newFake(t, always(ok(versionData)))

	for name, tt := range map[string]struct {
		url     string
		options proxmox.Options
		problem string // "" is success
	}{
		"the right authority":      {good.URL, proxmox.Options{RootCAs: ours.pem()}, ""},
		"another authority":        {good.URL, proxmox.Options{RootCAs: other.pem()}, "do not trust (its fingerprint is " + pinOf(good) + ")"},
		"the system's authorities": {good.URL, proxmox.Options{}, "set the CA bundle"},
		"two authorities, one right": {
			good.URL, proxmox.Options{RootCAs: append(other.pem(), ours.pem()...)}, "",
		},
		"the right pin":                       {good.URL, proxmox.Options{Fingerprint: pinOf(good)}, ""},
		"the right pin, in small letters":     {good.URL, proxmox.Options{Fingerprint: strings.ToLower(pinOf(good))}, ""},
		"the right pin and another authority": {good.URL, proxmox.Options{Fingerprint: pinOf(good), RootCAs: other.pem()}, ""},
		"a wrong pin":                         {good.URL, proxmox.Options{Fingerprint: pinOf(expired)}, "pinned is " + pinOf(expired)},
		"a wrong pin and the right authority": {good.URL, proxmox.Options{Fingerprint: pinOf(expired), RootCAs: ours.pem()}, "pinned is"},
		"a wrong pin, checks off":             {good.URL, proxmox.Options{Fingerprint: pinOf(expired), InsecureSkipVerify: true}, "pinned is"},
		"checks off":                          {misnamed.URL, proxmox.Options{InsecureSkipVerify: true}, ""},
		"an expired certificate":              {expired.URL, proxmox.Options{RootCAs: ours.pem()}, "renew it on the node"},
		"an expired certificate, pinned":      {expired.URL, proxmox.Options{Fingerprint: pinOf(expired)}, ""},
		"another name":                        {misnamed.URL, proxmox.Options{RootCAs: ours.pem()}, "use a name that the certificate has"},
		"another name, pinned":                {misnamed.URL, proxmox.Options{Fingerprint: pinOf(misnamed)}, ""},
		"only old TLS":                        {old.URL, proxmox.Options{RootCAs: ours.pem()}, "broke off the TLS handshake"},
		"no TLS at all": {
			strings.Replace(plain.URL, "http://", "https://", 1), proxmox.Options{}, "does not speak TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(tt.url)
			o.RootCAs, o.Fingerprint, o.InsecureSkipVerify = tt.options.RootCAs, tt.options.Fingerprint, tt.options.InsecureSkipVerify
			client := newClient(t, o)
			if tt.problem == "" {
				if err := version(t.Context(), client); err != nil {
					t.Error(err)
				}
				return
			}
			err := create(t.Context(), client)
			sentence, found := proxmox.TLSProblem(err)
			if !found || !strings.Contains(sentence, tt.problem) {
				t.Errorf("%v: problem %q, want %q", err, sentence, tt.problem)
			}
			if !proxmox.IsTLS(err) || !proxmox.IsUnreachable(err) || proxmox.MayHaveHappened(err) {
				t.Errorf("%v is %v", err, holding(err))
			}
		})
	}
}

func TestABadCertificateIsNotSteppedAround(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	foreign, good := other.server(t, "127.0.0.1", tomorrow), ours.server(t, "127.0.0.1", tomorrow)
	o := options(foreign.URL, good.URL)
	o.RootCAs = ours.pem()
	if err := version(t.Context(), newClient(t, o)); !proxmox.IsTLS(err) {
		t.Errorf("got %v, want the certificate's problem", err)
	}
}

func TestFingerprintIsWrittenAsProxmoxDoes(t *testing.T) {
	pin := proxmox.Fingerprint(newAuthority(t).certificate)
	if len(pin) != 95 || strings.Count(pin, ":") != 31 || pin != strings.ToUpper(pin) {
		t.Errorf("fingerprint %q", pin)
	}
}
