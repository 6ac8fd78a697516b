package pvesim

import (
	"strconv"
	"strings"
)

const gib = 1 << 30

// cpuCount is what lists call cpus: cores, else cpulimit, which stays text, else the node's (PVE/LXC.pm, vmstatus).
func (s *Simulator) cpuCount(g *guest) any {
	if cores, ok := wholeNumber(g.value("cores")); ok && cores != 0 {
		return cores
	}
	if limit := g.value("cpulimit"); truthy(limit) && limit != " " {
		return limit
	}
	return s.nodes[g.node].CPUs
}

func (g *guest) memory() int64 {
	if g.value("memory") == "" {
		return 512 << 20
	}
	return mebibytes(g.value("memory"))
}

func (g *guest) swap() int64 { return mebibytes(g.value("swap")) }

func mebibytes(text string) int64 {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return number << 20
}

// rootSize is the size= of the root disk, or 4 GiB.
func (s *Simulator) rootSize(g *guest) int64 {
	for part := range strings.SplitSeq(g.value("rootfs"), ",") {
		if text, found := strings.CutPrefix(part, "size="); found {
			if size, ok := parseSize(text); ok {
				return size
			}
		}
	}
	return 4 * gib
}

// uptime is in simulated seconds.
func (s *Simulator) uptime(g *guest) int64 { return int64((s.elapsed() - g.run.started).Seconds()) }

// statusRow is a container in GET lxc, and the larger part of status/current.
func (s *Simulator) statusRow(g *guest) map[string]any {
	row := map[string]any{
		"vmid": g.vmid, "type": "lxc", "name": g.hostname(), "status": "stopped", "cpus": s.cpuCount(g), "cpu": 0,
		"maxmem": g.memory(), "mem": 0, "maxswap": g.swap(), "swap": 0, "maxdisk": s.rootSize(g), "disk": 0,
		"diskread": 0, "diskwrite": 0, "netin": 0, "netout": 0, "uptime": 0,
	}
	for _, key := range []string{"lock", "tags"} {
		if value, set := g.conf.values[key]; set {
			row[key] = value
		}
	}
	if truthy(g.value("template")) {
		row["template"] = 1
	}
	if !g.running() {
		return row
	}
	uptime := s.uptime(g)
	row["status"], row["pid"], row["uptime"] = "running", g.run.pid, uptime
	row["cpu"], row["mem"], row["disk"] = 0.004, g.memory()/8, s.rootSize(g)/20
	row["netin"], row["netout"] = 1500+uptime*200, 1200+uptime*150
	row["diskread"], row["diskwrite"] = 5<<20, uptime*100
	for _, resource := range []string{"cpu", "io", "memory"} {
		row["pressure"+resource+"some"], row["pressure"+resource+"full"] = "0.00", "0.00"
	}
	return row
}

// listContainers leaves out what the caller may not see.
func listContainers(c *call) (any, error) {
	rows := []map[string]any{}
	for _, g := range c.sortedGuests(c.node) {
		if c.may(vmPath(g.vmid), "VM.Audit") {
			rows = append(rows, c.statusRow(g))
		}
	}
	return rows, nil
}

func containerStatus(c *call) (any, error) {
	g, err := c.container()
	if err != nil {
		return nil, err
	}
	row := c.statusRow(g)
	row["ha"] = map[string]any{"managed": 0}
	return row, nil
}

// subdirectories makes the handler of an index; those below a container need the container.
func subdirectories(key string, needsContainer bool, names ...string) handler {
	return func(c *call) (any, error) {
		if needsContainer {
			if _, err := c.container(); err != nil {
				return nil, err
			}
		}
		rows := make([]map[string]any, len(names))
		for i, name := range names {
			rows[i] = map[string]any{key: name}
		}
		return rows, nil
	}
}
