package proxmox

import (
	"slices"
	"strings"
)

// ParseTags splits a tag list as Proxmox does: at ";", "," and white space.
func ParseTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r == ';' || r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == 0
	})
}

// NormalizeTags gives tags as Proxmox stores them by default: lower case,
// sorted, each once.
func NormalizeTags(tags []string) []string {
	normal := make([]string, 0, len(tags))
	for _, tag := range tags {
		for _, part := range ParseTags(tag) {
			normal = append(normal, strings.ToLower(part))
		}
	}
	slices.Sort(normal)
	return slices.Compact(normal)
}

// FormatTags writes the value for the "tags" key. It is empty for no tags;
// clear them with a delete then, for an empty value reads back as " ".
func FormatTags(tags []string) string { return strings.Join(NormalizeTags(tags), ";") }

// TagsEqual compares as sets, without case: a cluster can be set to keep case
// and order.
func TagsEqual(a, b []string) bool { return slices.Equal(NormalizeTags(a), NormalizeTags(b)) }

// HasTag looks for one tag, without case.
func HasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

// splitList splits a comma-separated list such as a storage's content.
func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
