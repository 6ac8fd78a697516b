package sshexec

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // the format of hashed names
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// hostKeys are the pinned keys.
type hostKeys []hostKey

type hostKey struct {
	// names are the patterns of the line; none means every node.
	names   []string
	key     ssh.PublicKey
	revoked bool
}

// parseHostKeys reads lines of known_hosts, and lines of a key alone as `ssh-keyscan` and *.pub files have them.
func parseHostKeys(text string) (hostKeys, error) {
	var all hostKeys
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := parseHostKey(line)
		if err != nil {
			return nil, fmt.Errorf("knownHosts, line %d: %w", i+1, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func parseHostKey(line string) (hostKey, error) {
	if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err == nil && strings.HasPrefix(line, key.Type()+" ") {
		return hostKey{key: key}, nil
	}
	marker, names, key, _, _, err := ssh.ParseKnownHosts([]byte(line))
	switch {
	case errors.Is(err, io.EOF) || err != nil:
		return hostKey{}, errors.New("not a line of known_hosts; write NAME ssh-ed25519 AAAA..., as `ssh-keyscan NODE` prints it")
	case marker == "cert-authority":
		return hostKey{}, errors.New("certificate authorities are not supported: give the node's own key")
	}
	return hostKey{names: names, key: key, revoked: marker == "revoked"}, nil
}

// mismatchError is a node that showed a key that is not pinned.
type mismatchError struct{ said string }

// Error says which key was offered.
func (e *mismatchError) Error() string { return e.said }

// check is whether a key is pinned for one of a node's names, which are NAME or HOST:PORT.
func (h hostKeys) check(node string, names []string, offered ssh.PublicKey) error {
	known := false
	for _, one := range h {
		if !one.matches(names) {
			continue
		}
		same := bytes.Equal(one.key.Marshal(), offered.Marshal())
		if same && one.revoked {
			return &mismatchError{fmt.Sprintf("node %s offers a host key that knownHosts revokes: %s %s", node, offered.Type(), ssh.FingerprintSHA256(offered))}
		}
		if same {
			return nil
		}
		known = known || !one.revoked
	}
	line := node + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(offered)))
	if known {
		return &mismatchError{fmt.Sprintf("node %s offers the host key %s %s, which is not the one in spec.exec.ssh.knownHosts: somebody may be in between. "+
			"If the node was reinstalled, replace its line by: %s", node, offered.Type(), ssh.FingerprintSHA256(offered), line)}
	}
	return &mismatchError{fmt.Sprintf("node %s offers the host key %s %s, and spec.exec.ssh.knownHosts has none for it. If `ssh-keygen -lf "+
		"/etc/ssh/ssh_host_ed25519_key.pub` prints the same on the node, add the line: %s", node, offered.Type(), ssh.FingerprintSHA256(offered), line)}
}

// algorithms are what we ask a node for: the types that are pinned for it first, then all others, so that a wrong key is seen and named.
func (h hostKeys) algorithms(names []string) []string {
	var first []string
	for _, one := range h {
		if !one.matches(names) || one.revoked {
			continue
		}
		if one.key.Type() == ssh.KeyAlgoRSA {
			first = append(first, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		first = append(first, one.key.Type())
	}
	all := first
	for _, name := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func (h hostKey) matches(names []string) bool {
	if len(h.names) == 0 {
		return true
	}
	for _, name := range names {
		if h.matchesName(name) {
			return true
		}
	}
	return false
}

// matchesName follows sshd(8): patterns with * and ?, negated by !, or hashed; a port other than 22 stands as [HOST]:PORT.
func (h hostKey) matchesName(name string) bool {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		host, port = name, "22"
	}
	full := host
	if port != "22" {
		full = "[" + host + "]:" + port
	}
	found := false
	for _, pattern := range h.names {
		negated := strings.HasPrefix(pattern, "!")
		pattern = strings.TrimPrefix(pattern, "!")
		if !matchesPattern(pattern, full) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

func matchesPattern(pattern, name string) bool {
	if strings.HasPrefix(pattern, "|1|") {
		return matchesHash(pattern, name)
	}
	if pattern == name {
		return true
	}
	// The brackets of [HOST]:PORT are no class of characters here.
	escaped := strings.NewReplacer("[", `\[`, "]", `\]`, `\`, `\\`).Replace(strings.ToLower(pattern))
	ok, err := path.Match(escaped, strings.ToLower(name))
	return err == nil && ok
}

func matchesHash(pattern, name string) bool {
	parts := strings.Split(pattern, "|")
	if len(parts) != 4 {
		return false
	}
	salt, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum, err := base64.StdEncoding.DecodeString(parts[3])
	if err != nil {
		return false
	}
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return hmac.Equal(mac.Sum(nil), sum)
}

// HashName is a name as `ssh-keygen -H` writes it into known_hosts.
func HashName(name string, salt []byte) string {
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
