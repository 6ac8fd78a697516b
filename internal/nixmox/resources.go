package nixmox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// resources reads memory ("2GB", or a number of MB), cpu ("2 cores", or cores) and storage ("20GB", or disk_gb).
func (c *converter) resources(r *attrs) map[string]any {
	out := map[string]any{}
	if q, ok := c.size(r, "memory", "Mi"); ok {
		out["memory"] = q
	}
	for _, key := range []string{"cpu", "cores"} {
		if q, ok := c.cpu(r, key); ok {
			out["cpu"] = q
		}
	}
	if q, ok := c.size(r, "storage", "Gi"); ok {
		out["storage"] = q
	}
	if q, ok := c.size(r, "disk_gb", "Gi"); ok {
		out["storage"] = q
	}
	r.rest("unknown key; not taken over")
	return out
}

var sizeText = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([kmgtKMGT]?)(?:i?[bB])?$`)

// size is a quantity. Units are powers of 1024, as Proxmox counts, whether they are written GB, G or GiB; a bare number has the unit that
// NixMox gives it there.
func (c *converter) size(a *attrs, key, bare string) (string, bool) {
	text, ok := a.text(key)
	if !ok {
		return "", false
	}
	m := sizeText.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		c.problem(a.at(key), fmt.Sprintf("%q is not a size such as 2GB or 512MB", text))
		return "", false
	}
	unit := bare
	if m[2] != "" {
		unit = strings.ToUpper(m[2]) + "i"
	}
	number := strings.TrimLeft(m[1], "0")
	if number == "" || strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	return number + unit, true
}

var cpuText = regexp.MustCompile(`^([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*(?:v?cpus?|cores?)?$`)

func (c *converter) cpu(a *attrs, key string) (any, bool) {
	text, ok := a.text(key)
	if !ok {
		return nil, false
	}
	m := cpuText.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		c.problem(a.at(key), fmt.Sprintf("%q is not a number of cores such as \"2 cores\" or 2", text))
		return nil, false
	}
	if n, err := json.Number(m[1]).Int64(); err == nil {
		return n, true
	}
	cores, _ := strconv.ParseFloat(m[1], 64)
	return fmt.Sprintf("%dm", int64(cores*1000+0.5)), true
}
