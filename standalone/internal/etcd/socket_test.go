package etcd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketPathAlwaysFits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		dir    string
		detour bool
	}{
		{"a short directory", "data", false},
		{"a long directory", strings.Repeat("long/", 40), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), test.dir)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			socket, err := newSocket(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer socket.remove()
			if detour := filepath.Dir(socket.path) != dir; detour != test.detour {
				t.Errorf("the socket is %s", socket.path)
			}
			if info, err := os.Stat(filepath.Dir(socket.path)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("its directory has mode %v (%v), want 0700", info.Mode(), err)
			}
			listener, err := net.Listen("unix", socket.path)
			if err != nil {
				t.Fatal(err)
			}
			_ = listener.Close()
		})
	}
}

func TestNextStartCleansUpBehindAKilledOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	killed, err := newSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	next, err := newSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer next.remove()
	if _, err := os.Stat(killed.detour); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", killed.detour, err)
	}
}

// The link is only a file: somebody may have put another one there.
func TestOnlyOurOwnDetoursAreRemoved(t *testing.T) {
	t.Parallel()
	dir, foreign := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(foreign, filepath.Join(dir, detourName)); err != nil {
		t.Fatal(err)
	}
	socket, err := newSocket(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.remove()
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a directory that is not ours is gone: %v", err)
	}
}
