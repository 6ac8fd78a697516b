package proxmox

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Units of sizes, in bytes.
const (
	KiB int64 = 1 << 10
	MiB int64 = 1 << 20
	GiB int64 = 1 << 30
	TiB int64 = 1 << 40
)

var (
	sizePattern = regexp.MustCompile(`^(\d+)(\.\d+)?([KMGT])?$`)
	sizeUnits   = map[string]int64{"": 1, "K": KiB, "M": MiB, "G": GiB, "T": TiB}
)

// ParseSize reads a size as Proxmox writes it, "8G" or "8704M" or "1.5T", into
// bytes. Units are powers of 1024 and upper case; without one it is bytes.
func ParseSize(s string) (bytes int64, err error) {
	found := sizePattern.FindStringSubmatch(s)
	if found == nil {
		return 0, fmt.Errorf("%q is not a size: a number with K, M, G or T, such as 8G", s)
	}
	unit := sizeUnits[found[3]]
	whole, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil || whole > math.MaxInt64/unit-1 {
		return 0, fmt.Errorf("the size %q is too large", s)
	}
	bytes = whole * unit
	if found[2] != "" {
		fraction, _ := strconv.ParseFloat("0"+found[2], 64)
		bytes += int64(fraction * float64(unit))
	}
	return bytes, nil
}

// FormatSize writes bytes with the largest unit that is exact, as Proxmox
// does: 8.5 GiB is "8704M".
func FormatSize(bytes int64) string {
	unit := ""
	for _, larger := range []string{"K", "M", "G", "T"} {
		if bytes == 0 || bytes%1024 != 0 {
			break
		}
		bytes, unit = bytes/1024, larger
	}
	return strconv.FormatInt(bytes, 10) + unit
}
