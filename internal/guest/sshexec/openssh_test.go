package sshexec_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixmox/nixmox-controller/internal/guest"
	"github.com/nixmox/nixmox-controller/internal/guest/sshexec"
)

// openssh is a real sshd on a port of its own, in front of a pct that runs the command on this machine, with or without the wrapper.
type openssh struct {
	t       *testing.T
	dir     string
	address string
	hostKey string
	key     []byte // the client's
	wrapper bool
}

// fakePct behaves as pct exec: it knows the containers of the folder, and runs the command here.
const fakePct = `#!/bin/sh
echo "$$ $*" >>%[1]s/calls
[ "$1" = exec ] && [ "$3" = --keep-env ] && [ "$4" = 0 ] && [ "$5" = -- ] || { echo "pct: $*" >&2; exit 255; }
vmid=$2
[ -f "%[1]s/lxc/$vmid.conf" ] || { echo "Configuration file 'nodes/pve1/lxc/$vmid.conf' does not exist" >&2; exit 2; }
[ -f "%[1]s/lxc/$vmid.stopped" ] && { echo "container '$vmid' not running!" >&2; exit 255; }
shift 5
cd / && exec env -i container="$vmid" "$@"
`

// withOpenSSH starts sshd, once with the wrapper as forced command and once with a plain shell.
func withOpenSSH(t *testing.T, test func(t *testing.T, s *openssh)) {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(sshd); err != nil {
		t.Skip("NOT TESTED: there is no sshd; install openssh-server (Debian's package) to test against a real one")
	}
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: the wrapper asks for root with sudo; run this test as root")
	}
	for _, wrapper := range []bool{true, false} {
		t.Run(map[bool]string{true: "wrapper", false: "plain"}[wrapper], func(t *testing.T) {
			t.Parallel()
			s := &openssh{t: t, dir: t.TempDir(), wrapper: wrapper}
			s.prepare()
			s.start(sshd)
			test(t, s)
		})
	}
}

func newKey(t *testing.T) (private []byte, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func (s *openssh) file(name, text string, mode os.FileMode) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *openssh) prepare() {
	s.t.Helper()
	private, public := newKey(s.t)
	s.file("host_key", string(private), 0o600)
	s.hostKey = public
	var clientPublic string
	s.key, clientPublic = newKey(s.t)
	s.file("bin/pct", fmt.Sprintf(fakePct, s.dir), 0o755)
	s.file("lxc/901.conf", "arch: amd64\nhostname: a\ntags: db;nixmox\n", 0o644)
	s.file("lxc/902.conf", "arch: amd64\ntags: nixmox2\n\n[before]\ntags: nixmox\n", 0o644)
	s.file("lxc/903.conf", "tags: nixmox\n", 0o644)
	s.file("lxc/903.stopped", "", 0o644)
	options := ""
	if s.wrapper {
		path := s.file("bin/nixmox-exec", s.wrapperText(), 0o755)
		options = fmt.Sprintf(`command=%q,restrict `, path)
	}
	s.file("authorized_keys", options+clientPublic+"\n", 0o600)
}

// wrapperText is deploy/nixmox-exec with this machine's folder of containers.
func (s *openssh) wrapperText() string {
	text, err := os.ReadFile("../../../deploy/nixmox-exec")
	if err != nil {
		s.t.Fatal(err)
	}
	changed := strings.Replace(string(text), "configs=/etc/pve/lxc", "configs="+s.dir+"/lxc", 1)
	if changed == string(text) {
		s.t.Fatal("the wrapper does not say where the containers are as it used to")
	}
	return changed
}

// start runs sshd on a port that was free a moment ago. When somebody else took it meanwhile, it tries another.
func (s *openssh) start(sshd string) {
	s.t.Helper()
	_ = os.MkdirAll("/run/sshd", 0o755) // of the package's; a container's start does not make it
	for range 5 {
		if s.listens(sshd) {
			return
		}
	}
	s.t.Fatal("sshd does not listen")
}

