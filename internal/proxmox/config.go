package proxmox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Config is a container's configuration as it holds now, without what is
// pending (see Pending). Fields are zero where the key is unset; Has tells the
// difference.
type Config struct {
	// Digest identifies this state of the file; send it back with a change.
	Digest string
	// Lock is the config lock, "" for none. While a create runs Proxmox shows
	// "create" and next to nothing else.
	Lock string

	Hostname    string
	Description string // without the line end that Proxmox appends
	Tags        []string
	OSType      string
	Arch        string

	MemoryMiB, SwapMiB int64
	Cores              int     // 0: all of the node's
	CPULimit           float64 // in cores, 0: none
	CPUUnits           int     // 0: the server's default, 100

	RootFS Mount
	Mounts map[int]Mount  // mpN by N
	Nets   map[int]Net    // netN by N
	Unused map[int]string // unusedN by N: volume ids of detached volumes

	Nameservers   []string
	SearchDomains []string
	Timezone      string

	Features     Features
	Startup      Startup
	OnBoot       bool
	Protection   bool
	Unprivileged bool
	Template     bool

	// Raw has every key that is set, these included, as text: switches are 1
	// and 0. The "lxc" lines are in LXC.
	Raw map[string]string
	// LXC are raw configuration lines, which only the node's root can write.
	LXC [][2]string
}

// NetKey names the key of a network interface.
func NetKey(index int) string { return "net" + strconv.Itoa(index) }

// MountKey names the key of a volume other than rootfs.
func MountKey(index int) string { return "mp" + strconv.Itoa(index) }

// Has tells that the key is set.
func (c *Config) Has(key string) bool {
	_, found := c.Raw[key]
	return found
}

// Config reads the live configuration of a container. A container that is not
// on the node is IsNotExist.
func (c *Client) Config(ctx context.Context, node string, vmid VMID) (*Config, error) {
	where := lxcPath(node, vmid, "config")
	var raw map[string]json.RawMessage
	// Without current=1 Proxmox merges the pending values in.
	if err := c.get(ctx, where, Params{"current": "1"}, &raw); err != nil {
		return nil, err
	}
	config, err := parseConfig(raw)
	if err != nil {
		return nil, c.checked(http.MethodGet, where, err)
	}
	return config, nil
}

// parseConfig reads a config reply.
func parseConfig(raw map[string]json.RawMessage) (*Config, error) {
	config := &Config{Raw: make(map[string]string, len(raw))}
	for key, value := range raw {
		if key == "lxc" {
			config.LXC = parseLXCLines(value)
			continue
		}
		if string(bytes.TrimSpace(value)) != "null" {
			config.Raw[key] = scalarText(value)
		}
	}
	return config.read()
}

// read fills the typed fields from Raw.
func (c *Config) read() (*Config, error) {
	c.setScalars()
	if err := c.setProperties(); err != nil {
		return nil, err
	}
	if err := c.setIndexed(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) setScalars() {
	c.Digest, c.Lock = c.Raw["digest"], c.Raw["lock"]
	c.Hostname, c.OSType, c.Arch = c.Raw["hostname"], c.Raw["ostype"], c.Raw["arch"]
	c.Description = TrimDescription(c.Raw["description"])
	c.Tags = ParseTags(c.Raw["tags"])
	c.MemoryMiB, c.SwapMiB = parseInteger(c.Raw["memory"]), parseInteger(c.Raw["swap"])
	c.Cores, c.CPUUnits = int(parseInteger(c.Raw["cores"])), int(parseInteger(c.Raw["cpuunits"]))
	c.CPULimit = parseNumber(c.Raw["cpulimit"])
	c.Nameservers, c.SearchDomains = strings.Fields(c.Raw["nameserver"]), strings.Fields(c.Raw["searchdomain"])
	c.Timezone = c.Raw["timezone"]
	c.OnBoot, c.Protection = parseBool(c.Raw["onboot"]), parseBool(c.Raw["protection"])
	c.Unprivileged, c.Template = parseBool(c.Raw["unprivileged"]), parseBool(c.Raw["template"])
}

func (c *Config) setProperties() (err error) {
	if c.RootFS, err = ParseMount(c.Raw["rootfs"]); err != nil {
		return malformedKey("rootfs", err)
	}
	if c.Features, err = ParseFeatures(c.Raw["features"]); err != nil {
		return malformedKey("features", err)
	}
	if c.Startup, err = ParseStartup(c.Raw["startup"]); err != nil {
		return malformedKey("startup", err)
	}
	return nil
}

var indexedKey = regexp.MustCompile(`^(net|mp|unused)(\d{1,3})$`)

func (c *Config) setIndexed() error {
	c.Nets, c.Mounts, c.Unused = map[int]Net{}, map[int]Mount{}, map[int]string{}
	for key, value := range c.Raw {
		found := indexedKey.FindStringSubmatch(key)
		if found == nil {
			continue
		}
		index, _ := strconv.Atoi(found[2])
		var err error
		switch found[1] {
		case "net":
			c.Nets[index], err = ParseNet(value)
		case "mp":
			c.Mounts[index], err = ParseMount(value)
		case "unused":
			c.Unused[index] = value
		}
		if err != nil {
			return malformedKey(key, err)
		}
	}
	return nil
}

func malformedKey(key string, err error) error {
	return fmt.Errorf("%w: config key %s: %w", ErrMalformed, key, err)
}

// parseLXCLines reads [["lxc.key","value"], ...] and skips what is different.
func parseLXCLines(data json.RawMessage) [][2]string {
	var rows [][]text
	if json.Unmarshal(data, &rows) != nil {
		return nil
	}
	var lines [][2]string
	for _, row := range rows {
		if len(row) == 2 {
			lines = append(lines, [2]string{string(row[0]), string(row[1])})
		}
	}
	return lines
}

// PendingItem is one key of a container's config with what waits for the next
// stop. Values are text as in Config.Raw, property strings in Proxmox's form.
type PendingItem struct {
	Key string
	// Value is live, nil if the key is unset.
	Value *string
	// Pending is what the key will become, nil if no change waits.
	Pending *string
	// Delete tells that the key will be removed.
	Delete bool
}

// Changes tells that something waits for this key.
func (p PendingItem) Changes() bool { return p.Delete || p.Pending != nil }

// Pending lists every key of the config with its pending value, in no order.
// A "digest" item is among them.
func (c *Client) Pending(ctx context.Context, node string, vmid VMID) ([]PendingItem, error) {
	var rows []struct {
		Key     text
		Value   *json.RawMessage
		Pending *json.RawMessage
		Delete  integer
	}
	if err := c.get(ctx, lxcPath(node, vmid, "pending"), nil, &rows); err != nil {
		return nil, err
	}
	items := make([]PendingItem, 0, len(rows))
	for _, row := range rows {
		items = append(items, PendingItem{
			Key:     string(row.Key),
			Value:   optionalText(row.Value),
			Pending: optionalText(row.Pending),
			Delete:  row.Delete > 0, // 2 is a forced removal
		})
	}
	return items, nil
}

func optionalText(data *json.RawMessage) *string {
	if data == nil {
		return nil
	}
	value := scalarText(*data)
	return &value
}
