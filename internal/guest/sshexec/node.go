package sshexec

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/guest"
)

const (
	// maxSessions at once on a connection: sshd allows ten by default (MaxSessions), and one is for whoever looks after us.
	maxSessions = 8
	// maxBatch is how many waiting commands travel together to a wrapper.
	maxBatch = 16

	dialTimeout    = 10 * time.Second
	keepAliveEvery = 15 * time.Second
	keepAliveWait  = 10 * time.Second
	// firstPause after a failed attempt to connect doubles up to mostPause: a node that is down is not asked by every check.
	firstPause = time.Second
	mostPause  = 30 * time.Second

	refusalPause = 50 * time.Millisecond
	mostRefusals = 100
)

// errLost is a connection that ended under a command.
var errLost = errors.New("the connection was lost while the command ran; it is not known whether it ended")

// node is the way to one node.
type node struct {
	name     string
	executor *Executor

	mu      sync.Mutex
	conn    *connection
	dialing chan struct{} // closed once the attempt is over; nil when there is none
	err     error         // of the last attempt
	tries   int
	retryAt time.Time
	free    int    // sessions
	waiting []*job // for one, first come first served
}

// connection is one SSH connection and what the other side knows.
type connection struct {
	client  *ssh.Client
	wrapper bool
	// gone is closed once the connection is forgotten.
	gone   chan struct{}
	forget sync.Once
}

// run queues a job for a session and waits for its end, or for the caller's.
func (n *node) run(ctx context.Context, j *job) (guest.Result, error) {
	j.ctx, j.done = ctx, make(chan struct{})
	n.mu.Lock()
	n.waiting = append(n.waiting, j)
	n.mu.Unlock()
	n.serve()
	select {
	case <-j.done:
		return j.result, j.err
	case <-ctx.Done():
	}
	if n.withdraw(j) {
		return guest.Result{}, fmt.Errorf("%w: the deadline passed before the command was begun: %w", guest.ErrUnreachable, ctx.Err())
	}
	return guest.Result{}, fmt.Errorf("the command did not end in time: %w", ctx.Err())
}

// withdraw takes back a job that was not begun. Its context must not look like a command that took too long.
func (n *node) withdraw(j *job) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, other := range n.waiting {
		if other == j {
			n.waiting = append(n.waiting[:i], n.waiting[i+1:]...)
			return true
		}
	}
	j.withdrawn = !j.begun
	return j.withdrawn
}

// serve gives waiting jobs to free sessions.
func (n *node) serve() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.free > 0 && len(n.waiting) > 0 {
		count := 1
		if n.conn != nil && n.conn.wrapper {
			count = min((len(n.waiting)+n.free-1)/n.free, maxBatch)
		}
		batch := append([]*job(nil), n.waiting[:count]...)
		n.waiting = n.waiting[count:]
		n.free--
		go n.work(batch)
	}
}

// work runs jobs in one session and frees it.
func (n *node) work(jobs []*job) {
	err := n.attempt(jobs)
	for _, j := range jobs {
		if !j.ended {
			j.end(guest.Result{}, fmt.Errorf("%w: %w", guest.ErrUnreachable, err))
		}
	}
	n.mu.Lock()
	n.free++
	n.mu.Unlock()
	n.serve()
}

// attempt opens a session for the jobs. A connection that turns out to be dead before anything was begun is made anew, once. A node that
// refuses a session is asked again for a while: it counts one that has just ended a moment longer than we do.
func (n *node) attempt(jobs []*job) error {
	lost, refusals := false, 0
	for {
		conn, err := n.connect()
		if err != nil {
			return err
		}
		session, err := openSession(conn.client, conn.gone)
		var refused *ssh.OpenChannelError
		switch {
		case errors.As(err, &refused) && refusals < mostRefusals && n.wanted(jobs):
			refusals++
			time.Sleep(refusalPause)
			continue
		case errors.As(err, &refused):
			return fmt.Errorf("the node allows no more sessions on a connection (MaxSessions in its sshd_config): %s", refused.Message)
		case err != nil && !lost:
			lost = true
			n.drop(conn)
			continue
		case err != nil:
			return fmt.Errorf("the connection was lost: %w", plainly(err))
		}
		defer session.Close()
		switch jobs = n.begin(jobs); {
		case len(jobs) == 0:
			return errors.New("nobody waits for the command any more")
		case conn.wrapper:
			return runBatch(session, jobs)
		}
		return runPlain(session, jobs[0]) // without the wrapper there is one
	}
}

var errGone = errors.New("the connection ended before a session was opened")

// openSession opens a session, until the connection is gone. The library tells those who wait for a session that the connection has ended,
// and forgets whoever comes just then: that one would wait for ever, and its session would never be free again.
func openSession(client *ssh.Client, gone <-chan struct{}) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	result := make(chan opened, 1)
	go func() {
		session, err := client.NewSession()
		result <- opened{session, err}
	}()
	select {
	case r := <-result:
		return r.session, r.err
	case <-gone:
		return nil, errGone
	}
}