func (s *openssh) listens(sshd string) bool {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	_ = listener.Close()
	host, port, _ := net.SplitHostPort(s.address)
	config := s.file("sshd_config", fmt.Sprintf(`ListenAddress %s
Port %s
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %[3]s/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
SetEnv HOME=%[3]s PATH=%[3]s/bin:/usr/local/bin:/usr/bin:/bin
`, host, port, s.dir), 0o600)
	var log bytes.Buffer
	daemon := exec.Command(sshd, "-D", "-e", "-f", config)
	daemon.Stderr = &log
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = daemon.Wait()
	}()
	s.t.Cleanup(func() {
		_ = daemon.Process.Kill()
		<-ended
		if s.t.Failed() {
			s.t.Log(log.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		default:
		}
		if greets(s.address) {
			return true
		}
		time.Sleep(20 * time.Millisecond) // between two attempts
	}
	return false
}

// greets is whether an SSH server answers there. That something accepts a connection does not show it: on a port that nobody listens on yet, a
// dialler can meet itself.
func greets(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	banner := make([]byte, 4)
	_, err = io.ReadFull(conn, banner)
	return err == nil && string(banner) == "SSH-"
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func (s *openssh) executor(edit ...func(*sshexec.Config)) *sshexec.Executor {
	s.t.Helper()
	c := sshexec.Config{User: me(s.t), PrivateKey: s.key, KnownHosts: "pve1 " + s.hostKey, Address: func(string) string { return s.address }}
	for _, e := range edit {
		e(&c)
	}
	e, err := sshexec.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(e.Close)
	return e
}

func (s *openssh) run(e *sshexec.Executor, script string) (guest.Result, error) {
	return s.runIn(e, 901, script, time.Minute)
}

func (s *openssh) runIn(e *sshexec.Executor, vmid int, script string, limit time.Duration) (guest.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return e.Run(ctx, guest.Container{Node: "pve1", VMID: vmid}, script)
}

func TestQuotingArrivesAsItWasWritten(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		big := strings.Repeat("0123456789 $'\"\\ abcdefghij*?\n", 4000)[:100<<10]
		for sentence, text := range map[string]string{
			"spaces": "a  b   c ", "single quotes": `it's 'quoted' ''`, "double quotes": `say "hello" ""`, "dollars": `$HOME $(id) ${x} $1 $$`,
			"back ticks": "`id`", "backslashes": `a\b\\c\n`, "line feeds": "one\ntwo\n\nthree", "globs": "* ?? [a-z] ~ {a,b}",
			"Unicode": "Größe 漢字 \U0001f600", "shell": "; rm -rf x & | > < ! # %", "control": "tab\tbell\a escape\x1b", "dash": "-n -e",
			"100 KiB": strings.ReplaceAll(big, "'", "_"),
		} {
			script := "printf '%s' " + sshexec.Quote(text)
			r, err := s.run(e, script)
			want := guest.Capped(text)
			if err != nil || r.ExitCode != 0 || r.Stdout != want {
				t.Errorf("%s: %v, exit %d, %d of %d bytes, stderr %.200q: %.100q", sentence, err, r.ExitCode, len(r.Stdout), len(want), r.Stderr, r.Stdout)
			}
			// The same without the cap: the container counts.
			r, err = s.run(e, script+" | wc -c")
			if got := strings.TrimSpace(r.Stdout); err != nil || got != fmt.Sprint(len(text)) {
				t.Errorf("%s: %s of %d bytes arrived, %v", sentence, got, len(text), err)
			}
		}
	})
}

func TestExitCodesAndOutputs(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		for script, want := range map[string]guest.Result{
			"true":                               {},
			"false":                              {ExitCode: 1},
			"echo out; echo err >&2; exit 7":     {ExitCode: 7, Stdout: "out\n", Stderr: "err\n"},
			"exit 255":                           {ExitCode: 255},
			"exit 124":                           {ExitCode: 124},
			"kill -TERM $$":                      {ExitCode: 143},
			"kill -KILL $$":                      {ExitCode: 137},
			"no-such-program 2>/dev/null":        {ExitCode: 127},
			"echo $PATH | cut -d: -f1":           {Stdout: "/run/current-system/sw/bin\n"},
			"echo $container; cat; echo end":     {Stdout: "901\nend\n"},
			"echo \"container '5' not running\"": {Stdout: "container '5' not running\n"},
		} {
			got, err := s.run(e, script)
			if strings.HasPrefix(script, "kill") {
				got.Stderr = "" // what shells say of it differs
			}
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", script, got, err, want)
			}
		}
		got, err := s.run(e, "head -c 300000 /dev/zero | tr '\\0' x; echo no >&2; exit 3")
		if err != nil || got.ExitCode != 3 || len(got.Stdout) != guest.MaxOutput || got.Stderr != "no\n" {
			t.Errorf("a flood: %d bytes, exit %d, %q, %v", len(got.Stdout), got.ExitCode, got.Stderr, err)
		}
	})
}

