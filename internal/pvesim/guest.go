package pvesim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// guest is one container, or a QEMU machine, of which only the VMID counts.
type guest struct {
	vmid int
	node string
	qemu bool

	// text is the configuration file, the truth; conf is it parsed. Never change conf in place: clone, change, store.
	text     string
	conf     *config
	firewall *firewall
	// deaf containers do not react to a shutdown.
	deaf bool
	// gone marks a guest that was destroyed while somebody still held it.
	gone bool

	// files are what commands inside wrote. They are on its disk, and so outlive a stop.
	files map[string]string
	// run is nil while it is stopped.
	run *run
	// published is what the last status broadcast said; nil if there was none yet.
	published *published
}

// run is one life of a container, from start to stop.
type run struct {
	pid     int
	started time.Duration // simulated time since the simulator's start
	// hostname and links are what the container was started with: files inside are only rewritten at the next start.
	hostname string
	services []*runningService
}

func (g *guest) running() bool { return g.run != nil }

func (g *guest) value(key string) string { return g.conf.values[key] }

// hostname is what lists call the container, without white space (PVE/LXC.pm, vmstatus).
func (g *guest) hostname() string {
	if name := g.value("hostname"); truthy(name) {
		return strings.Join(strings.Fields(name), "")
	}
	return "CT" + strconv.Itoa(g.vmid)
}

// container finds a container that lives on the node of the call.
func (c *call) container() (*guest, error) { return c.containerOn(c.node, c.vmid) }

func (s *Simulator) containerOn(node string, vmid int) (*guest, error) {
	found := s.guests[vmid]
	if found == nil || found.qemu || found.node != node {
		return nil, missingConfig(node, vmid)
	}
	return found, nil
}

// store writes a configuration. It is read back from its text, so that what a file cannot hold is lost here too.
func (s *Simulator) store(g *guest, conf *config) {
	text := conf.render()
	if text == g.text && g.conf != nil {
		return
	}
	g.text = text
	g.conf = parseConfig(text)
	s.dirty[g.vmid] = g
}

// sortedGuests returns the containers of a node, or of all ("").
func (s *Simulator) sortedGuests(node string) []*guest {
	var found []*guest
	for _, vmid := range slices.Sorted(maps.Keys(s.guests)) {
		if g := s.guests[vmid]; !g.qemu && (node == "" || g.node == node) {
			found = append(found, g)
		}
	}
	return found
}

// addGuest makes a container of the world file.
func (s *Simulator) addGuest(entry Guest) error {
	if entry.Node == "" {
		entry.Node = s.world.Nodes[0].Name
	}
	made := &guest{vmid: entry.VMID, node: entry.Node, qemu: entry.Type == "qemu"}
	conf := newConfig()
	for key, value := range entry.Config {
		if s.configKey(key) == nil {
			return fmt.Errorf("world file: container %d: config.%s: there is no such key", entry.VMID, key)
		}
		conf.values[key] = value
	}
	if !made.qemu {
		for key, value := range map[string]string{
			"hostname": "CT" + strconv.Itoa(entry.VMID), "memory": "512", "swap": "512", "ostype": "debian", "arch": "amd64",
			"rootfs": "",
		} {
			if _, given := conf.values[key]; !given && value != "" {
				conf.values[key] = value
			}
		}
		for key, value := range conf.values {
			if isDisk(key) {
				s.adoptVolume(made.node, made.vmid, key, value)
			}
		}
	}
	s.guests[entry.VMID] = made
	s.store(made, conf)
	if entry.Running && !made.qemu {
		s.powerOn(made)
	}
	return nil
}

// setRunning notes the change for the next broadcast.
func (s *Simulator) setRunning(g *guest, life *run) {
	g.run = life
	s.dirty[g.vmid] = g
}
