package goproxmox

import (
	"fmt"
	"testing"

	"github.com/luthermonson/go-proxmox"
)

func TestAContainerLivesAndDies(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	w.is("it is stopped and has what was asked for", c.Status == "stopped" && c.Name == "web" &&
		c.ContainerConfig.Hostname == "web" && c.ContainerConfig.Nets["net0"] != "" && *c.ContainerConfig.Memory == 512)
	w.done(c.Start(w.ctx))
	c = w.again(c)
	w.is("it runs", c.Status == "running")
	interfaces, err := c.Interfaces(w.ctx)
	w.must(err)
	w.is("it has loopback and its address", len(interfaces) == 2 && interfaces[1].Inet == "192.168.99.30/24")
	w.done(c.Reboot(w.ctx))
	w.done(c.Shutdown(w.ctx, false, 30))
	w.done(c.Start(w.ctx))
	w.done(c.Stop(w.ctx))
	w.is("it is stopped again", w.again(c).Status == "stopped")
	w.done(c.Start(w.ctx))
	w.done(c.Delete(w.ctx, &proxmox.ContainerDeleteOptions{Force: true, Purge: true}))
	containers, err := w.node.Containers(w.ctx)
	w.must(err)
	w.is("nothing is left", len(containers) == 0 && len(w.sim.Volumes()) == 0)
}

func TestAConfigurationIsChanged(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	task, err := c.Config(w.ctx, option("memory", 640), option("description", "two\nlines"), option("mp0", "thin:1,mp=/data"))
	w.must(err)
	w.is("a change is no task", task == nil)
	c = w.again(c)
	w.is("it is what was asked for", *c.ContainerConfig.Memory == 640 && c.ContainerConfig.Description == "two\nlines\n" &&
		c.ContainerConfig.Mps["mp0"] == "thin:vm-100-disk-1,mp=/data,size=1G")
	_, err = c.AddTag(w.ctx, "Blue")
	w.must(err)
	c = w.again(c)
	w.is("a tag is stored in small letters", c.HasTag("blue") && !c.HasTag("Blue"))
	_, err = c.RemoveTag(w.ctx, "blue")
	w.must(err)
	w.done(c.Start(w.ctx))
	_, err = c.Config(w.ctx, option("cores", 2), option("tty", 1), option("delete", "mp0"))
	w.must(err)
	pending, err := c.Pending(w.ctx)
	w.must(err)
	waits := map[string]string{}
	for _, row := range pending {
		if row.Pending != nil || row.Delete != 0 {
			waits[row.Key] = fmt.Sprint(row.Pending, row.Delete)
		}
	}
	w.is("cores are live; the rest waits for a stop", len(waits) == 2 && waits["tty"] == "1 0" && waits["mp0"] == "<nil> 1")
	w.done(c.Stop(w.ctx))
	c = w.again(c)
	w.is("the stop applied it", c.ContainerConfig.Mps["mp0"] == "" && c.ContainerConfig.Unuseds["unused0"] == "thin:vm-100-disk-1")
	w.done(c.Resize(w.ctx, "rootfs", "+1G"))
	_, err = c.Config(w.ctx, option("memory", 700), option("digest", "0000000000000000000000000000000000000000"))
	w.is("an old digest is refused", err != nil && err.Error() == "500 detected modified configuration - file changed by other user? Try again.")
}

func TestSnapshotsAreTakenAndGoneBackTo(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	w.done(c.NewSnapshot(w.ctx, "first"))
	w.must(c.Snapshot("first").UpdateConfig(w.ctx, &proxmox.ContainerSnapshotUpdateOptions{Description: "why"}))
	snapshots, err := c.Snapshots(w.ctx)
	w.must(err)
	w.is("it stands beside the present", len(snapshots) == 2)
	config, err := c.Snapshot("first").Config(w.ctx)
	w.must(err)
	w.is("it holds a configuration and its description", config["hostname"] == "web" && config["description"] == "why\n")
	resources, err := c.Snapshot("first").SubResources(w.ctx)
	w.must(err)
	w.is("it has sub-resources", len(resources) == 2)
	_, err = c.Config(w.ctx, option("memory", 800))
	w.must(err)
	w.done(c.Snapshot("first").Rollback(w.ctx, false))
	w.is("the configuration went back", *w.again(c).ContainerConfig.Memory == 512)
	w.done(c.Snapshot("first").Delete(w.ctx))
}

func TestAContainerIsCopiedMovedAndMadeATemplate(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	newID, task, err := c.Clone(w.ctx, &proxmox.ContainerCloneOptions{NewID: 101, Hostname: "copy", Full: true, Storage: "other"})
	w.done(task, err)
	w.is("the copy has the VMID that was asked for", newID == 101)
	newID, task, err = c.Clone(w.ctx, &proxmox.ContainerCloneOptions{Full: true})
	w.done(task, err)
	w.is("or the next one that is free", newID == 102)
	w.done(c.Migrate(w.ctx, &proxmox.ContainerMigrateOptions{Target: "pve2"}))
	_, err = w.node.Container(w.ctx, 100)
	w.is("it left its node", err != nil)
	there, err := (&proxmox.Node{}).New(w.client, "pve2").Container(w.ctx, 100)
	w.must(err)
	w.is("and is on the other", there.Name == "web")

	copied, err := w.node.Container(w.ctx, 101)
	w.must(err)
	w.must(copied.Template(w.ctx))
	for !w.again(copied).ContainerConfig.Template {
		w.must(w.ctx.Err())
	}
}

func TestIndexesAndFirewallOfAContainer(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	entries, err := c.DirIndex(w.ctx)
	w.must(err)
	status, err := c.StatusIndex(w.ctx)
	w.must(err)
	w.is("both have entries", len(entries) > 5 && len(status) > 3)
	w.must(c.NewFirewallRule(w.ctx, &proxmox.FirewallRule{Type: "in", Action: "ACCEPT", Comment: "older"}))
	w.must(c.NewFirewallRule(w.ctx, &proxmox.FirewallRule{Type: "in", Action: "DROP", Enable: 1}))
	rules, err := c.FirewallRules(w.ctx)
	w.must(err)
	w.is("the newest rule is the first, and none is on unasked", len(rules) == 2 && rules[0].Action == "DROP" && rules[1].Enable == 0)
	w.must(rules[1].Delete(w.ctx))
	options, err := c.GetFirewallOptions(w.ctx)
	w.must(err)
	w.must(c.UpdateFirewallOptions(w.ctx, options))
}