func TestInputReachesTheCommandAndNoCommandLine(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		secret := strings.Repeat("p4ssw0rd \x01 '\"$x\n", 20000)
		r, err := e.RunInput(t.Context(), guest.Container{Node: "pve1", VMID: 901}, "wc -c; ps -eo args 2>/dev/null | grep -c '[p]4ssw0rd'; true", []byte(secret))
		if err != nil || strings.Join(strings.Fields(r.Stdout), " ") != fmt.Sprint(len(secret), " 0") && r.Stdout != fmt.Sprintln(len(secret)) {
			t.Errorf("%q, %v", r.Stdout, err)
		}
	})
}

func TestWhatCannotBeRun(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		for vmid, says := range map[int]string{
			903: "container '903' not running!",
			904: map[bool]string{true: "container 904 is not on this node", false: "Configuration file 'nodes/pve1/lxc/904.conf' does not exist"}[s.wrapper],
		} {
			_, err := s.runIn(e, vmid, "true", time.Minute)
			if !errors.Is(err, guest.ErrUnreachable) || !strings.Contains(err.Error(), says) {
				t.Errorf("%d: %v", vmid, err)
			}
		}
		_, err := s.runIn(e, 902, "true", time.Minute)
		if s.wrapper && (!errors.Is(err, guest.ErrUnreachable) || !strings.Contains(err.Error(), "does not carry the tag nixmox")) {
			t.Errorf("a container that is not ours: %v", err)
		}
	})
}

// A container moves: on the node where it was it is unreachable, on the new one the command runs.
func TestAContainerThatMoved(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, old *openssh) {
		sshd, _ := exec.LookPath("sshd")
		if sshd == "" {
			sshd = "/usr/sbin/sshd"
		}
		other := &openssh{t: t, dir: t.TempDir(), wrapper: old.wrapper}
		other.prepare()
		other.start(sshd)
		keys := strings.ReplaceAll(string(must(os.ReadFile(filepath.Join(old.dir, "authorized_keys")))), old.dir, other.dir) // its own wrapper
		if err := os.WriteFile(filepath.Join(other.dir, "authorized_keys"), []byte(keys), 0o600); err != nil {
			t.Fatal(err)
		}
		e := old.executor(func(c *sshexec.Config) {
			c.KnownHosts = "pve1 " + old.hostKey + "\npve2 " + other.hostKey
			c.Address = func(node string) string { return map[string]string{"pve1": old.address, "pve2": other.address}[node] }
		})
		if _, err := old.run(e, "true"); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(old.dir, "lxc/901.conf")); err != nil {
			t.Fatal(err)
		}
		if _, err := old.run(e, "true"); !errors.Is(err, guest.ErrUnreachable) {
			t.Errorf("on the old node: %v", err)
		}
		if r, err := e.Run(t.Context(), guest.Container{Node: "pve2", VMID: 901}, "exit 5"); err != nil || r.ExitCode != 5 {
			t.Errorf("on the new node: %+v, %v", r, err)
		}
	})
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestHostKeysAreHeld(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		_, stranger := newKey(t)
		port := strings.TrimPrefix(s.address, "127.0.0.1:")
		for sentence, test := range map[string]struct{ known, says string }{
			"another key":           {"pve1 " + stranger, "somebody may be in between"},
			"no key":                {"", "has none for it"},
			"of another node":       {"pve2 " + s.hostKey, "has none for it"},
			"revoked":               {"@revoked * " + s.hostKey + "\npve1 " + s.hostKey, "revokes"},
			"by name":               {"pve1 " + s.hostKey, ""},
			"by address and port":   {"[127.0.0.1]:" + port + " " + s.hostKey, ""},
			"for every node":        {s.hostKey, ""},
			"by a pattern":          {"pve* " + s.hostKey, ""},
			"among others":          {"# nodes\npve1 " + stranger + "\npve1,pve2 " + s.hostKey + " root@pve1\n", ""},
			"by an excluded name":   {"!pve1,pve* " + s.hostKey, "has none for it"},
			"by its hash":           {hashed("pve1") + " " + s.hostKey, ""},
			"by the hash of others": {hashed("pve2") + " " + s.hostKey, "has none for it"},
		} {
			_, err := s.run(s.executor(func(c *sshexec.Config) { c.KnownHosts = test.known }), "true")
			switch {
			case test.says == "" && err != nil:
				t.Errorf("%s: %v", sentence, err)
			case test.says != "" && (!errors.Is(err, guest.ErrUnreachable) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "SHA256:")):
				t.Errorf("%s: %v", sentence, err)
			}
		}
	})
}

// hashed is a name as `ssh-keygen -H` writes it.
func hashed(name string) string { return sshexec.HashName(name, []byte("0123456789abcdefghij")) }

