package pvesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// World is what a world file says: the Proxmox installation that the simulator stands for. Unknown fields are errors.
type World struct {
	// Endpoint is where the world is usually served; the simulator ignores it.
	Endpoint string `json:"endpoint,omitempty"`
	// Version is what GET /version answers; default that of the release that is simulated.
	Version Version `json:"version"`
	// Node is the short form for an installation of one node; Nodes the long one. Give one of them.
	Node  *Node  `json:"node,omitempty"`
	Nodes []Node `json:"nodes,omitempty"`

	Storages  map[string]Storage `json:"storages"`
	Templates []Template         `json:"templates,omitempty"`
	Bridges   map[string]Bridge  `json:"bridges,omitempty"`
	// MACPrefix starts generated MAC addresses; default BC:24:11.
	MACPrefix string `json:"mac_prefix,omitempty"`

	Users map[string]User `json:"users"`
	// Tokens by a name of the file's own; the API knows them by their ID.
	Tokens map[string]Token `json:"tokens,omitempty"`
	// Roles are custom roles: name, then privileges. The built-in ones are there anyway.
	Roles map[string][]string `json:"roles,omitempty"`
	// Pools: name, then members (VMIDs and storage names as text).
	Pools map[string][]string `json:"pools,omitempty"`

	Containers []Guest `json:"containers,omitempty"`

	// Durations are seconds that tasks take, by task type (vzcreate, vzstart, ...); simulated seconds.
	Durations map[string]float64 `json:"durations,omitempty"`
	// Loopback maps networks of containers to loopback networks of the same size: {"192.168.99.0/24": "127.0.99.0/24"}
	// makes the container with 192.168.99.10 answer at 127.0.99.10. Without an entry a container answers nowhere.
	Loopback map[string]string `json:"loopback,omitempty"`
	Services []Service         `json:"services,omitempty"`
}

// Version is the answer of GET /version.
type Version struct {
	Release string `json:"release"`
	Version string `json:"version"`
}

// Node is one machine of the installation.
type Node struct {
	Name string `json:"name"`
	CPUs int    `json:"cpus,omitempty"`
	// MemoryMiB is the machine's memory; default 32 GiB.
	MemoryMiB int `json:"memory,omitempty"`
	// Status is online (default) or offline.
	Status string `json:"status,omitempty"`
}

// Storage is one entry of storage.cfg.
type Storage struct {
	// Type decides how volumes are named: dir, btrfs, zfspool, lvmthin, lvm, nfs, rbd.
	Type    string   `json:"type"`
	Path    string   `json:"path,omitempty"`
	Content []string `json:"content"`
	// Snapshots says whether the storage can take snapshots of containers.
	Snapshots bool `json:"snapshots,omitempty"`
	Shared    bool `json:"shared,omitempty"`
	// SizeGiB is its capacity; default 1000.
	SizeGiB int `json:"size,omitempty"`
	// Nodes that have it; default all.
	Nodes    []string `json:"nodes,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Template is a container template on a storage.
type Template struct {
	VolID  string `json:"volid"`
	OSType string `json:"ostype"`
	Arch   string `json:"arch,omitempty"`
	// Systemd templates end their tasks with a warning when nesting is off.
	Systemd bool `json:"systemd,omitempty"`
}

// Bridge is a network bridge that all nodes have.
type Bridge struct {
	CIDR string `json:"cidr,omitempty"`
	MTU  int    `json:"mtu,omitempty"`
}

// ACL says which role holds on which path. Roles propagate to the paths below.
type ACL map[string]string

// User is an account; one with a password can log in for a ticket.
type User struct {
	ACL      ACL    `json:"acl,omitempty"`
	Password string `json:"password,omitempty"`
}

// Token is an API token. With privilege separation (privsep 1) it has the intersection of its own and its user's
// privileges, without it (0) those of its user.
type Token struct {
	ID      string `json:"id"`
	Secret  string `json:"secret"`
	Privsep int    `json:"privsep"`
	ACL     ACL    `json:"acl,omitempty"`
}

// Guest is a container that is there from the start.
type Guest struct {
	VMID int    `json:"vmid"`
	Node string `json:"node,omitempty"`
	// Type is lxc (default) or qemu; of a qemu guest only its VMID counts.
	Type string `json:"type,omitempty"`
	// Config holds configuration keys as Proxmox stores them. Volumes of rootfs and mpN with size= are made.
	Config  map[string]string `json:"config,omitempty"`
	Running bool              `json:"running,omitempty"`
}

// ParseWorld reads a world file's content. Errors name the field.
func ParseWorld(data []byte) (*World, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	world := new(World)
	if err := decoder.Decode(world); err != nil {
		return nil, fmt.Errorf("world file%s: %s", lineOf(data, err), strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("world file: there is something behind the closing brace")
	}
	world.fillDefaults()
	if err := world.check(); err != nil {
		return nil, fmt.Errorf("world file: %w", err)
	}
	return world, nil
}

// lineOf says on which line of a file JSON went wrong, if the error knows.
func lineOf(data []byte, err error) string {
	var offset int64
	var wrongType *json.UnmarshalTypeError
	var wrongSyntax *json.SyntaxError
	switch {
	case errors.As(err, &wrongType):
		offset = wrongType.Offset
	case errors.As(err, &wrongSyntax):
		offset = wrongSyntax.Offset
	default:
		return ""
	}
	return fmt.Sprintf(", line %d", 1+bytes.Count(data[:min(int(offset), len(data))], []byte("\n")))
}

// ReadWorld reads a world file.
func ReadWorld(path string) (*World, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read world: %w", err)
	}
	world, err := ParseWorld(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return world, nil
}

func (w *World) fillDefaults() {
	if w.Node != nil && len(w.Nodes) == 0 {
		w.Nodes = []Node{*w.Node}
		w.Node = nil
	}
	for i := range w.Nodes {
		node := &w.Nodes[i]
		if node.CPUs == 0 {
			node.CPUs = 4
		}
		if node.MemoryMiB == 0 {
			node.MemoryMiB = 32 << 10
		}
		if node.Status == "" {
			node.Status = "online"
		}
	}
	if w.MACPrefix == "" {
		w.MACPrefix = "BC:24:11"
	}
	for i := range w.Services {
		w.Services[i].fillDefaults()
	}
}
