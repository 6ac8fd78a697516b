package pvesim

import "regexp"

// moment says when a changed key of a running container takes effect.
type moment int

const (
	// later: it goes to the pending section and waits for the next stop.
	later moment = iota
	// atOnce: only the configuration changes (LXC_FASTPLUG_OPTIONS); what reads it sees it at its next start.
	atOnce
	// live: the running container changes too, before the configuration does.
	live
)

// hotplugRule is a row of the table: what happens to a key that a running container does not have yet, that it has, and
// that is deleted.
type hotplugRule struct {
	keys                *regexp.Regexp
	add, change, remove moment
}

// hotplugTable is PVE/LXC/Config.pm, vmconfig_hotplug_pending, as data. Keys that no row names wait. Deleting memory,
// rootfs and ostype is refused before this table is read.
var hotplugTable = []hotplugRule{
	{keysNamed(`description|onboot|startup|protection|hostname|hookscript|cores|tags|lock`), atOnce, atOnce, atOnce},
	{keysNamed(`memory|swap|cpulimit|cpuunits`), live, live, live},
	// A deletion is matched with one digit only: net10 and above wait.
	{keysNamed(`net\d`), live, live, live},
	{keysNamed(`net\d+`), live, live, later},
	// A new mount point or device is plugged; one that exists is not touched.
	{keysNamed(`mp\d+|dev\d+`), live, later, later},
	{keysNamed(`unused\d+`), later, later, live},
}

func keysNamed(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

func whenChanged(key string, exists bool) moment {
	for _, rule := range hotplugTable {
		if rule.keys.MatchString(key) {
			if exists {
				return rule.change
			}
			return rule.add
		}
	}
	return later
}

func whenDeleted(key string) moment {
	for _, rule := range hotplugTable {
		if rule.keys.MatchString(key) {
			return rule.remove
		}
	}
	return later
}
