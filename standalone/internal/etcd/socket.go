package etcd

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	socketName = "client.sock"
	// maxSocketPath is what every system takes: sun_path holds 108 bytes on
	// Linux and 104 on the BSDs and macOS, the final NUL included.
	maxSocketPath = 100
	// detourName is a symbolic link in the database's directory to the directory
	// that holds the socket when our own path is too long. It lets the next start
	// clean up behind a process that was killed.
	detourName   = "socket"
	detourPrefix = "nixmox-"
)

// socket is where the database listens.
type socket struct {
	path   string
	detour string // directory to remove with it, or empty
	link   string // link to remove with it, or empty
}

// newSocket chooses a path for the socket: in dir, unless that is too long for a
// unix socket, then in a short temporary directory of mode 0700.
func newSocket(dir string) (socket, error) {
	link := filepath.Join(dir, detourName)
	if err := removeDetour(link); err != nil {
		return socket{}, err
	}
	if path := filepath.Join(dir, socketName); len(path) <= maxSocketPath {
		return socket{path: path}, nil
	}
	detour, err := makeDetour()
	if err != nil {
		return socket{}, err
	}
	if err := os.Symlink(detour, link); err != nil {
		_ = os.RemoveAll(detour)
		return socket{}, err
	}
	return socket{path: filepath.Join(detour, socketName), detour: detour, link: link}, nil
}

// makeDetour tries the system's directory for temporary files, and /tmp when
// that is itself too long.
func makeDetour() (string, error) {
	for _, base := range []string{os.TempDir(), "/tmp"} {
		detour, err := os.MkdirTemp(base, detourPrefix) // mode 0700
		if err != nil {
			return "", err
		}
		if len(filepath.Join(detour, socketName)) <= maxSocketPath {
			return detour, nil
		}
		_ = os.RemoveAll(detour)
	}
	return "", fmt.Errorf("no directory for temporary files has a path that is short enough for a unix socket; set TMPDIR to a short one")
}

func removeDetour(link string) error {
	detour, err := os.Readlink(link)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// The link is in our own directory, yet what it names is deleted only if it
	// looks like what we make.
	if strings.HasPrefix(filepath.Base(detour), detourPrefix) {
		_ = os.Remove(filepath.Join(detour, socketName))
		_ = os.Remove(detour)
	}
	return os.Remove(link)
}

func (s socket) url() url.URL { return url.URL{Scheme: "unix", Path: s.path} }

func (s socket) endpoint() string { return "unix://" + s.path }

func (s socket) remove() {
	if s.detour == "" {
		return
	}
	_ = os.RemoveAll(s.detour)
	_ = os.Remove(s.link)
}
