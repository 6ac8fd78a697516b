// Package sshd is the SSH server of a simulated Proxmox node: `pct exec` in it runs inside the simulated containers. Real SSH over a
// real port; the shell behind it is simulated, so nothing of this machine is run, read or changed.
package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// maxSessions of a connection, as sshd has it by default.
const maxSessions = 10

// Options of a Server.
type Options struct {
	// Node whose shell it is; empty: any node, each of which knows every container.
	Node string
	// HostKey in PEM; empty: one is made.
	HostKey []byte
	// AuthorizedKeys, one a line; empty: every key may log in.
	AuthorizedKeys []byte
}

// Server is an SSH server on one port.
type Server struct {
	sim      *pvesim.Simulator
	node     string
	config   *ssh.ServerConfig
	hostKey  ssh.PublicKey
	listener net.Listener

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	lines []string
}

// Lines are the command lines that were run so far, the last ten thousand.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

func (s *Server) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) >= 10000 {
		s.lines = s.lines[1:]
	}
	s.lines = append(s.lines, line)
}

// Listen opens the port and serves until Close.
func Listen(address string, sim *pvesim.Simulator, o Options) (*Server, error) {
	signer, err := hostKey(o.HostKey)
	if err != nil {
		return nil, err
	}
	allowed, err := authorized(o.AuthorizedKeys)
	if err != nil {
		return nil, err
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if len(o.AuthorizedKeys) > 0 && !allowed[string(key.Marshal())] {
			return nil, errors.New("this key may not log in")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve ssh: %w", err)
	}
	s := &Server{sim: sim, node: o.Node, config: config, hostKey: signer.PublicKey(), listener: listener}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.running.Go(s.accept)
	return s, nil
}

// Address is HOST:PORT.
func (s *Server) Address() string { return s.listener.Addr().String() }

// HostKey is the public host key as a line of known_hosts has it, without a name.
func (s *Server) HostKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey)))
}

// Close ends the connections and waits for their commands.
func (s *Server) Close() error {
	s.stop()
	err := s.listener.Close()
	s.running.Wait()
	return err
}

// ReadHostKey reads a host key file, and makes it when there is none.
func ReadHostKey(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	data, err = NewKey()
	if err != nil {
		return nil, err
	}
	return data, os.WriteFile(path, data, 0o600)
}

// NewKey makes a private key in PEM, for a host or for a client.
func NewKey() ([]byte, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

func hostKey(text []byte) (ssh.Signer, error) {
	if len(text) == 0 {
		var err error
		if text, err = NewKey(); err != nil {
			return nil, err
		}
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("read the host key: %w", err)
	}
	return signer, nil
}

func authorized(text []byte) (map[string]bool, error) {
	allowed := map[string]bool{}
	for text = bytes.TrimSpace(text); len(text) > 0; text = bytes.TrimSpace(text) {
		key, _, _, rest, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return nil, fmt.Errorf("read the authorized keys: %w", err)
		}
		allowed[string(key.Marshal())] = true
		text = rest
	}
	return allowed, nil
}

func (s *Server) accept() {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(raw) })
	}
}

func (s *Server) serve(raw net.Conn) {
	defer raw.Close()
	end := context.AfterFunc(s.ctx, func() { _ = raw.Close() })
	defer end()
	conn, channels, requests, err := ssh.NewServerConn(raw, s.config)
	if err != nil {
		return // the client was told
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	places := make(chan struct{}, maxSessions)
	for wanted := range channels {
		if wanted.ChannelType() != "session" {
			_ = wanted.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			_ = wanted.Reject(ssh.ResourceShortage, "open failed")
			continue
		}
		channel, requests, err := wanted.Accept()
		if err != nil {
			return
		}
		sessions.Go(func() {
			defer func() { <-places }()
			s.session(ctx, channel, requests)
		})
	}
}

// session runs the one command of a channel.
func (s *Server) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer channel.Close()
	for request := range requests {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		var payload struct{ Line string }
		if ssh.Unmarshal(request.Payload, &payload) != nil {
			_ = request.Reply(false, nil)
			return
		}
		_ = request.Reply(true, nil)
		s.note(payload.Line)
		go func() {
			defer cancel() // a signal, or a client that closed the channel, ends the command
			for next := range requests {
				_ = next.Reply(next.Type == "signal", nil)
				if next.Type == "signal" {
					return
				}
			}
		}()
		code := s.sim.NodeShell(ctx, s.node, payload.Line, channel, channel, channel.Stderr())
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(code)}))
		return
	}
}