// wanted is whether somebody still waits for one of the jobs.
func (n *node) wanted(jobs []*job) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(jobs, func(j *job) bool { return !j.withdrawn })
}

// begin marks those that somebody still waits for: from here on their end is unknown unless it is seen.
func (n *node) begin(jobs []*job) (wanted []*job) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, j := range jobs {
		if !j.withdrawn {
			j.begun = true
			wanted = append(wanted, j)
		}
	}
	return wanted
}

// connect is the live connection, or waits for the one attempt to make one.
func (n *node) connect() (*connection, error) {
	n.mu.Lock()
	for n.conn == nil {
		if n.dialing == nil {
			if left := time.Until(n.retryAt); left > 0 {
				defer n.mu.Unlock()
				return nil, n.err
			}
			n.dialing = make(chan struct{})
			go n.dial(n.dialing)
		}
		over := n.dialing
		n.mu.Unlock()
		<-over
		n.mu.Lock()
		if n.conn == nil && n.err != nil {
			defer n.mu.Unlock()
			return nil, n.err
		}
	}
	defer n.mu.Unlock()
	return n.conn, nil
}

// dial makes one attempt and tells those who wait for it.
func (n *node) dial(over chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	conn, err := n.open(ctx)
	n.mu.Lock()
	was := n.err
	n.conn, n.err, n.dialing = conn, err, nil
	if err != nil {
		n.tries++
		n.retryAt = time.Now().Add(min(firstPause<<min(n.tries-1, 10), mostPause))
	} else {
		n.tries = 0
		go n.watch(conn)
	}
	n.mu.Unlock()
	close(over)
	if report := n.executor.config.OnState; report != nil && text(was) != text(err) {
		report()
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// open dials, checks the host key, logs in and asks whether the wrapper is there.
func (n *node) open(ctx context.Context) (*connection, error) {
	e := n.executor
	address := e.config.Address(n.name)
	raw, err := e.config.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("no connection to node %s (%s) for commands: %w; is that its SSH server? spec.exec.ssh.addresses of the host says where it is", n.name, address, plainly(err))
	}
	names := []string{address, n.name}
	deadline, _ := ctx.Deadline()
	_ = raw.SetDeadline(deadline)
	conn, channels, requests, err := ssh.NewClientConn(raw, address, &ssh.ClientConfig{
		User: e.config.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(e.signer)}, ClientVersion: "SSH-2.0-nixmox",
		HostKeyAlgorithms: e.hosts.algorithms(names),
		HostKeyCallback:   func(_ string, _ net.Addr, key ssh.PublicKey) error { return e.hosts.check(n.name, names, key) },
	})
	if err != nil {
		_ = raw.Close()
		return nil, n.explain(address, err)
	}
	client := ssh.NewClient(conn, channels, requests)
	wrapper, err := hasWrapper(client, ctx.Done())
	if err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("node %s (%s): %w", n.name, address, err)
	}
	_ = raw.SetDeadline(time.Time{})
	return &connection{client: client, wrapper: wrapper, gone: make(chan struct{})}, nil
}

func (n *node) explain(address string, err error) error {
	var wrong *mismatchError
	switch {
	case errors.As(err, &wrong):
		return wrong
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("node %s (%s) refuses the key of spec.exec.ssh for user %s: %s is its public half; is it in that user's ~/.ssh/authorized_keys?",
			n.name, address, n.executor.config.User, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(n.executor.signer.PublicKey()))))
	}
	return fmt.Errorf("no SSH connection to node %s (%s): %w", n.name, address, plainly(err))
}

// plainly is an error of the network without temporary ports, so that the same trouble reads the same.
func plainly(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// watch drops a connection that ended or does not answer any more.
func (n *node) watch(conn *connection) {
	ended := make(chan struct{})
	go func() {
		_ = conn.client.Wait() // why it ended is told by what was under way
		close(ended)
	}()
	tick := time.NewTicker(keepAliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			n.drop(conn)
			return
		case <-tick.C:
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := conn.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		select {
		case err := <-answered:
			if err == nil {
				continue
			}
		case <-time.After(keepAliveWait):
		case <-ended:
		}
		n.drop(conn)
		return
	}
}

// drop forgets a connection.
func (n *node) drop(conn *connection) {
	_ = conn.client.Close()
	conn.forget.Do(func() { close(conn.gone) })
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == conn {
		n.conn = nil
	}
}

func (n *node) close() {
	n.mu.Lock()
	conn := n.conn
	n.mu.Unlock()
	if conn != nil {
		n.drop(conn)
	}
}

func (n *node) problem() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}
