package datadir

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneHolderAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "data")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fs.FileMode(0o700) {
		t.Errorf("mode %v (%v), want 0700", info.Mode(), err)
	}
	want := fmt.Sprintf("in use by another nixmox (process %d)", os.Getpid())
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the second got %v, want %q", err, want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := Open(path)
	if err != nil {
		t.Fatalf("after the first has let go: %v", err)
	}
	_ = third.Close()
}

func TestDirectoryThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("got %v, want an error that names the flag", err)
	}
}
