package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listening are the loopback addresses on which a process accepts TCP, read
// from /proc; none on systems without it.
func listening(pid int) []string {
	inodes := map[string]bool{}
	descriptors, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && strings.HasPrefix(target, "socket:[") {
			inodes[strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")] = true
		}
	}
	table, _ := os.ReadFile("/proc/net/tcp")
	var addresses []string
	for _, line := range strings.Split(string(table), "\n") {
		// sl local_address rem_address st ... inode is the tenth field.
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listenState || !inodes[fields[9]] {
			continue
		}
		_, hexPort, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hexPort, 16, 16); err == nil {
			addresses = append(addresses, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	return addresses
}

const listenState = "0A"
