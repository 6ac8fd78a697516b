// Package datadir owns the directory in which a standalone control plane keeps
// everything that outlives the process: its layout, its mode and the lock that
// keeps a second process out. What lies in the subdirectories belongs to the
// packages that are given their paths (etcd, certs).
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// Dir is a data directory that this process has locked.
type Dir struct {
	path string
	lock *fileutil.LockedFile
}

// Open creates the directory where it is missing (mode 0700: it holds keys and
// secrets), and locks it until Close or the end of the process, kill -9
// included. It fails when another process holds the lock.
func Open(path string) (*Dir, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w; choose a directory that you may write with --data-dir", err)
	}
	lockFile := filepath.Join(abs, "lock")
	lock, err := fileutil.TryLockFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("data directory %s is in use by another nixmox%s; stop that one first or choose another --data-dir", abs, holder(lockFile))
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s: %w", abs, err)
	}
	d := &Dir{path: abs, lock: lock}
	if err := d.signLock(); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock data directory %s: %w", abs, err)
	}
	return d, nil
}

// Path is the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Etcd is where the database lives.
func (d *Dir) Etcd() string { return filepath.Join(d.path, "etcd") }

// PKI is where keys and certificates live.
func (d *Dir) PKI() string { return filepath.Join(d.path, "pki") }

// Close gives the directory free for another process.
func (d *Dir) Close() error { return d.lock.Close() }

// signLock writes our process id into the lock, for the message of whoever
// finds it taken.
func (d *Dir) signLock() error {
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	_, err := d.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(lockFile string) string {
	content, err := os.ReadFile(lockFile)
	pid := strings.TrimSpace(string(content))
	if err != nil || pid == "" {
		return ""
	}
	return " (process " + pid + ")"
}
