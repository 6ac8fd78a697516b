package pvesim

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// disk is a parsed rootfs or mount point.
type disk struct{ values map[string]string }

type diskKind string

// What a disk's volume stands for (PVE/LXC/Config.pm, classify_mountpoint). The words appear in messages.
const (
	diskVolume diskKind = "volume"
	diskDevice diskKind = "device"
	diskBind   diskKind = "bind"
)

func (d disk) volume() string { return d.values["volume"] }

func (d disk) kind() diskKind {
	switch volume := d.volume(); {
	case strings.HasPrefix(volume, "/dev/"):
		return diskDevice
	case strings.HasPrefix(volume, "/"):
		return diskBind
	}
	return diskVolume
}

var newDisk = regexp.MustCompile(`^([^:\s]+):(\d+(?:\.\d+)?)$`)

// newVolume reads STORAGE:GIB, the wish for a new volume; size is in bytes.
func (d disk) newVolume() (storage string, size int64, isNew bool) {
	match := newDisk.FindStringSubmatch(d.volume())
	if match == nil {
		return "", 0, false
	}
	gib, err := strconv.ParseFloat(match[2], 64)
	if err != nil {
		return "", 0, false
	}
	return match[1], int64(gib*1024) << 20, true // whole MiB (PVE/LXC.pm, create_disks)
}

// parseDisk reads a stored disk. A faulty one gives Proxmox's "format error" with the keys in the answer's errors, and
// status 500 (observed on 9.2).
func (s *Simulator) parseDisk(key, text string) (disk, error) {
	values, err := schema.ParseString(s.diskProps(key), text, "")
	var faulty *schema.FormatError
	if errors.As(err, &faulty) {
		return disk{}, &apiError{status: 500, message: "format error\n", errors: faulty.Keys}
	}
	if err != nil {
		return disk{}, die("%s", strings.TrimRight(err.Error(), "\n"))
	}
	return disk{values: values}, nil
}

// parseDiskAny reads any key that may name a volume.
func (s *Simulator) parseDiskAny(key, text string) (disk, error) {
	if !isDisk(key) && !unusedKey.MatchString(key) {
		return disk{}, fmt.Errorf("%s is no disk", key)
	}
	return s.parseDisk(key, text)
}

func (s *Simulator) printDisk(key string, d disk) string {
	return schema.PrintString(s.diskProps(key), d.values)
}

var sizeText = regexp.MustCompile(`^(\d+(?:\.\d+)?)([KMGT])?$`)

var sizeUnits = map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

// parseSize reads 4G, 512M, 8.5G or bytes; ok is false for anything else (PVE/JSONSchema.pm, parse_size).
func parseSize(text string) (size int64, ok bool) {
	match := sizeText.FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		return 0, false
	}
	return int64(number * sizeUnits[match[2]]), true
}

// formatSize prints bytes with the largest unit that leaves no fraction; nothing is 0T (PVE/JSONSchema.pm, format_size).
func formatSize(size int64) string {
	text, units := size, []string{"", "K", "M", "G", "T"}
	unit := 0
	for unit < len(units)-1 && text%1024 == 0 {
		text /= 1024
		unit++
	}
	return strconv.FormatInt(text, 10) + units[unit]
}
