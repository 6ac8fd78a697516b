package pvesim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// broadcastEvery is how often a node's pvestatd tells the cluster what its guests do.
const broadcastEvery = 10 * time.Second

// published is what the last broadcast said of a container.
type published struct {
	name     string
	running  bool
	started  time.Duration
	maxcpu   string // JSON
	maxmem   int64
	maxdisk  int64
	template bool
}

// resourceCache keeps the rows of cluster/resources, which thousands of containers make long, until something in them can
// have changed.
type resourceCache struct {
	broadcast time.Duration // simulated time of the last one
	byVMID    map[int]cachedRow
}

type cachedRow struct {
	json      []byte
	text      string // of the configuration: lock and tags are live
	node      string
	published *published
	pool      string
	online    bool
	broadcast time.Duration
}

// tick broadcasts if one was due since the lock was last held. As every change happens under the lock, what stands here
// now is what stood here when the broadcast was due. It costs nothing at rest.
func (s *Simulator) tick() {
	if now := int64(s.elapsed() / broadcastEvery); now > s.lastTick {
		s.lastTick = now
		s.publish()
	}
}

func (s *Simulator) publish() {
	s.rows.broadcast = time.Duration(s.lastTick) * broadcastEvery
	for vmid, g := range s.dirty {
		if !s.nodes[g.node].online {
			continue // its broadcast comes when the node does
		}
		if g.value("lock") == "create" && s.beingMade(g) {
			// A real node may tell of the stub, if the broadcast falls into the second that a create takes. Nobody can count
			// on it, and tests would pass and fail by chance.
			continue
		}
		delete(s.dirty, vmid)
		if g.gone {
			continue
		}
		maxcpu, err := json.Marshal(s.cpuCount(g))
		if err != nil {
			continue
		}
		if limit := s.cpuCount(g); string(maxcpu[:1]) == `"` {
			maxcpu = []byte(limit.(string))
		}
		g.published = &published{
			name: g.hostname(), running: g.running(), maxcpu: string(maxcpu), maxmem: g.memory(), maxdisk: s.rootSize(g),
			template: truthy(g.value("template")),
		}
		if g.running() {
			g.published.started = g.run.started
		}
	}
}

// beingMade reports whether a worker is still busy making a container; a stub without one was left behind.
func (s *Simulator) beingMade(g *guest) bool {
	return slices.ContainsFunc(s.tasks.active, func(t *task) bool {
		return t.kind == "vzcreate" && t.vmid == g.vmid || t.kind == "vzclone"
	})
}

// clusterResources lists guests, nodes, storages and the network zone. Which guests there are, their lock and their tags
// are read live; the rest is as old as the last broadcast, and a new container is "unknown" until then
// (PVE/API2/Cluster.pm, PVE/API2Tools.pm).
func clusterResources(c *call) (any, error) {
	wanted := c.text("type")
	list := jsonList{text: make([]byte, 1, 400*len(c.guests)+1<<10)}
	list.text[0] = '['
	if wanted == "" || wanted == "vm" {
		c.addGuests(&list)
	}
	for kind, rows := range map[string]func() []map[string]any{"node": c.nodeRows, "storage": c.storageRows, "sdn": c.zoneRows} {
		if wanted != "" && wanted != kind {
			continue
		}
		for _, row := range rows() {
			data, err := json.Marshal(row)
			if err != nil {
				return nil, fmt.Errorf("cluster resources: %w", err)
			}
			list.add(data)
		}
	}
	return &reply{raw: append(list.text, ']')}, nil
}

// jsonList puts ready rows together.
type jsonList struct {
	text []byte
}

func (l *jsonList) add(row []byte) {
	if len(l.text) > 1 {
		l.text = append(l.text, ',')
	}
	l.text = append(l.text, row...)
}

func (c *call) addGuests(list *jsonList) {
	if c.rows.byVMID == nil {
		c.rows.byVMID = make(map[int]cachedRow)
	}
	for vmid, g := range c.guests {
		if c.may(vmPath(vmid), "VM.Audit") {
			list.add(c.guestRow(g))
		}
	}
}

