package pvesim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// volumeKey names a volume. The node is empty for storages that nodes share.
type volumeKey struct {
	node  string
	volid string
}

// volume is a disk image or a subvolume on a storage.
type volume struct {
	volid   string
	storage string
	owner   int
	size    int64 // bytes
	format  string
	made    int64 // unix seconds
	// snapshots by name.
	snapshots []string
}

func (s *Simulator) volumeKey(node, volid string) volumeKey {
	storage, _, _ := strings.Cut(volid, ":")
	if s.world.Storages[storage].Shared {
		node = ""
	}
	return volumeKey{node: node, volid: volid}
}

func (s *Simulator) findVolume(node, volid string) *volume {
	return s.volumes[s.volumeKey(node, volid)]
}

// storageOn finds a storage that a node has.
func (s *Simulator) storageOn(node, name string) (Storage, error) {
	storage, known := s.world.Storages[name]
	if !known {
		return Storage{}, die("storage '%s' does not exist", name)
	}
	if storage.Disabled {
		return Storage{}, die("storage '%s' is disabled", name)
	}
	if len(storage.Nodes) > 0 && !slices.Contains(storage.Nodes, node) {
		return Storage{}, die("storage '%s' is not available on node '%s'", name, node)
	}
	return storage, nil
}

// allocate makes a volume of a container, with the lowest free number.
func (s *Simulator) allocate(node string, owner int, storageName string, size int64) (string, error) {
	storage, err := s.storageOn(node, storageName)
	if err != nil {
		return "", err
	}
	for number := 0; ; number++ {
		volid, format := volumeName(storage, storageName, owner, number, size)
		if s.findVolume(node, volid) != nil || s.findVolume(node, baseName(volid)) != nil {
			continue
		}
		s.volumes[s.volumeKey(node, volid)] = &volume{
			volid: volid, storage: storageName, owner: owner, size: size, format: format, made: time.Now().Unix(),
		}
		return volid, nil
	}
}

// volumeName is how a storage type calls the disks of a container (PVE/Storage/*Plugin.pm).
func volumeName(storage Storage, name string, owner, number int, size int64) (volid, format string) {
	disk := fmt.Sprintf("vm-%d-disk-%d", owner, number)
	switch storage.Type {
	case "zfspool":
		return fmt.Sprintf("%s:subvol-%d-disk-%d", name, owner, number), "subvol"
	case "lvm", "lvmthin", "rbd":
		return name + ":" + disk, "raw"
	}
	if size == 0 {
		return fmt.Sprintf("%s:%d/subvol-%d-disk-%d.subvol", name, owner, owner, number), "subvol"
	}
	return fmt.Sprintf("%s:%d/%s.raw", name, owner, disk), "raw"
}

var volumeStem = regexp.MustCompile(`\b(vm|subvol)(-\d+-disk-\d+)`)

// baseName is the name of a volume once its container is a template.
func baseName(volid string) string {
	return volumeStem.ReplaceAllStringFunc(volid, func(stem string) string {
		if rest, isSubvolume := strings.CutPrefix(stem, "subvol"); isSubvolume {
			return "basevol" + rest
		}
		return "base" + strings.TrimPrefix(stem, "vm")
	})
}

// freeVolume destroys a volume, if it belongs to the container.
func (s *Simulator) freeVolume(node string, owner int, volid string) {
	key := s.volumeKey(node, volid)
	if found := s.volumes[key]; found != nil && found.owner == owner {
		delete(s.volumes, key)
	}
}

// volumesOf are all volumes of a container, for destroying.
func (s *Simulator) volumesOf(owner int) []volumeKey {
	var keys []volumeKey
	for key, found := range s.volumes {
		if found.owner == owner {
			keys = append(keys, key)
		}
	}
	return keys
}

// adoptVolume makes the volume that a container of the world file names.
func (s *Simulator) adoptVolume(node string, vmid int, key, text string) {
	parsed, err := s.parseDisk(key, text)
	if err != nil || parsed.kind() != diskVolume {
		return
	}
	storage, _, _ := strings.Cut(parsed.volume(), ":")
	size, _ := parseSize(parsed.values["size"])
	s.volumes[s.volumeKey(node, parsed.volume())] = &volume{
		volid: parsed.volume(), storage: storage, owner: vmid, size: size, format: "raw", made: time.Now().Unix(),
	}
}

var ownedVolume = regexp.MustCompile(`(?:^|/)(?:vm|subvol|base|basevol)-(\d+)-`)

// volumeType says what content a volume name stands for, and whose it is (PVE/Storage/Plugin.pm, parse_volname).
func volumeType(name string) (content string, owner int, ok bool) {
	for _, prefix := range []string{"iso", "vztmpl", "backup", "snippets", "import"} {
		if strings.HasPrefix(name, prefix+"/") && len(name) > len(prefix)+1 {
			return prefix, 0, true
		}
	}
	if match := ownedVolume.FindStringSubmatch(name); match != nil {
		owner, _ = strconv.Atoi(match[1])
		return "images", owner, true
	}
	return "", 0, false
}
