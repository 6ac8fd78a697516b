package goproxmox

import (
	"strings"
	"testing"
	"time"

	"github.com/luthermonson/go-proxmox"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// What follows goes wrong against a real Proxmox VE 9.2 as well. If one of these passes some day, either the library has
// been mended or the simulator has become too kind: look which.

func TestTextWhereALibraryWantsNumbers(t *testing.T) {
	w := newWalk(t)
	w.create(101)
	for sentence, test := range map[string]struct {
		vmid    int
		options []proxmox.ContainerOption
		list    bool // whether the list of all can still be read
	}{
		"cpulimit with cores":   {102, []proxmox.ContainerOption{option("cpulimit", "2"), option("cores", 2)}, true},
		"cpulimit and no cores": {103, []proxmox.ContainerOption{option("cpulimit", "0.5")}, false},
	} {
		t.Run(sentence, func(t *testing.T) {
			options := append(test.options, option("ostemplate", "local:vztmpl/alpine.tar.gz"), option("rootfs", "thin:1"))
			w.done(w.node.NewContainer(w.ctx, test.vmid, options...))
			defer func() { w.must(w.sim.Delete(test.vmid)) }()
			_, err := w.node.Container(w.ctx, test.vmid)
			if err == nil || !strings.Contains(err.Error(), "cannot unmarshal string into Go struct field") {
				t.Errorf("one container: %v", err)
			}
			containers, err := w.node.Containers(w.ctx)
			switch {
			case test.list && (err != nil || len(containers) != 2):
				t.Errorf("the list of all: %d, %v", len(containers), err)
			case !test.list && (err == nil || !strings.Contains(err.Error(), "cannot unmarshal string")):
				t.Errorf("the list of all: %d, %v", len(containers), err)
			}
		})
	}
}

func TestAFractionWhereALibraryWantsAWholeNumber(t *testing.T) {
	w := newWalk(t)
	w.must(w.sim.AddGuest(pvesim.Guest{VMID: 100, Config: map[string]string{"hostname": "half", "cpulimit": "0.5"}}))
	cluster := new(proxmox.Cluster).New(w.client)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, err := cluster.Resources(w.ctx, "vm") // good until the broadcast says how many processors there are
		if err != nil {
			w.is("it is the number of processors", strings.Contains(err.Error(), "0.5"))
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the list can be read")
		}
	}
}

func TestCallsThatCannotWork(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	for sentence, test := range map[string]struct {
		call func() error
		want string
	}{
		"feature lacks its parameter": {func() error { _, err := c.Feature(w.ctx); return err },
			`bad request: 400 Parameter verification failed. - {"feature":"property is missing and it is not optional"}`},
		"1 is no bool": {func() error { _, err := c.MigratePreconditions(w.ctx, "pve2"); return err },
			"cannot unmarshal number into Go struct field ContainerMigratePreconditions.running of type bool"},
		"move_volume wants volume, not disk": {func() error {
			_, err := c.MoveVolume(w.ctx, &proxmox.VirtualMachineMoveDiskOptions{Disk: "rootfs", Storage: "other"})
			return err
		}, `"volume":"property is missing and it is not optional"`},
		"a container that is not there is a plain 500": {func() error { _, err := w.node.Container(w.ctx, 999); return err },
			"500 Configuration file 'nodes/pve1/lxc/999.conf' does not exist"},
		"stopping what is stopped": {func() error { _, err := c.Stop(w.ctx); return err }, "500 CT 100 not running"},
		"a node that is not there": {func() error { _, err := w.client.Node(w.ctx, "pve9"); return err }, "500 hostname lookup 'pve9' failed"},
		"a path that is not there": {func() error { return w.client.Get(w.ctx, "/nix", nil) }, "501 Method 'GET /nix' not implemented"},
	} {
		err := test.call()
		if err == nil || !strings.Contains(err.Error(), test.want) || proxmox.IsNotFound(err) {
			t.Errorf("%s: %v, want %q in it", sentence, err, test.want)
		}
	}
}

// The feature call would fail with its parameter, too: 1 is no bool.
func TestHasFeatureIsANumber(t *testing.T) {
	w := newWalk(t)
	w.create(100)
	var answer struct{ HasFeature bool }
	err := w.client.Get(w.ctx, "/nodes/pve1/lxc/100/feature?feature=snapshot", &answer)
	w.is("it cannot be read as a bool", err != nil && strings.Contains(err.Error(), "cannot unmarshal number"))
}

func TestWarningsCountAsFailure(t *testing.T) {
	w := newWalk(t)
	task, err := w.node.NewContainer(w.ctx, 100, option("ostemplate", "local:vztmpl/debian.tar.gz"), option("rootfs", "thin:1"))
	w.must(err)
	w.must(task.Wait(w.ctx, 5*time.Millisecond, 10*time.Second))
	w.is("it ended with a warning, which the library takes for a failure", task.ExitStatus == "WARNINGS: 1" && task.IsFailed)
}

func TestWaitingForAFailedTaskIsNoError(t *testing.T) {
	w := newWalk(t)
	task, err := w.node.NewContainer(w.ctx, 100, option("ostemplate", "local:vztmpl/none.tar.gz"), option("rootfs", "thin:1"))
	w.must(err)
	w.must(task.Wait(w.ctx, 5*time.Millisecond, 10*time.Second))
	w.is("it failed", task.IsFailed && strings.HasPrefix(string(task.ExitStatus), "unable to create CT 100 - "))
}

func TestTheReasonOfARefusalIsLost(t *testing.T) {
	w := newWalk(t)
	w.create(100)
	for sentence, client := range map[string]*proxmox.Client{
		"no rights":    proxmox.NewClient(w.sim.URL+"/api2/json", proxmox.WithAPIToken("root@pam!none", "bbbb")),
		"wrong secret": proxmox.NewClient(w.sim.URL+"/api2/json", proxmox.WithAPIToken("root@pam!lab", "cccc")),
	} {
		_, err := (&proxmox.Node{}).New(client, "pve1").Container(w.ctx, 100)
		if !proxmox.IsNotAuthorized(err) || err.Error() != "not authorized to access endpoint" {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

// 595, 596 and their like are not looked at. What expects an answer trips over the empty body; what expects none, such as
// Template, takes the failure for success.
func TestAProxyErrorIsSilentSuccess(t *testing.T) {
	w := newWalk(t)
	c := w.create(100)
	w.must(w.sim.AddFault(pvesim.Fault{Name: "proxy", Path: "/nodes/pve1/*", Status: 596}))
	w.must(c.Template(w.ctx))
	_, err := c.Start(w.ctx)
	w.is("a start trips", err != nil && err.Error() == "unexpected end of JSON input")
	w.sim.RemoveFault("proxy")
	w.is("nothing has become a template", !bool(w.again(c).ContainerConfig.Template))

	w.must(w.sim.SetNodeOnline("pve1", false))
	w.must(c.Template(w.ctx))
	w.must(w.sim.SetNodeOnline("pve1", true))
	w.is("nor with the node away", !bool(w.again(c).ContainerConfig.Template))
}
