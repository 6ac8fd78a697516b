package pvesim

import (
	"maps"
	"slices"
)

// getConfig answers GET config: with pending changes merged in unless current is asked for (PVE/AbstractConfig.pm,
// load_current_config).
func getConfig(c *call) (any, error) {
	snapshot := c.text("snapshot")
	if snapshot != "" && c.isSet("current") {
		message := "cannot use 'snapshot' parameter with 'current'"
		return nil, badParameters(map[string]string{"snapshot": message, "current": message})
	}
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	if snapshot != "" {
		found := g.conf.snapshots[snapshot]
		if found == nil {
			return nil, die("snapshot '%s' does not exist", snapshot)
		}
		return c.sectionAnswer(found), nil
	}
	shown := &g.conf.section
	if !c.isSet("current") {
		shown = g.conf.merged()
	}
	answer := c.sectionAnswer(shown)
	answer["digest"] = digest(g.text)
	return answer, nil
}

// merged is the configuration as it will be after the next stop. A key that is to go still shows if its value is false
// in Perl's eyes.
func (c *config) merged() *section {
	merged := c.section.clone()
	for key, value := range c.pending {
		merged.values[key] = value
	}
	for _, key := range c.deleted {
		if truthy(merged.values[key]) {
			delete(merged.values, key)
		}
	}
	return merged
}

// sectionAnswer is a section as JSON. env needs its own privilege.
func (c *call) sectionAnswer(shown *section) map[string]any {
	answer := make(map[string]any, len(shown.values)+2)
	for key, value := range shown.values {
		if key == "env" && !c.may(vmPath(c.vmid), "VM.Config.Options") {
			continue
		}
		answer[key] = c.typed(key, value)
	}
	if len(shown.raw) > 0 {
		answer["lxc"] = shown.raw
	}
	return answer
}

// getPending lists each key with its present and its future value (PVE/GuestHelpers.pm, config_with_pending_array).
func getPending(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	rows := []map[string]any{{"key": "digest", "value": digest(g.text)}}
	keys := maps.Clone(g.conf.values)
	maps.Copy(keys, g.conf.pending)
	for _, key := range g.conf.deleted {
		keys[key] = ""
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		row := map[string]any{"key": key}
		if value, set := g.conf.values[key]; set {
			row["value"] = c.typed(key, value)
		}
		if value, waits := g.conf.pending[key]; waits {
			row["pending"] = c.typed(key, value)
		}
		if slices.Contains(g.conf.deleted, key) {
			row["delete"] = 1
		}
		rows = append(rows, row)
	}
	return rows, nil
}
