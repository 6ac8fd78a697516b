package goproxmox

import (
	"testing"
	"time"

	"github.com/luthermonson/go-proxmox"
)

func TestTheClusterIsLookedAt(t *testing.T) {
	w := newWalk(t)
	version, err := w.client.Version(w.ctx)
	w.must(err)
	w.is("it is 9.2", version.Release == "9.2")
	cluster, err := w.client.Cluster(w.ctx)
	w.must(err)
	w.create(100, option("pool", "stack"))
	next, err := cluster.NextID(w.ctx)
	w.must(err)
	w.is("101 is next", next == 101)
	taken, err := cluster.CheckID(w.ctx, 100)
	w.must(err)
	free, err := cluster.CheckID(w.ctx, 102)
	w.must(err)
	w.is("100 is taken, 102 is free", !taken && free)

	var rows proxmox.ClusterResources
	for { // the list lags
		rows, err = cluster.Resources(w.ctx, "vm")
		w.must(err)
		if len(rows) == 1 && rows[0].Name != "" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.is("the list has it, with its pool", rows[0].VMID == 100 && rows[0].Name == "web" && rows[0].Pool == "stack" && rows[0].Status == "stopped")
	all, err := cluster.Resources(w.ctx)
	w.must(err)
	w.is("all resources are more", len(all) > 4)
	tasks, err := cluster.Tasks(w.ctx)
	w.must(err)
	w.is("a token without Sys.Audit would see none; this one sees its tasks", len(tasks) > 0)
}

func TestNodesAndStoragesAreLookedAt(t *testing.T) {
	w := newWalk(t)
	nodes, err := w.client.Nodes(w.ctx)
	w.must(err)
	w.is("two nodes are online", len(nodes) == 2 && nodes[0].Status == "online" && nodes[1].Status == "online")
	w.must(w.node.Status(w.ctx))
	w.is("the node has memory", w.node.Memory.Total > 0)
	storages, err := w.node.Storages(w.ctx)
	w.must(err)
	w.is("three storages", len(storages) == 3)
	templates, err := w.node.StorageVZTmpl(w.ctx)
	w.must(err)
	content, err := templates.GetContent(w.ctx)
	w.must(err)
	w.is("two templates are on local", templates.Name == "local" && len(content) == 2)
	storage, err := w.node.Storage(w.ctx, "thin")
	w.must(err)
	w.is("thin is active and has room", storage.Active == 1 && storage.Avail > 0)
	w.create(100)
	w.create(101)
	w.must(w.client.Put(w.ctx, "/nodes/pve1/lxc/101/config", map[string]any{"mp0": "thin:1,mp=/data"}, nil))
	w.must(w.client.Put(w.ctx, "/nodes/pve1/lxc/101/config", map[string]any{"delete": "mp0"}, nil))
	w.done(storage.DeleteContent(w.ctx, "thin:vm-101-disk-1"))
	networks, err := w.node.Networks(w.ctx)
	w.must(err)
	w.is("there is a bridge", len(networks) == 1 && networks[0].Iface == "vmbr0")
	pools, err := w.client.Pools(w.ctx)
	w.must(err)
	pool, err := w.client.Pool(w.ctx, "stack")
	w.must(err)
	w.is("there is a pool with a member", len(pools) == 1 && len(pool.Members) == 1)
}

func TestTasksAreWatched(t *testing.T) {
	w := newWalk(t)
	task, err := w.node.NewContainer(w.ctx, 100, option("ostemplate", "local:vztmpl/alpine.tar.gz"), option("rootfs", "thin:1"))
	w.must(err)
	w.done(task, nil)
	w.is("a task knows its node, type, container and user", task.Node == "pve1" && task.Type == "vzcreate" && task.ID == "100" && task.User == "root@pam")
	log, err := task.Log(w.ctx, 0, 50)
	w.must(err)
	w.is("its log ends well", log[len(log)-1] == "TASK OK")
	tasks, err := w.node.Tasks(w.ctx, &proxmox.NodeTasksOptions{VMID: 100, TypeFilter: "vzcreate", Source: "all"})
	w.must(err)
	w.is("it is listed", len(tasks) == 1 && tasks[0].UPID == task.UPID)

	c, err := w.node.Container(w.ctx, 100)
	w.must(err)
	w.done(c.Start(w.ctx))
	w.must(w.sim.SetDeaf(100, true))
	shutdown, err := c.Shutdown(w.ctx, false, 600)
	w.must(err)
	w.must(shutdown.Stop(w.ctx))
	w.must(shutdown.Wait(w.ctx, 5*time.Millisecond, 10*time.Second))
	w.is("a task that is stopped has failed", shutdown.IsFailed && !shutdown.IsSuccessful)
}

func TestOneLogsInWithAPassword(t *testing.T) {
	w := newWalk(t, proxmox.WithCredentials(&proxmox.Credentials{Username: "root@pam", Password: "secret"}))
	c := w.create(100)
	w.done(c.Start(w.ctx))
	permissions, err := w.client.Permissions(w.ctx, &proxmox.PermissionsOptions{Path: "/vms/100"})
	w.must(err)
	w.is("root may do all", len(permissions["/vms/100"]) > 10)
	roles, err := w.client.Roles(w.ctx)
	w.must(err)
	acl, err := w.client.ACL(w.ctx)
	w.must(err)
	w.is("there are roles, and an ACL", len(roles) > 5 && len(acl) > 0)
	wrong := proxmox.NewClient(w.sim.URL+"/api2/json", proxmox.WithCredentials(&proxmox.Credentials{Username: "root@pam", Password: "wrong"}))
	_, err = wrong.Version(w.ctx)
	w.is("a wrong password is not let in", proxmox.IsNotAuthorized(err))
}
