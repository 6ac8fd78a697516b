package pvesim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// worldText is a small installation with the documented minimal role, and one with two services.
const worldText = `{
  "nodes": [{"name": "pve1", "cpus": 2}, {"name": "pve2", "cpus": 4}],
  "storages": {
    "local": {"type": "dir", "content": ["vztmpl", "rootdir"]},
    "thin": {"type": "lvmthin", "content": ["rootdir", "images"], "snapshots": true}
  },
  "templates": [
    {"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos", "arch": "amd64", "systemd": true},
    {"volid": "local:vztmpl/alpine.tar.gz", "ostype": "alpine"}
  ],
  "bridges": {"vmbr0": {"cidr": "192.168.99.1/24"}},
  "roles": {"NixMox": ["VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network",
    "VM.Config.Options", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback"]},
  "users": {
    "root@pam": {"acl": {"/": "Administrator"}, "password": "secret"},
    "nixmox@pve": {"acl": {"/vms": "NixMox", "/storage/local": "PVEDatastoreUser", "/storage/thin": "PVEDatastoreUser",
      "/sdn/zones/localnetwork/vmbr0": "PVESDNUser"}}
  },
  "tokens": {
    "root": {"id": "root@pam!lab", "secret": "aaaa", "privsep": 0},
    "minimal": {"id": "nixmox@pve!ctl", "secret": "bbbb", "privsep": 0},
    "none": {"id": "nixmox@pve!none", "secret": "cccc", "privsep": 1}
  },
  "durations": {"vzcreate": 2, "vzstart": 2, "vzstop": 1, "vzshutdown": 1, "vzdestroy": 1},
  "loopback": {"192.168.99.0/24": "127.0.99.0/24"},
  "services": [
    {"hostname": "caddy.nixmox.lan", "ready_after": 2.0, "units": ["caddy"], "commands": {"pg_isready": 0},
     "http": [{"port": 2019, "path": "/health", "body": "fine", "scope": "localhost"}, {"port": 28080, "path": "/sick", "status": 503, "scope": "address"}],
     "tcp": [{"port": 28081, "scope": "address"}], "files": {"/etc/caddy/Caddyfile": "hello\n"}}
  ]
}`

// client speaks to the simulator as one of the world's tokens.
type client struct {
	t     *testing.T
	sim   *pvesimtest.Server
	token string
	log   *safeLog
}

// safeLog is a call log that a test may read while it is written.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *safeLog) entries(t *testing.T) []calllog.Entry {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, err := calllog.Read(strings.NewReader(l.text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func start(t *testing.T) *client { return startScaled(t, 50) }

func startScaled(t *testing.T, scale float64) *client {
	t.Helper()
	log := new(safeLog)
	server := pvesimtest.Start(t, pvesimtest.World(t, worldText), pvesim.Options{TimeScale: scale, CallLog: log})
	return &client{t: t, sim: server, token: "root@pam!lab=aaaa", log: log}
}

func (c *client) as(token string) *client {
	other := *c
	other.token = token
	return &other
}

func (c *client) minimal() *client { return c.as("nixmox@pve!ctl=bbbb") }

// answer is what came back.
type answer struct {
	Status  int
	Reason  string
	Raw     string
	Data    any
	Total   any
	Message string
	Errors  map[string]string
}

// call sends parameters as form or query, whichever belongs to the verb; they are pairs "key=value".
func (c *client) call(verb, path string, pairs ...string) answer {
	c.t.Helper()
	params := make(url.Values)
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		params.Add(key, value)
	}
	target := c.sim.URL + "/api2/json" + path
	var body io.Reader
	if verb == http.MethodPost || verb == http.MethodPut {
		body = strings.NewReader(params.Encode())
	} else if len(params) > 0 {
		target += "?" + params.Encode()
	}
	request, err := http.NewRequestWithContext(c.t.Context(), verb, target, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "PVEAPIToken="+c.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	got := answer{Status: response.StatusCode, Raw: string(text)}
	_, got.Reason, _ = strings.Cut(response.Status, " ")
	_ = json.Unmarshal(text, &got) // some answers are no JSON
	return got
}

// ok is call for what must work.
func (c *client) ok(verb, path string, pairs ...string) any {
	c.t.Helper()
	got := c.call(verb, path, pairs...)
	if got.Status != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s %s", verb, path, got.Status, got.Reason, got.Raw)
	}
	return got.Data
}

// task runs a call and waits for its task; it returns the exit status.
func (c *client) task(verb, path string, pairs ...string) string {
	c.t.Helper()
	upid, ok := c.ok(verb, path, pairs...).(string)
	if !ok {
		c.t.Fatalf("%s %s started no task", verb, path)
	}
	return c.wait(upid)
}

func (c *client) wait(upid string) string {
	c.t.Helper()
	path := "/nodes/" + strings.Split(upid, ":")[1] + "/tasks/" + upid + "/status"
	var status map[string]any
	c.until("the task ends", func() bool {
		status = c.ok("GET", path).(map[string]any)
		return status["status"] == "stopped"
	})
	return fmt.Sprint(status["exitstatus"])
}

func (c *client) mustTask(verb, path string, pairs ...string) {
	c.t.Helper()
	if status := c.task(verb, path, pairs...); status != "OK" {
		c.t.Fatalf("%s %s ended with %s", verb, path, status)
	}
}

func (c *client) until(what string, condition func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

const lxc = "/nodes/pve1/lxc"

// create makes a container of the Alpine template.
func (c *client) create(vmid string, pairs ...string) {
	c.t.Helper()
	c.mustTask("POST", lxc, append([]string{"vmid=" + vmid, "ostemplate=local:vztmpl/alpine.tar.gz", "rootfs=local:1"}, pairs...)...)
}

func (c *client) config(vmid string, pairs ...string) map[string]any {
	c.t.Helper()
	return c.ok("GET", lxc+"/"+vmid+"/config", pairs...).(map[string]any)
}

// caddy makes and starts the container that has services.
func (c *client) caddy(vmid string) {
	c.t.Helper()
	c.create(vmid, "hostname=caddy.nixmox.lan", "net0=name=eth0,bridge=vmbr0,ip=192.168.99.10/24,gw=192.168.99.1")
	c.mustTask("POST", lxc+"/"+vmid+"/status/start")
}

func readAll(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