func TestARevokedKeyIsRefusedWithItsPublicHalf(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		if _, err := s.run(e, "true"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "authorized_keys"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.run(s.executor(), "true")
		if !errors.Is(err, guest.ErrUnreachable) || !strings.Contains(err.Error(), "refuses the key") || !strings.Contains(err.Error(), "ssh-ed25519 ") {
			t.Errorf("%v", err)
		}
		if strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("it shows the key: %v", err)
		}
	})
}

// alive counts the processes of the container that hold a word in their command line.
func alive(t *testing.T, word string) int {
	t.Helper()
	out, _ := exec.Command("pgrep", "-f", "-c", word).Output()
	n := 0
	_, _ = fmt.Sscan(string(out), &n)
	return n
}

func TestADeadlineEndsTheCommandOnTheNode(t *testing.T) {
	if _, err := exec.LookPath("pgrep"); err != nil {
		t.Skip("there is no pgrep")
	}
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		e := s.executor()
		if _, err := s.run(e, "true"); err != nil {
			t.Fatal(err)
		}
		word := fmt.Sprintf("31%d.25", time.Now().UnixNano()%1e9)
		began := time.Now()
		_, err := s.runIn(e, 901, "trap '' TERM; sleep "+word+"; sleep "+word, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, guest.ErrUnreachable) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
		for deadline := time.Now().Add(30 * time.Second); alive(t, "sleep "+word) > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the command still runs")
			}
		}
		if r, err := s.run(e, "echo on"); err != nil || r.Stdout != "on\n" {
			t.Errorf("afterwards: %+v, %v", r, err)
		}
	})
}

func TestAConnectionThatDropsUnderACommand(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		var mu sync.Mutex
		var conns []net.Conn
		e := s.executor(func(c *sshexec.Config) {
			c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
				mu.Lock()
				defer mu.Unlock()
				conns = append(conns, conn)
				return conn, err
			}
		})
		if _, err := s.run(e, "true"); err != nil {
			t.Fatal(err)
		}
		begun := filepath.Join(s.dir, "begun")
		ended := make(chan error, 1)
		go func() {
			_, err := s.runIn(e, 901, "touch "+begun+"; sleep 5", time.Minute)
			ended <- err
		}()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(begun); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the command was not begun")
			}
		}
		mu.Lock()
		_ = conns[0].Close()
		mu.Unlock()
		if err := <-ended; !errors.Is(err, guest.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the command that was under way: %v", err)
		}
		if r, err := s.run(e, "echo back"); err != nil || r.Stdout != "back\n" {
			t.Errorf("the next one: %+v, %v", r, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(conns) != 2 {
			t.Errorf("%d connections", len(conns))
		}
	})
}

func TestAHundredCommandsAtOnceShareAConnection(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		var mu sync.Mutex
		dialled := 0
		e := s.executor(func(c *sshexec.Config) {
			c.Dial = func(ctx context.Context, address string) (net.Conn, error) {
				mu.Lock()
				dialled++
				mu.Unlock()
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			}
		})
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				r, err := s.runIn(e, 901, fmt.Sprintf("echo %d; echo %d >&2; exit %d", i, -i, i), 2*time.Minute)
				if want := (guest.Result{ExitCode: i, Stdout: fmt.Sprintln(i), Stderr: fmt.Sprintln(-i)}); err != nil || r != want {
					t.Errorf("%+v, %v; want %+v", r, err, want)
				}
			})
		}
		all.Wait()
		if dialled != 1 {
			t.Errorf("%d connections", dialled)
		}
	})
}

// A node whose sessions are all taken does not make the next command look as if it had been slow.
func TestWaitingForASessionIsNotTheCommandsFault(t *testing.T) {
	withOpenSSH(t, func(t *testing.T, s *openssh) {
		if s.wrapper {
			t.Skip("of the plain way")
		}
		e := s.executor()
		var all sync.WaitGroup
		defer all.Wait()
		for i := range 8 {
			begun := filepath.Join(s.dir, fmt.Sprint("begun", i))
			all.Go(func() { _, _ = s.runIn(e, 901, "touch "+begun+"; sleep 3", time.Minute) })
		}
		for i := range 8 {
			for {
				if _, err := os.Stat(filepath.Join(s.dir, fmt.Sprint("begun", i))); err == nil {
					break
				}
				time.Sleep(10 * time.Millisecond) // until it is begun
			}
		}
		if _, err := s.runIn(e, 901, "true", 200*time.Millisecond); !errors.Is(err, guest.ErrUnreachable) {
			t.Errorf("%v", err)
		}
	})
}
