package pvesim_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/luthermonson/go-proxmox"
)

// walk is go-proxmox against the simulator, as its users use it.
type walk struct {
	t      *testing.T
	ctx    context.Context
	client *proxmox.Client
	node   *proxmox.Node
}

func startWalk(t *testing.T) *walk {
	t.Helper()
	c := start(t)
	client := proxmox.NewClient(c.sim.URL+"/api2/json", proxmox.WithAPIToken("root@pam!lab", "aaaa"))
	node, err := client.Node(t.Context(), "pve1")
	if err != nil {
		t.Fatalf("find the node: %v", err)
	}
	return &walk{t: t, ctx: t.Context(), client: client, node: node}
}

// done waits for a task and wants it to have worked.
func (w *walk) done(task *proxmox.Task, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := task.Wait(w.ctx, 5*time.Millisecond, 20*time.Second); err != nil {
		w.t.Fatal(err)
	}
	if !task.IsSuccessful {
		w.t.Fatalf("%s ended with %s", task.Type, task.ExitStatus)
	}
}

// must is for what only has an error.
func (w *walk) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *walk) create(vmid int, options ...proxmox.ContainerOption) *proxmox.Container {
	w.t.Helper()
	options = append([]proxmox.ContainerOption{
		{Name: "ostemplate", Value: "local:vztmpl/alpine.tar.gz"}, {Name: "rootfs", Value: "thin:1"}, {Name: "hostname", Value: "web"},
		{Name: "net0", Value: "name=eth0,bridge=vmbr0,ip=192.168.99.30/24"}, {Name: "onboot", Value: true},
	}, options...)
	w.done(w.node.NewContainer(w.ctx, vmid, options...))
	container, err := w.node.Container(w.ctx, vmid)
	w.must(err)
	return container
}

func TestGoProxmoxWalksThroughALife(t *testing.T) {
	w := startWalk(t)
	version, err := w.client.Version(w.ctx)
	w.must(err)
	if version.Release != "9.2" {
		t.Errorf("release is %s", version.Release)
	}
	container := w.create(100)
	if container.ContainerConfig.Hostname != "web" || container.ContainerConfig.Nets["net0"] == "" {
		t.Errorf("config is %+v", container.ContainerConfig)
	}
	w.done(container.Start(w.ctx))
	w.must(container.Ping(w.ctx))
	if container.Status != "running" {
		t.Errorf("status is %s", container.Status)
	}
	interfaces, err := container.Interfaces(w.ctx)
	w.must(err)
	if len(interfaces) != 2 {
		t.Errorf("%d interfaces", len(interfaces))
	}
	if _, err := container.Config(w.ctx, proxmox.ContainerOption{Name: "memory", Value: 640}); err != nil {
		t.Error(err)
	}
	w.done(container.Resize(w.ctx, "rootfs", "+1G"))
	w.done(container.NewSnapshot(w.ctx, "first"))
	snapshots, err := container.Snapshots(w.ctx)
	w.must(err)
	if len(snapshots) != 2 {
		t.Errorf("%d snapshots", len(snapshots))
	}
	w.done(container.Snapshot("first").Rollback(w.ctx, false))
	w.done(container.Snapshot("first").Delete(w.ctx))
	_, clone, err := container.Clone(w.ctx, &proxmox.ContainerCloneOptions{NewID: 101, Full: true})
	w.done(clone, err)
	w.done(container.Start(w.ctx))
	w.done(container.Reboot(w.ctx))
	w.done(container.Shutdown(w.ctx, false, 30))
	w.done(container.Delete(w.ctx, nil))
}

func TestGoProxmoxReadsListsAndTasks(t *testing.T) {
	w := startWalk(t)
	w.create(100)
	cluster, err := w.client.Cluster(w.ctx)
	w.must(err)
	next, err := cluster.NextID(w.ctx)
	w.must(err)
	if next != 101 {
		t.Errorf("next id is %d", next)
	}
	if free, err := cluster.CheckID(w.ctx, 100); err != nil || free {
		t.Errorf("100 is free: %v %v", free, err)
	}
	resources, err := cluster.Resources(w.ctx, "vm")
	w.must(err)
	nodes, err := w.client.Nodes(w.ctx)
	w.must(err)
	containers, err := w.node.Containers(w.ctx)
	w.must(err)
	storages, err := w.node.Storages(w.ctx)
	w.must(err)
	tasks, err := w.node.Tasks(w.ctx, &proxmox.NodeTasksOptions{VMID: 100, TypeFilter: "vzcreate"})
	w.must(err)
	if len(resources) != 1 || len(nodes) != 2 || len(containers) != 1 || len(storages) != 2 || len(tasks) != 1 {
		t.Errorf("%d resources, %d nodes, %d containers, %d storages, %d tasks", len(resources), len(nodes), len(containers), len(storages), len(tasks))
	}
	log, err := tasks[0].Log(w.ctx, 0, 50)
	w.must(err)
	if len(log) == 0 {
		t.Error("the task's log is empty")
	}
	storage, err := w.node.Storage(w.ctx, "local")
	w.must(err)
	if content, err := storage.GetContent(w.ctx); err != nil || len(content) != 2 {
		t.Errorf("%d rows of content: %v", len(content), err)
	}
	if _, err := w.client.Permissions(w.ctx, &proxmox.PermissionsOptions{Path: "/vms"}); err != nil {
		t.Error(err)
	}
}

// These fail against a real Proxmox VE too.
func TestGoProxmoxTripsOverNumbersThatAreText(t *testing.T) {
	w := startWalk(t)
	w.done(w.node.NewContainer(w.ctx, 100,
		proxmox.ContainerOption{Name: "ostemplate", Value: "local:vztmpl/alpine.tar.gz"},
		proxmox.ContainerOption{Name: "rootfs", Value: "thin:1"}, proxmox.ContainerOption{Name: "cpulimit", Value: "0.5"}))
	if _, err := w.node.Container(w.ctx, 100); err == nil {
		t.Error("a container with cpulimit was decoded")
	}
	if _, err := w.node.Containers(w.ctx); err == nil {
		t.Error("a list with a container with cpulimit and no cores was decoded")
	}
}

func TestGoProxmoxLosesTheKindOfAnError(t *testing.T) {
	w := startWalk(t)
	container := w.create(100)
	for sentence, test := range map[string]struct {
		call func() error
		want string
	}{
		"feature is sent without its parameter": {func() error { _, err := container.Feature(w.ctx); return err }, "property is missing and it is not optional"},
		"a missing container is a bare 500":     {func() error { _, err := w.node.Container(w.ctx, 999); return err }, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist"},
		"stopping what is stopped":              {func() error { _, err := container.Stop(w.ctx); return err }, "CT 100 not running"},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := test.call()
			if err == nil || !strings.Contains(err.Error(), test.want) || proxmox.IsNotFound(err) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
