package pvesim

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

const repoID = "1a2b3c4d5e6f7a8b"

func getVersion(c *call) (any, error) {
	version := c.world.Version
	if version.Release == "" {
		version = map[string]Version{"8.4": {"8.4", "8.4.5"}, "9.2": {"9.2", "9.2.11"}}[c.release]
	}
	return map[string]any{"release": version.Release, "version": version.Version, "repoid": repoID}, nil
}

func (n *node) status() string {
	if n.online {
		return "online"
	}
	return "offline"
}

// load are the measurements of a node, which need Sys.Audit.
func (s *Simulator) load(n *node) map[string]any {
	used := int64(2 * gib)
	for _, g := range s.guests {
		if g.node == n.Name && g.running() {
			used += g.memory() / 8
		}
	}
	return map[string]any{
		"cpu": 0.02, "maxcpu": n.CPUs, "mem": used, "maxmem": int64(n.MemoryMiB) << 20,
		"disk": int64(4 * gib), "maxdisk": int64(100 * gib), "uptime": int64(s.elapsed().Seconds()) + 100000,
	}
}

// listNodes shows all nodes to everybody; measurements only with Sys.Audit.
func listNodes(c *call) (any, error) {
	rows := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		n := c.nodes[name]
		row := map[string]any{
			"id": "node/" + name, "node": name, "type": "node", "status": n.status(), "level": "", "ssl_fingerprint": c.fingerprint(name),
		}
		if n.online && c.may("/nodes/"+name, "Sys.Audit") {
			maps.Copy(row, c.load(n))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// fingerprint is a stand-in for the digest of a node's certificate. Nodes of the same name in two simulators have two.
func (s *Simulator) fingerprint(name string) string {
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, name, s.began.UnixNano()) // never fails
	sum := hash.Sum64()
	text := ""
	for i := range 32 {
		if i > 0 {
			text += ":"
		}
		text += fmt.Sprintf("%02X", byte(sum>>(i%8*8))^byte(i))
	}
	return text
}

func (c *call) nodeRows() []map[string]any {
	var rows []map[string]any
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		n := c.nodes[name]
		row := map[string]any{"id": "node/" + name, "node": name, "type": "node", "status": n.status()}
		if c.may("/nodes/"+name, "Sys.Audit") {
			row["level"] = ""
			if n.online {
				row["cgroup-mode"] = 2
				maps.Copy(row, c.load(n))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func nodeStatus(c *call) (any, error) {
	n := c.nodes[c.node]
	load := c.load(n)
	return map[string]any{
		"uptime": load["uptime"], "cpu": load["cpu"], "wait": 0, "idle": 0, "loadavg": []string{"0.05", "0.03", "0.01"},
		"memory":     map[string]any{"total": load["maxmem"], "used": load["mem"], "free": load["maxmem"].(int64) - load["mem"].(int64)},
		"swap":       map[string]any{"total": int64(8 * gib), "used": 0, "free": int64(8 * gib)},
		"rootfs":     map[string]any{"total": load["maxdisk"], "used": load["disk"], "free": int64(96 * gib), "avail": int64(96 * gib)},
		"cpuinfo":    map[string]any{"cpus": n.CPUs, "cores": n.CPUs, "sockets": 1, "model": "Simulated CPU", "mhz": "2400.000", "hvm": "1", "user_hz": 100, "flags": ""},
		"pveversion": "pve-manager/" + c.world.Version.Version + "/" + repoID,
		"kversion":   "Linux 6.17.0-pve", "ksm": map[string]any{"shared": 0},
	}, nil
}

// clusterStatus has a row for the cluster only if there is more than one node.
func clusterStatus(c *call) (any, error) {
	rows := []map[string]any{}
	quorate := 1
	if c.noQuorum {
		quorate = 0
	}
	if len(c.nodes) > 1 {
		rows = append(rows, map[string]any{
			"id": "cluster", "type": "cluster", "name": "pvesim", "version": 1, "nodes": len(c.nodes), "quorate": quorate,
		})
	}
	for i, name := range slices.Sorted(maps.Keys(c.nodes)) {
		online, local := 0, 0
		if c.nodes[name].online {
			online = 1
		}
		if name == c.contacted {
			local = 1
		}
		rows = append(rows, map[string]any{
			"id": "node/" + name, "type": "node", "name": name, "nodeid": i + 1, "online": online, "local": local,
			"ip": fmt.Sprintf("192.0.2.%d", i+1), "level": "",
		})
	}
	return rows, nil
}

// nextID answers with text although the schema says integer (observed on 9.2).
func nextID(c *call) (any, error) {
	if c.has("vmid") {
		if c.guests[c.vmid] != nil {
			return nil, badParameter("vmid", fmt.Sprintf("VM %d already exists", c.vmid))
		}
		return c.text("vmid"), nil
	}
	for vmid := 100; vmid < 1000000; vmid++ {
		if c.guests[vmid] == nil {
			return fmt.Sprint(vmid), nil
		}
	}
	return nil, die("unable to get any free VMID in range [100, 1000000]")
}
