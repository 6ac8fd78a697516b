package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	hosts = []string{"127.0.0.1", "localhost"}
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func TestCertificatesAreWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	files := ensure(t, t.TempDir(), hosts, now)
	roots := x509.NewCertPool()
	roots.AddCert(certificate(t, files.CACert))

	serving := certificate(t, files.ServingCert)
	for _, host := range hosts {
		if _, err := serving.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("serving %s: %v", host, err)
		}
	}
	asClient := x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := serving.Verify(asClient); err == nil {
		t.Error("the serving certificate would log in as a client")
	}
	admin := certificate(t, files.AdminCert)
	if _, err := admin.Verify(asClient); err != nil {
		t.Errorf("administrator: %v", err)
	}
	if got := admin.Subject.Organization; len(got) != 1 || got[0] != "system:masters" {
		t.Errorf("the administrator's groups are %v", got)
	}
}

func TestKeysArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	ensure(t, dir, hosts, now)
	keys, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil || len(keys) != 4 {
		t.Fatalf("found keys %v, %v; want four", keys, err)
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, keys[0]: 0o600, keys[1]: 0o600, keys[2]: 0o600, keys[3]: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
}

// What a second start keeps decides who is still trusted after a restart.
func TestSecondStart(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	all := []string{"ca.crt", "ca.key", "serving.crt", "serving.key", "admin.crt", "admin.key", "service-account.key"}
	for _, test := range []struct {
		name    string
		between func(t *testing.T, files Files) // the two starts
		hosts   []string
		after   time.Duration
		renewed []string
	}{
		{name: "soon after keeps everything"},
		{name: "years after keeps everything", after: 8 * year},
		{name: "under fewer names keeps everything", hosts: hosts[:1]},
		{name: "under a new name renews the serving certificate", hosts: append([]string{"10.0.0.1"}, hosts...), renewed: []string{"serving.crt", "serving.key"}},
		{name: "near the end renews all but the tokens' key", after: 9*year + time.Hour, renewed: all[:6]},
		{name: "without the administrator's certificate renews it", renewed: []string{"admin.crt", "admin.key"},
			between: func(t *testing.T, files Files) { remove(t, files.AdminCert) }},
		{name: "without the CA's key renews what hangs on it", renewed: all[:6],
			between: func(t *testing.T, files Files) { remove(t, files.caKey) }},
		{name: "after a crash between a key and its certificate renews the pair", renewed: []string{"serving.crt", "serving.key"},
			between: func(t *testing.T, files Files) { copyFile(t, files.AdminKey, files.ServingKey) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			files := ensure(t, dir, hosts, now)
			before := contents(t, dir, all)
			if test.between != nil {
				test.between(t, files)
			}
			if test.hosts == nil {
				test.hosts = hosts
			}
			ensure(t, dir, test.hosts, now.Add(test.after))
			after := contents(t, dir, all)
			want := map[string]bool{}
			for _, name := range test.renewed {
				want[name] = true
			}
			for _, name := range all {
				if renewed := !bytes.Equal(before[name], after[name]); renewed != want[name] {
					t.Errorf("%s: renewed is %v, want %v", name, renewed, want[name])
				}
			}
		})
	}
}

func TestDamagedFileIsToldAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := ensure(t, dir, hosts, now)
	if err := os.WriteFile(files.CACert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Ensure(dir, hosts, now); err == nil {
		t.Error("a damaged CA was replaced without a word")
	}
}

func ensure(t *testing.T, dir string, hosts []string, now time.Time) Files {
	t.Helper()
	files, err := Ensure(dir, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func certificate(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func contents(t *testing.T, dir string, names []string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = content
	}
	return all
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
