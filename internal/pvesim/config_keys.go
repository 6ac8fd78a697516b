package pvesim

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

const configPath = "/nodes/{node}/lxc/{vmid}/config"

// Keys that say which disk a volume is.
var (
	mountKey  = regexp.MustCompile(`^mp\d+$`)
	unusedKey = regexp.MustCompile(`^unused\d+$`)
	netKey    = regexp.MustCompile(`^net\d+$`)
	deviceKey = regexp.MustCompile(`^dev\d+$`)
)

func isDisk(key string) bool { return key == "rootfs" || mountKey.MatchString(key) }

// configKey describes a configuration key; nil if there is none of that name.
func (s *Simulator) configKey(key string) *schema.Prop {
	switch key {
	case "digest", "delete", "revert", "node", "vmid":
		return nil
	}
	return s.table.Paths[configPath]["PUT"].Parameters.Lookup(key)
}

// netProps, mountProps and featureProps are the keys of property strings.
func (s *Simulator) netProps() schema.Props { return s.configKey("net0").Format.Props }

func (s *Simulator) diskProps(key string) schema.Props { return s.configKey(key).Format.Props }

// typed turns a stored text into the JSON that Proxmox answers with: integers and booleans are numbers, everything else,
// "number" included, is a string. What does not fit stays a string (PVE/LXC/Config.pm, check_type: it only warns).
func (s *Simulator) typed(key, text string) any {
	prop := s.configKey(key)
	if prop == nil {
		if key == "snaptime" {
			return json.Number(text)
		}
		return text
	}
	switch prop.Type {
	case "integer":
		if number, err := strconv.Atoi(text); err == nil && text[0] != '+' && text[0] != '-' {
			return number
		}
	case "boolean":
		switch strings.ToLower(text) {
		case "1", "on", "yes", "true":
			return 1
		case "0", "off", "no", "false":
			return 0
		}
	}
	return text
}
