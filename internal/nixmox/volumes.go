package nixmox

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// volumes are the folders of the node that a service mounts, as "/tank/media:/media" or with ":ro" behind it. The host is to allow them.
func (c *converter) volumes(s *attrs) []any {
	var out []any
	var names, places []string
	for i, text := range s.texts("volumes") {
		at := fmt.Sprintf("%s[%d]", s.at("volumes"), i)
		from, to, readOnly, ok := folders(text)
		switch {
		case !ok:
			c.note(at, fmt.Sprintf("%q is not a folder of the node and a place in the container, such as /tank/media:/media; not taken over", text))
			continue
		case slices.Contains(places, to):
			c.note(at, fmt.Sprintf("there is something else at %s already; not taken over", to))
			continue
		}
		name := nameOf(to, names)
		names, places = append(names, name), append(places, to)
		volume := map[string]any{"name": name, "mountPath": to, "hostPath": from}
		if readOnly {
			volume["readOnly"] = true
		}
		out = append(out, volume)
		if !slices.Contains(c.hostPaths, from) {
			c.hostPaths = append(c.hostPaths, from)
		}
		c.hint(at, fmt.Sprintf("taken over; Proxmox mounts %s only for root@pam with username and password, and no API token. For a disk of its own write size: 10Gi in the "+
			"place of hostPath", from))
	}
	return out
}

// folders takes a volume of a manifest apart.
func folders(text string) (from, to string, readOnly, ok bool) {
	parts := strings.Split(text, ":")
	if len(parts) == 3 {
		readOnly, ok = parts[2] == "ro", parts[2] == "ro" || parts[2] == "rw"
	} else {
		ok = len(parts) == 2
	}
	if !ok || !goodPath(parts[0]) || !goodPath(parts[1]) {
		return "", "", false, false
	}
	from, to = path.Clean(parts[0]), path.Clean(parts[1])
	return from, to, readOnly, from != "/dev" && !strings.HasPrefix(from, "/dev/")
}

var unusable = regexp.MustCompile(`[,[:cntrl:]]|(^|/)\.\.(/|$)`)

func goodPath(p string) bool {
	return path.IsAbs(p) && path.Clean(p) != "/" && len(p) <= 255 && !unusable.MatchString(p)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// nameOf calls a volume by the last part of its place, and is none of the taken names.
func nameOf(place string, taken []string) string {
	base := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(path.Base(place)), "-"), "-")
	if base == "" || base == "rootfs" {
		base = "volume"
	}
	base = strings.Trim(base[:min(len(base), 60)], "-")
	name := base
	for n := 2; slices.Contains(taken, name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}
