package goproxmox

import (
	"context"
	"testing"
	"time"

	"github.com/luthermonson/go-proxmox"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

const worldText = `{
  "nodes": [{"name": "pve1", "cpus": 4}, {"name": "pve2", "cpus": 4}],
  "storages": {
    "local": {"type": "dir", "content": ["vztmpl", "rootdir"], "shared": false},
    "thin": {"type": "rbd", "content": ["rootdir", "images"], "snapshots": true, "shared": true},
    "other": {"type": "rbd", "content": ["rootdir"], "snapshots": true, "shared": true}
  },
  "templates": [
    {"volid": "local:vztmpl/alpine.tar.gz", "ostype": "alpine"},
    {"volid": "local:vztmpl/debian.tar.gz", "ostype": "debian", "systemd": true}
  ],
  "bridges": {"vmbr0": {"cidr": "192.168.99.1/24"}},
  "pools": {"stack": ["local"]},
  "users": {"root@pam": {"acl": {"/": "Administrator"}, "password": "secret"}},
  "tokens": {
    "root": {"id": "root@pam!lab", "secret": "aaaa", "privsep": 0},
    "none": {"id": "root@pam!none", "secret": "bbbb", "privsep": 1}
  }
}`

// walk is a user of the library on the way through its calls.
type walk struct {
	*testing.T
	ctx    context.Context
	sim    *pvesimtest.Server
	client *proxmox.Client
	node   *proxmox.Node
}

func newWalk(t *testing.T, options ...proxmox.Option) *walk {
	t.Helper()
	sim := pvesimtest.Start(t, pvesimtest.World(t, worldText), pvesim.Options{TimeScale: 100})
	if len(options) == 0 {
		options = []proxmox.Option{proxmox.WithAPIToken("root@pam!lab", "aaaa")}
	}
	client := proxmox.NewClient(sim.URL+"/api2/json", options...)
	node, err := client.Node(t.Context(), "pve1")
	if err != nil {
		t.Fatalf("find the node: %v", err)
	}
	return &walk{T: t, ctx: t.Context(), sim: sim, client: client, node: node}
}

// done waits for a task, and wants it to end well.
func (w *walk) done(task *proxmox.Task, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	if err := task.Wait(w.ctx, 5*time.Millisecond, 30*time.Second); err != nil {
		w.Fatal(err)
	}
	if !task.IsSuccessful {
		w.Fatalf("%s ended with %s", task.Type, task.ExitStatus)
	}
}

func (w *walk) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// is fails if a sentence about the answer is not true.
func (w *walk) is(sentence string, holds bool) {
	w.Helper()
	if !holds {
		w.Errorf("not so: %s", sentence)
	}
}

func option(name string, value any) proxmox.ContainerOption {
	return proxmox.ContainerOption{Name: name, Value: value}
}

// create makes a small container; options come on top.
func (w *walk) create(vmid int, options ...proxmox.ContainerOption) *proxmox.Container {
	w.Helper()
	w.done(w.node.NewContainer(w.ctx, vmid, append([]proxmox.ContainerOption{
		option("ostemplate", "local:vztmpl/alpine.tar.gz"), option("rootfs", "thin:1"), option("hostname", "web"),
		option("net0", "name=eth0,bridge=vmbr0,ip=192.168.99.30/24,gw=192.168.99.1"), option("onboot", true),
	}, options...)...))
	container, err := w.node.Container(w.ctx, vmid)
	w.must(err)
	return container
}

func (w *walk) again(container *proxmox.Container) *proxmox.Container {
	w.Helper()
	w.must(container.Ping(w.ctx))
	now, err := w.node.Container(w.ctx, int(container.VMID))
	w.must(err)
	return now
}
