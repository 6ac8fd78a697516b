package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/controllers"
	"github.com/nixmox/nixmox-controller/internal/guest"
	"github.com/nixmox/nixmox-controller/internal/guest/sshexec"
)

// sshAccess is the way into containers over SSH, one executor for each host that configures it.
type sshAccess struct {
	// dial and refuses are of development mode; nil in production.
	dial    func(ctx context.Context, address string) (net.Conn, error)
	refuses func(*v1alpha1.NixMoxHost) *controllers.Outcome

	mu  sync.Mutex
	all map[types.NamespacedName]*way
}

type way struct {
	executor *sshexec.Executor
	made     string // from what, without the key
	key      []byte
}

// Configure implements controllers.GuestAccess.
func (a *sshAccess) Configure(host types.NamespacedName, wanted *controllers.Way, onState func()) (changed bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.all[host]
	if wanted == nil {
		return a.end(host), nil
	}
	made := fmt.Sprintf("%q %q %q", wanted.User, wanted.KnownHosts, wanted.Settings)
	if now != nil && now.made == made && bytes.Equal(now.key, wanted.PrivateKey) {
		return false, nil
	}
	executor, err := sshexec.New(sshexec.Config{
		User: wanted.User, PrivateKey: wanted.PrivateKey, KnownHosts: wanted.KnownHosts, Address: wanted.Address, Dial: a.dial, OnState: onState,
	})
	if err != nil {
		return a.end(host), err
	}
	a.end(host)
	if a.all == nil {
		a.all = map[types.NamespacedName]*way{}
	}
	a.all[host] = &way{executor: executor, made: made, key: bytes.Clone(wanted.PrivateKey)}
	return true, nil
}

// end closes the way of a host. The lock is held.
func (a *sshAccess) end(host types.NamespacedName) bool {
	now := a.all[host]
	if now == nil {
		return false
	}
	delete(a.all, host)
	now.executor.Close()
	return true
}

// Executor implements controllers.GuestAccess.
func (a *sshAccess) Executor(host types.NamespacedName) guest.Feeder {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.all[host]; now != nil {
		return now.executor
	}
	return nil
}

// Seal implements controllers.GuestAccess. Its key comes from the host's private key, so that who reads a status can try no guesses.
func (a *sshAccess) Seal(host types.NamespacedName, data []byte) string {
	a.mu.Lock()
	now := a.all[host]
	a.mu.Unlock()
	if now == nil {
		return ""
	}
	key := hmac.New(sha256.New, now.key)
	key.Write([]byte("nixmox environment"))
	mac := hmac.New(sha256.New, key.Sum(nil))
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Problems implements controllers.GuestAccess.
func (a *sshAccess) Problems(host types.NamespacedName) map[string]string {
	a.mu.Lock()
	now := a.all[host]
	a.mu.Unlock()
	if now == nil {
		return nil
	}
	return now.executor.Problems()
}

// Forget implements controllers.GuestAccess.
func (a *sshAccess) Forget(host types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(host)
}

// Refuses implements controllers.GuestAccess.
func (a *sshAccess) Refuses(host *v1alpha1.NixMoxHost) *controllers.Outcome {
	if a.refuses == nil {
		return nil
	}
	return a.refuses(host)
}
