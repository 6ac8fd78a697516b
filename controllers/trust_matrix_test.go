package controllers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// clusters is a certificate authority, as pve-root-ca.pem is one of a cluster.
type clusters struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newClusters(t *testing.T) clusters {
	t.Helper()
	c := clusters{t: t}
	c.key = c.newKey()
	template := &x509.Certificate{SerialNumber: c.serial(), Subject: pkix.Name{CommonName: "PVE Cluster Manager CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	c.certificate = c.sign(template, template, c.key, c.key)
	return c
}

func (c clusters) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	return key
}

func (c clusters) serial() *big.Int {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		c.t.Fatal(err)
	}
	return serial
}

func (c clusters) sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		c.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return certificate
}

func (c clusters) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw}))
}

// issue makes a node's certificate for 127.0.0.1.
func (c clusters) issue(until time.Duration) *tls.Certificate {
	key := c.newKey()
	leaf := c.sign(&x509.Certificate{SerialNumber: c.serial(), Subject: pkix.Name{CommonName: "pve1"}, NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter: time.Now().Add(until), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, c.certificate, key, c.key)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// node is a TLS server whose certificate can be changed.
type node struct {
	*httptest.Server
	current atomic.Pointer[tls.Certificate]
}

func (l *lab) secured(first *tls.Certificate) *node {
	n := &node{Server: httptest.NewUnstartedServer(l.pve.Handler())}
	n.current.Store(first)
	n.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what we want
	n.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*n.current.Load()}}, nil
	}}
	n.StartTLS()
	l.t.Cleanup(n.Close)
	return n
}

func (n *node) swap(to *tls.Certificate) {
	n.current.Store(to)
	n.CloseClientConnections()
}

// saysOfHost waits for what a host's Ready condition says.
func (l *lab) saysOfHost(name string, status metav1.ConditionStatus, says string) {
	l.t.Helper()
	last := ""
	l.eventually(fmt.Sprintf("host %s is %s and says %q", name, status, says), func() bool {
		var h v1alpha1.NixMoxHost
		l.must(l.api.Client.Get(l.t.Context(), client.ObjectKey{Namespace: l.namespace, Name: name}, &h))
		c := meta.FindStatusCondition(h.Status.Conditions, v1alpha1.ConditionReady)
		if c == nil {
			return false
		}
		if now := string(c.Status) + " " + c.Message; now != last {
			last = now
			l.t.Logf("host %s: %s", name, now)
		}
		return c.Status == status && strings.Contains(c.Message, says)
	})
}

// Each way of trust, with a server that is the right one, another, one whose certificate has expired, and one whose certificate is swapped
// in the middle of the work.
func TestEachWayOfTrustHoldsForEachServer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ours, theirs := newClusters(t), newClusters(t)
	l.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ours"}, StringData: map[string]string{"ca.crt": ours.pem()}})
	const unknown, expired, pinned = "signed by an authority that we do not trust", "and not now", "pinned is"
	ways := map[string]struct {
		trust                 func(right *tls.Certificate) *v1alpha1.TLSSettings
		wrong, expired, swaps string // what is said; "" is connected all the same
	}{
		"bundle": {func(*tls.Certificate) *v1alpha1.TLSSettings { return &v1alpha1.TLSSettings{CABundle: ours.pem()} }, unknown, expired, unknown},
		"secret": {func(*tls.Certificate) *v1alpha1.TLSSettings {
			return &v1alpha1.TLSSettings{CASecretRef: &v1alpha1.SecretKeyReference{Name: "ours"}}
		}, unknown, expired, unknown},
		"pin": {func(right *tls.Certificate) *v1alpha1.TLSSettings {
			return &v1alpha1.TLSSettings{Fingerprint: proxmox.Fingerprint(right.Leaf)}
		}, pinned, "", pinned}, // a pin stands in the place of the dates
	}
	host := func(name string, n *node, tls *v1alpha1.TLSSettings) {
		h := &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Name: name}}
		l.parse(`{credentialsRef: {name: pve}, network: {cidr: 192.168.99.0/24, gateway: 192.168.99.1}, defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs}, pollInterval: 1s}`, &h.Spec)
		h.Spec.Endpoints, h.Spec.TLS = []string{n.URL}, tls
		l.create(h)
	}
	swapped := map[string]*node{}
	for way, w := range ways {
		right, old := ours.issue(time.Hour), ours.issue(-time.Hour)
		host(way+"-right", l.secured(right), w.trust(right))
		host(way+"-wrong", l.secured(theirs.issue(time.Hour)), w.trust(right))
		host(way+"-expired", l.secured(old), w.trust(old))
		swapped[way] = l.secured(right)
		host(way+"-swapped", swapped[way], w.trust(right))
	}
	status := map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionUnknown}
	for way, w := range ways {
		l.saysOfHost(way+"-right", metav1.ConditionTrue, "Connected")
		l.saysOfHost(way+"-wrong", metav1.ConditionUnknown, w.wrong)
		l.saysOfHost(way+"-expired", status[w.expired == ""], w.expired)
		l.saysOfHost(way+"-swapped", metav1.ConditionTrue, "Connected")
		right := swapped[way].current.Load()
		swapped[way].swap(theirs.issue(time.Hour))
		l.saysOfHost(way+"-swapped", metav1.ConditionUnknown, w.swaps)
		swapped[way].swap(right)
		l.saysOfHost(way+"-swapped", metav1.ConditionTrue, "Connected")
		// Renewed by the cluster's own authority, as Proxmox does every two years: only a pin has to be renewed with it.
		swapped[way].swap(ours.issue(time.Hour))
		if way == "pin" {
			l.saysOfHost(way+"-swapped", metav1.ConditionUnknown, pinned)
		} else {
			l.polled(3)
			l.saysOfHost(way+"-swapped", metav1.ConditionTrue, "Connected")
		}
	}
}
