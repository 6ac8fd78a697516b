package schema

import (
	_ "embed"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Named formats: PVE/JSONSchema.pm, and PVE/LXC/Config.pm for the names with lxc in them. A name without an entry here is
// not checked. Messages end in a newline, as they do there.
var formats = map[string]func(string) error{
	"pve-vmid":            matches(`^[1-9][0-9]{2,8}$`, "value does not look like a valid VM ID"),
	"pve-node":            matches(`(?i)^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`, "value does not look like a valid node name"),
	"pve-configid":        naming(`(?i)^[a-z][a-z0-9_-]+$`, "invalid configuration ID '%s'"),
	"pve-storage-id":      naming(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]$`, "storage ID '%s' contains illegal characters"),
	"pve-volume-id":       naming(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$`, "unable to parse volume ID '%s'"),
	"pve-poolid":          naming(`^[A-Za-z0-9.\-_]+(?:/[A-Za-z0-9.\-_]+){0,2}$`, "pool name '%s' contains invalid characters"),
	"pve-tag":             matches(`(?i)^[a-z0-9_][a-z0-9_\-+.]*$`, "invalid characters in tag"),
	"pve-storage-content": naming(`^(?:images|rootdir|vztmpl|iso|backup|snippets|none|import)$`, "invalid content type '%s'"),
	"pve-userid":          naming(`^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$`, "value '%s' does not look like a valid user name"),
	"pve-realm":           matches(`^[A-Za-z][A-Za-z0-9.\-_]+$`, "value does not look like a valid realm"),
	"pve-roleid":          naming(`^[A-Za-z0-9.\-_]+$`, "role name '%s' contains invalid characters"),
	"pve-startup-order":   checkStartup,
	"pve-ct-timezone":     checkZone,
	"pve-lxc-mp-string":   checkMountPath,
	"pve-lxc-dev-string":  checkDevice,
	"pve-ipv4-config":     checkAddressConfig4,
	"pve-ipv6-config":     checkAddressConfig6,
	"dns-name":            matches(`^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`, "value does not look like a valid DNS name"),
	"mac-addr":            matches(`(?i)^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$`, "value does not look like a valid unicast MAC address"),
	"disk-size":           naming(`^\d+(?:\.\d+)?[KMGT]?$`, "value does not look like a valid disk size: %s"),
	"ipv4":                address(netip.Addr.Is4, "value does not look like a valid IPv4 address"),
	"ipv6":                address(netip.Addr.Is6, "value does not look like a valid IPv6 address"),
	"lxc-ip-with-ll-iface": address(func(netip.Addr) bool { return true },
		"value does not look like a valid IP address"),
	"pve-task-status-type": naming(`^(?:ok|error|warning|unknown)$`, "invalid status type '%s'"),
}

func matches(pattern, message string) func(string) error {
	compiled := regexp.MustCompile(pattern)
	return func(text string) error {
		if compiled.MatchString(text) {
			return nil
		}
		return fault(message + "\n")
	}
}

// naming is like matches, for a message that repeats the value.
func naming(pattern, message string) func(string) error {
	compiled := regexp.MustCompile(pattern)
	return func(text string) error {
		if compiled.MatchString(text) {
			return nil
		}
		return faultf(message+"\n", text)
	}
}

func address(family func(netip.Addr) bool, message string) func(string) error {
	return func(text string) error {
		if parsed, err := netip.ParseAddr(text); err == nil && family(parsed) {
			return nil
		}
		return fault(message + "\n")
	}
}

// checkFormat checks a text against a format; the error's text is what Proxmox puts behind "invalid format - ".
func checkFormat(format Format, text, path string) error {
	if format.Props != nil {
		_, err := ParseString(format.Props, text, path)
		return err
	}
	name := format.Name
	if check := formats[name]; check != nil {
		return check(text)
	}
	if base, isList := strings.CutSuffix(name, "-list"); isList {
		return checkList(formats[base], text)
	}
	if base, isOptional := strings.CutSuffix(name, "-opt"); isOptional && text != "" && formats[base] != nil {
		return formats[base](text)
	}
	return nil
}

func checkList(check func(string) error, text string) error {
	if check == nil {
		return nil
	}
	for _, item := range SplitList(text) {
		if err := check(item); err != nil {
			return err
		}
	}
	return nil
}

// SplitList splits a list value at commas, semicolons and white space (PVE/Tools.pm, split_list).
func SplitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n\f\x00", r) })
}

var startupPart = regexp.MustCompile(`^(?:(?:order=)?\d+|up=\d+|down=\d+)$`)

func checkStartup(text string) error {
	for _, part := range strings.Split(text, ",") {
		if strings.TrimSpace(part) != "" && !startupPart.MatchString(part) {
			return fault("unable to parse startup options\n")
		}
	}
	return nil
}

//go:embed zones.txt
var zoneFile string

var zones = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{"UTC": true, "host": true}
	for _, line := range strings.Split(zoneFile, "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			names[line] = true
		}
	}
	return names
})

func checkZone(text string) error {
	if zones()[text] {
		return nil
	}
	return faultf("invalid time zone '%s'\n", text)
}

// climbing finds . and .. as parts of a path (PVE/LXC/Config.pm, verify_lxc_mp_string).
var climbing = regexp.MustCompile(`/\.\.?(?:/|$)|^\.\./`)

func checkMountPath(text string) error {
	if climbing.MatchString(text) {
		return faultf("%s contains illegal character sequences\n", text)
	}
	return nil
}

func checkDevice(text string) error {
	if climbing.MatchString(text) || !strings.HasPrefix(text, "/dev/") {
		return faultf("%s is not a valid device path\n", text)
	}
	return nil
}

func checkAddressConfig4(text string) error {
	if text == "dhcp" || text == "manual" || isPrefix(text, netip.Addr.Is4) {
		return nil
	}
	return fault("value does not look like a valid ipv4 network configuration\n")
}

func checkAddressConfig6(text string) error {
	if text == "auto" || text == "dhcp" || text == "manual" || isPrefix(text, netip.Addr.Is6) {
		return nil
	}
	return fault("value does not look like a valid ipv6 network configuration\n")
}

// isPrefix accepts ADDRESS/LENGTH with a length of at least 8, the smallest that Proxmox takes.
func isPrefix(text string, family func(netip.Addr) bool) bool {
	host, length, found := strings.Cut(text, "/")
	parsed, err := netip.ParseAddr(host)
	if !found || err != nil || !family(parsed) || parsed.Zone() != "" {
		return false
	}
	bits, err := strconv.Atoi(length)
	return err == nil && bits >= 8 && bits <= parsed.BitLen() && length == strconv.Itoa(bits)
}