func (s *Simulator) guestRow(g *guest) []byte {
	cached, online := s.rows.byVMID[g.vmid], s.nodes[g.node].online
	pool := s.access.poolBy[strconv.Itoa(g.vmid)]
	fresh := cached.pool == pool && cached.published == g.published && cached.text == g.text && cached.node == g.node && cached.online == online &&
		(g.published == nil || !g.published.running || cached.broadcast == s.rows.broadcast)
	if cached.json == nil || !fresh {
		cached = cachedRow{
			json: s.renderRow(g, pool), text: g.text, node: g.node, published: g.published, pool: pool, online: online, broadcast: s.rows.broadcast,
		}
		s.rows.byVMID[g.vmid] = cached
	}
	return cached.json
}

func (s *Simulator) renderRow(g *guest, pool string) []byte {
	kind := "lxc"
	if g.qemu {
		kind = "qemu"
	}
	row := rowBuffer(make([]byte, 0, 400))
	id := strconv.Itoa(g.vmid)
	row.text("id", kind+"/"+id)
	row.number("vmid", int64(g.vmid))
	row.text("type", kind)
	row.text("node", g.node)
	for _, key := range []string{"lock", "tags"} {
		if value, set := g.conf.values[key]; set {
			row.text(key, value)
		}
	}
	if pool != "" {
		row.text("pool", pool)
	}
	told := g.published
	if told == nil || !s.nodes[g.node].online {
		row.text("status", "unknown")
		return row.close()
	}
	row.text("name", told.name)
	row.raw("maxcpu", told.maxcpu)
	row.number("maxmem", told.maxmem)
	row.number("maxdisk", told.maxdisk)
	row.raw("template", map[bool]string{true: "1", false: "0"}[told.template])
	if !told.running {
		row.text("status", "stopped")
		row.raws("0", "cpu", "mem", "memhost", "disk", "diskread", "diskwrite", "netin", "netout", "uptime")
		return row.close()
	}
	uptime := max(0, int64((s.rows.broadcast - told.started).Seconds()))
	row.text("status", "running")
	row.raw("cpu", "0.004")
	row.number("mem", told.maxmem/8)
	row.number("memhost", told.maxmem/8)
	row.number("disk", told.maxdisk/20)
	row.number("diskread", 5<<20)
	row.number("diskwrite", uptime*100)
	row.number("netin", 1500+uptime*200)
	row.number("netout", 1200+uptime*150)
	row.number("uptime", uptime)
	return row.close()
}

// rowBuffer writes one JSON object without reflection.
type rowBuffer []byte

func (b *rowBuffer) key(name string) {
	separator := byte(',')
	if len(*b) == 0 {
		separator = '{'
	}
	*b = append(*b, separator, '"')
	*b = append(*b, name...)
	*b = append(*b, '"', ':')
}

func (b *rowBuffer) raw(name, value string) {
	b.key(name)
	*b = append(*b, value...)
}

func (b *rowBuffer) raws(value string, names ...string) {
	for _, name := range names {
		b.raw(name, value)
	}
}

func (b *rowBuffer) number(name string, value int64) {
	b.key(name)
	*b = strconv.AppendInt(*b, value, 10)
}

func (b *rowBuffer) text(name, value string) {
	quoted, err := json.Marshal(value)
	if err != nil {
		quoted = []byte(`""`) // cannot happen: every string can be marshalled
	}
	b.raw(name, string(quoted))
}

func (b *rowBuffer) close() []byte { return append(*b, '}') }

func (c *call) zoneRows() []map[string]any {
	var rows []map[string]any
	for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
		if c.may("/sdn/zones/localnetwork", "SDN.Audit") {
			rows = append(rows, map[string]any{
				"id": "sdn/" + name + "/localnetwork", "sdn": "localnetwork", "node": name, "status": "ok", "type": "sdn",
			})
		}
	}
	return rows
}
