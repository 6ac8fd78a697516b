// Package sshexec runs commands inside containers over SSH to the node that holds them: `pct exec` there, or the wrapper
// deploy/nixmox-exec where it is installed.
//
// One connection per node is shared by all commands, made when the first one comes and again when it is lost; it carries a few
// sessions at once. The node must show a host key that was pinned. With the wrapper, commands that wait for a session travel together.
// Called by whoever holds a guest.Executor; made by internal/app from a host's spec.exec.
package sshexec

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

// Config of an Executor.
type Config struct {
	// User to log in as, and the private key (PEM, without a passphrase) to do it with. The key is kept in memory and shown nowhere.
	User       string
	PrivateKey []byte
	// KnownHosts pins the nodes' host keys: lines as in ~/.ssh/known_hosts, or keys alone, which hold for every node.
	KnownHosts string
	// Address is HOST:PORT of a node.
	Address func(node string) string
	// Dial opens the connection; nil dials TCP. Development mode keeps it on this machine.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// OnState hears, without locks held, that a node became unreachable for commands or reachable again.
	OnState func()
}

// Executor is a guest.Feeder over SSH.
type Executor struct {
	config Config
	signer ssh.Signer
	hosts  hostKeys

	mu     sync.Mutex
	nodes  map[string]*node
	closed bool
}

var _ guest.Feeder = (*Executor)(nil)

// New makes an Executor; nothing is dialled before the first command. Its errors are sentences that never quote the key.
func New(c Config) (*Executor, error) {
	signer, err := ssh.ParsePrivateKey(c.PrivateKey)
	if err != nil {
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			return nil, errors.New("the private key has a passphrase, which nobody could type: make one without, with `ssh-keygen -t ed25519 -N ''`")
		}
		return nil, errors.New("the private key cannot be read: it must be an OpenSSH or PEM private key, such as `ssh-keygen -t ed25519` writes")
	}
	hosts, err := parseHostKeys(c.KnownHosts)
	if err != nil {
		return nil, err
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	return &Executor{config: c, signer: signer, hosts: hosts, nodes: map[string]*node{}}, nil
}

// Run implements guest.Executor.
func (e *Executor) Run(ctx context.Context, c guest.Container, script string) (guest.Result, error) {
	return e.RunInput(ctx, c, script, nil)
}

// RunInput implements guest.Feeder.
func (e *Executor) RunInput(ctx context.Context, c guest.Container, script string, input []byte) (guest.Result, error) {
	n, err := e.node(c.Node)
	if err != nil {
		return guest.Result{}, err
	}
	r, err := n.run(ctx, &job{vmid: c.VMID, script: script, input: input})
	if err != nil {
		return guest.Result{}, fmt.Errorf("container %d on %s: %w", c.VMID, c.Node, err)
	}
	return r, nil
}

// Problems are the nodes that the last attempt did not reach, with the reason.
func (e *Executor) Problems() map[string]string {
	e.mu.Lock()
	nodes := slices.Collect(maps.Values(e.nodes))
	e.mu.Unlock()
	problems := map[string]string{}
	for _, n := range nodes {
		if err := n.problem(); err != nil {
			problems[n.name] = err.Error()
		}
	}
	return problems
}

// Close ends the connections; commands under way fail.
func (e *Executor) Close() {
	e.mu.Lock()
	e.closed = true
	nodes := slices.Collect(maps.Values(e.nodes))
	e.mu.Unlock()
	for _, n := range nodes {
		n.close()
	}
}

func (e *Executor) node(name string) (*node, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("%w: the settings of spec.exec changed", guest.ErrUnreachable)
	}
	n := e.nodes[name]
	if n == nil {
		n = &node{name: name, executor: e, free: maxSessions}
		e.nodes[name] = n
	}
	return n, nil
}

// The time that is left for a command that came without a deadline, and how much longer than its own the node lets it live: long
// enough that we have given it up by then.
const (
	defaultTime = time.Minute
	grace       = time.Second
)

// left is how long a command may run on the node.
func left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultTime
	}
	return max(time.Until(deadline), 0) + grace
}
