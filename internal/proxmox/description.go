package proxmox

import "strings"

// TrimDescription removes the line end that Proxmox appends to every
// description it returns.
func TrimDescription(s string) string { return strings.TrimSuffix(s, "\n") }

// DescriptionsEqual compares without line ends at the end.
func DescriptionsEqual(a, b string) bool {
	return strings.TrimRight(a, "\n") == strings.TrimRight(b, "\n")
}
