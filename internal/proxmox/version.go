package proxmox

import (
	"context"
	"strconv"
	"strings"
)

// Version is what a Proxmox VE node says about itself.
type Version struct {
	// Version is exact ("9.2.11"), Release is major and minor ("9.2").
	Version, Release string
}

// AtLeast compares major and minor. A version that cannot be read is at least
// nothing, so that a feature is not used by mistake.
func (v Version) AtLeast(major, minor int) bool {
	ownMajor, ownMinor, ok := v.numbers()
	return ok && (ownMajor > major || ownMajor == major && ownMinor >= minor)
}

func (v Version) numbers() (major, minor int, ok bool) {
	for _, s := range []string{v.Version, v.Release} {
		// Old releases write "7.4-3".
		parts := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == '-' || r == '~' })
		if len(parts) == 0 {
			continue
		}
		var err error
		if major, err = strconv.Atoi(parts[0]); err != nil {
			continue
		}
		if len(parts) > 1 {
			if minor, err = strconv.Atoi(parts[1]); err != nil {
				minor = 0
			}
		}
		return major, minor, true
	}
	return 0, 0, false
}

// Version asks the endpoint for its version. Any valid token may.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var reply struct{ Version, Release text }
	if err := c.get(ctx, "/version", nil, &reply); err != nil {
		return Version{}, err
	}
	return Version{Version: string(reply.Version), Release: string(reply.Release)}, nil
}
