package main

import (
	"os"
	"path/filepath"
)

// kubeconfigName is the file in the data directory that is written and read when
// no other is named.
const kubeconfigName = "kubeconfig"

// defaultDataDir is where an administrator, or else a person, keeps state by
// convention; a directory below the current one where there is no home.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/nixmox"
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "nixmox")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "nixmox")
	}
	return "nixmox-data"
}
