package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"

	"github.com/nixmox/nixmox-controller/standalone/internal/atomicfile"
)

const (
	certType = "CERTIFICATE"
	keyType  = "EC PRIVATE KEY"
)

// pair is a certificate with the key that belongs to it.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// ensurePair keeps the certificate in certFile if good says so, and issues one
// from the template otherwise. Without an issuer it signs itself.
func ensurePair(certFile, keyFile string, issuer *pair, template *x509.Certificate, good func(*x509.Certificate) bool) (*pair, error) {
	have, err := readPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	if have != nil && good(have.cert) {
		return have, nil
	}
	return issue(certFile, keyFile, issuer, template)
}

// readPair answers nil when there is no complete pair: a crash between the two
// writes leaves a key without its certificate, and that is made anew.
func readPair(certFile, keyFile string) (*pair, error) {
	certBlock, err := readPEM(certFile, certType)
	if err != nil || certBlock == nil {
		return nil, err
	}
	key, err := readKey(keyFile)
	if err != nil || key == nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(certBlock)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; delete it to have it made anew", certFile, err)
	}
	if public, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(&key.PublicKey) {
		return nil, nil
	}
	return &pair{cert: cert, key: key}, nil
}

func issue(certFile, keyFile string, issuer *pair, template *x509.Certificate) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if err := writeKey(keyFile, key); err != nil {
		return nil, err
	}
	if err := writePEM(certFile, certType, der, 0o644); err != nil {
		return nil, err
	}
	return &pair{cert: cert, key: key}, nil
}

// ensureKey makes a private key unless there is one: tokens signed with it stay
// valid over restarts.
func ensureKey(file string) error {
	key, err := readKey(file)
	if err != nil || key != nil {
		return err
	}
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	return writeKey(file, key)
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(file, keyType)
	if err != nil || der == nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; delete it to have it made anew", file, err)
	}
	return key, nil
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, keyType, der, 0o600)
}

// readPEM answers nil, nil when the file does not exist.
func readPEM(file, blockType string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != blockType {
		return nil, fmt.Errorf("%s holds no %s; delete it to have it made anew", file, blockType)
	}
	return block.Bytes, nil
}

func writePEM(file, blockType string, der []byte, mode fs.FileMode) error {
	return atomicfile.Write(file, pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}), mode)
}

func splitHosts(hosts []string) (names []string, addresses []net.IP) {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			addresses = append(addresses, ip)
		} else {
			names = append(names, host)
		}
	}
	return names, addresses
}
