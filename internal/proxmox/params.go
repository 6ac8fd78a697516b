package proxmox

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of one change, as Proxmox spells them: keys such
// as "memory" or "net0", values as text. They travel form-encoded, which every
// Proxmox VE release understands alike.
type Params map[string]string

// SetInt sets a whole number.
func (p Params) SetInt(key string, value int64) { p[key] = strconv.FormatInt(value, 10) }

// SetNumber sets a number that may have a fraction, such as cpulimit.
func (p Params) SetNumber(key string, value float64) {
	p[key] = strconv.FormatFloat(value, 'f', -1, 64)
}

// SetBool sets a switch. Proxmox takes 1 and 0, and refuses "true" as text.
func (p Params) SetBool(key string, value bool) { p[key] = formatBool(value) }

// Keys returns the keys in order.
func (p Params) Keys() []string { return slices.Sorted(maps.Keys(p)) }

// String names the keys without their values, for values can be secret.
func (p Params) String() string { return strings.Join(p.Keys(), ",") }

func (p Params) encode() string {
	values := make(url.Values, len(p))
	for key, value := range p {
		values.Set(key, value)
	}
	return values.Encode()
}

// secretParams are values that must not come back to us inside an error text.
var secretParams = []string{"password"}

func (p Params) secrets() []string {
	var found []string
	for _, key := range secretParams {
		if value := p[key]; value != "" {
			found = append(found, value)
		}
	}
	return found
}
