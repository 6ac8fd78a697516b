package pvesim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

func TestDuringCreateThereIsOnlyALock(t *testing.T) {
	c := startScaled(t, 20)
	upid := c.ok("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/alpine.tar.gz", "rootfs=local:1", "hostname=web", "tags=nixmox").(string)

	config := c.config("100")
	delete(config, "digest")
	if diff := cmp.Diff(map[string]any{"lock": "create"}, config); diff != "" {
		t.Errorf("config: %s", diff)
	}
	status := c.ok("GET", lxc+"/100/status/current").(map[string]any)
	if status["name"] != "CT100" || status["lock"] != "create" || status["status"] != "stopped" {
		t.Errorf("status: %v", status)
	}
	if got := c.call("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/alpine.tar.gz"); got.Reason != "CT 100 already exists on node 'pve1'" {
		t.Errorf("a second create: %d %s", got.Status, got.Reason)
	}
	if got := c.call("DELETE", lxc+"/100"); got.Reason != "CT is locked (create)" {
		t.Errorf("destroy meanwhile: %d %s", got.Status, got.Reason)
	}
	if exit := c.wait(upid); exit != "OK" {
		t.Errorf("create ended with %s", exit)
	}
	if config := c.config("100"); config["hostname"] != "web" || config["lock"] != nil {
		t.Errorf("config after it: %v", config)
	}
}

func TestAFailedCreateLeavesNothing(t *testing.T) {
	c := start(t)
	want := "unable to create CT 100 - volume 'local:vztmpl/none.tar.gz' does not exist"
	if got := c.task("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/none.tar.gz", "rootfs=thin:4"); got != want {
		t.Errorf("ended with %q", got)
	}
	if len(c.sim.Containers()) != 0 || len(c.sim.Volumes()) != 0 {
		t.Errorf("left behind: %v %v", c.sim.Containers(), c.sim.Volumes())
	}
}

func TestTheMinimalRoleIsEnoughForALife(t *testing.T) {
	c := start(t).minimal()
	c.mustTask("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/nixos.tar.xz", "rootfs=thin:2", "mp0=thin:1,mp=/data", "unprivileged=1",
		"features=nesting=1", "net0=name=eth0,bridge=vmbr0,ip=192.168.99.20/24,tag=99", "onboot=1", "tags=nixmox", "description=a\nb")
	c.mustTask("POST", lxc+"/100/status/start")
	c.ok("PUT", lxc+"/100/config", "memory=1024")
	c.mustTask("POST", lxc+"/100/snapshot", "snapname=before")
	c.mustTask("PUT", lxc+"/100/resize", "disk=mp0", "size=+1G")
	c.mustTask("POST", lxc+"/100/status/shutdown")
	c.mustTask("POST", lxc+"/100/snapshot/before/rollback")
	if rows := c.ok("GET", "/nodes/pve1/tasks", "vmid=100").([]any); len(rows) != 6 {
		t.Errorf("%d own tasks are listed, want 6", len(rows))
	}
	c.mustTask("DELETE", lxc+"/100")

	for sentence, test := range map[string]struct {
		reason string
		call   []string
	}{
		"another bridge":         {"Permission check failed (/sdn/zones/localnetwork/vmbr9, SDN.Use)", []string{"POST", lxc, "net0=name=eth0,bridge=vmbr9"}},
		"a privileged container": {"Permission check failed (/, Sys.Modify)", []string{"POST", lxc, "unprivileged=0"}},
		"another feature":        {"Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)", []string{"POST", lxc, "features=keyctl=1"}},
		"a host path":            {"Permission check failed (mount point type bind is only allowed for root@pam)", []string{"POST", lxc, "mp0=/srv,mp=/srv"}},
		"the node's state":       {"Permission check failed (/nodes/pve1, Sys.Audit)", []string{"GET", "/nodes/pve1/status"}},
		"a bare number as size":  {"Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 632.", []string{"POST", lxc, "rootfs=4"}},
	} {
		t.Run("refused: "+sentence, func(t *testing.T) {
			pairs := test.call[2:]
			if test.call[0] == "POST" {
				pairs = append([]string{"vmid=200", "ostemplate=local:vztmpl/nixos.tar.xz"}, pairs...)
				if !strings.HasPrefix(strings.Join(pairs, " "), "rootfs") && !slices.ContainsFunc(pairs, func(p string) bool { return strings.HasPrefix(p, "rootfs") }) {
					pairs = append(pairs, "rootfs=thin:2")
				}
			}
			if got := c.call(test.call[0], test.call[1], pairs...); got.Reason != test.reason {
				t.Errorf("got %d %q", got.Status, got.Reason)
			}
		})
	}
}

func TestAServiceIsReadySomeTimeAfterTheStart(t *testing.T) {
	c := start(t)
	c.caddy("100")
	active := func() int {
		got, err := c.sim.Exec(t.Context(), 100, []string{"/bin/sh", "-c", "systemctl is-active --quiet caddy"})
		if err != nil {
			t.Fatal(err)
		}
		return got.ExitCode
	}
	if code := active(); code != 3 {
		t.Errorf("right after the start is-active gives %d, want 3", code)
	}
	c.until("the service is ready", func() bool { return active() == 0 })

	var order []string
	for _, entry := range c.log.entries(t) {
		if entry.Kind != "call" {
			order = append(order, fmt.Sprint(entry.Kind, " ", entry.Type, entry.Hostname))
		}
	}
	want := []string{"task-start vzcreate", "task-end vzcreate", "task-start vzstart", "task-end vzstart", "service-ready caddy.nixmox.lan"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
}

func TestAServiceAnswersAtTheMappedAddressWhileItsContainerRuns(t *testing.T) {
	c := start(t)
	c.caddy("100")
	status := func(url string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	c.until("the port opens", func() bool { return status("http://127.0.99.10:28080/sick") == 503 })
	if got := status("http://127.0.99.10:28080/nope"); got != 404 {
		t.Errorf("another path gives %d", got)
	}
	if got := status("http://127.0.99.10:2019/health"); got != 0 {
		t.Errorf("a service on localhost answers outside: %d", got)
	}
	mac := c.config("100")["net0"].(string)
	c.ok("PUT", lxc+"/100/config", "net0="+strings.Replace(mac, "99.10", "99.11", 1))
	if got := status("http://127.0.99.11:28080/sick"); got != 503 {
		t.Errorf("after a change of the address it gives %d there", got)
	}
	c.mustTask("POST", lxc+"/100/status/stop")
	if got := status("http://127.0.99.11:28080/sick"); got != 0 {
		t.Errorf("a stopped container answers %d", got)
	}
}

func TestPendingChangesAreAppliedByTheStop(t *testing.T) {
	c := start(t)
	c.create("100", "mp0=thin:1,mp=/data", "nameserver=1.1.1.1")
	c.mustTask("POST", lxc+"/100/status/start")
	c.ok("PUT", lxc+"/100/config", "nameserver=8.8.8.8", "memory=640", "delete=mp0")

	current := c.config("100", "current=1")
	if current["nameserver"] != "1.1.1.1" || current["mp0"] == nil || current["memory"] != float64(640) {
		t.Errorf("current: %v", current)
	}
	c.mustTask("POST", lxc+"/100/status/stop")
	current = c.config("100", "current=1")
	if current["nameserver"] != "8.8.8.8" || current["mp0"] != nil || current["unused0"] != "thin:vm-100-disk-0" {
		t.Errorf("after the stop: %v", current)
	}
}

func TestResourcesLagBehind(t *testing.T) {
	c := start(t)
	row := func() map[string]any {
		rows := c.ok("GET", "/cluster/resources", "type=vm").([]any)
		if len(rows) != 1 {
			t.Fatalf("%d rows", len(rows))
		}
		return rows[0].(map[string]any)
	}
	// Wait for a broadcast, so that the next one is 10 simulated seconds away.
	c.create("99999", "hostname=clock")
	c.until("a broadcast", func() bool { return row()["status"] == "stopped" })
	c.mustTask("DELETE", lxc+"/99999")

	upid := c.ok("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/alpine.tar.gz", "rootfs=local:1", "tags=new").(string)
	if diff := cmp.Diff(map[string]any{
		"id": "lxc/100", "vmid": float64(100), "node": "pve1", "type": "lxc", "status": "unknown", "lock": "create",
	}, row()); diff != "" {
		t.Errorf("a new container: %s", diff)
	}
	c.wait(upid)
	if got := row(); got["tags"] != "new" || got["lock"] != nil {
		t.Errorf("lock and tags are not live: %v", got)
	}
	c.until("the broadcast tells its name", func() bool { return row()["name"] == "CT100" })
	c.mustTask("DELETE", lxc+"/100")
	if rows := c.ok("GET", "/cluster/resources", "type=vm").([]any); len(rows) != 0 {
		t.Errorf("a destroyed container is listed: %v", rows)
	}
	kinds := make(map[string]int)
	for _, one := range c.ok("GET", "/cluster/resources").([]any) {
		kinds[one.(map[string]any)["type"].(string)]++
	}
	if diff := cmp.Diff(map[string]int{"node": 2, "storage": 4, "sdn": 2}, kinds); diff != "" {
		t.Errorf("without a type: %s", diff)
	}
}

func TestTasksFailAsTheyAreTold(t *testing.T) {
	c := start(t)
	c.create("100")
	if err := c.sim.AddFault(faultOnce("vzstart", "startup for container '100' failed")); err != nil {
		t.Fatal(err)
	}
	if got := c.task("POST", lxc+"/100/status/start"); got != "startup for container '100' failed" {
		t.Errorf("the first start ended with %q", got)
	}
	if got := c.task("POST", lxc+"/100/status/start"); got != "OK" {
		t.Errorf("the second start ended with %q", got)
	}
}

func TestAHeldFileLockTimesOut(t *testing.T) {
	c := start(t)
	c.create("100")
	release, err := c.sim.HoldConfigLock(100)
	if err != nil {
		t.Fatal(err)
	}
	want := "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout"
	if got := c.call("PUT", lxc+"/100/config", "memory=600"); got.Reason != want {
		t.Errorf("PUT config: %s", got.Reason)
	}
	if got := c.task("POST", lxc+"/100/status/start"); got != want {
		t.Errorf("start: %s", got)
	}
	release()
	c.ok("PUT", lxc+"/100/config", "memory=600")
}

func TestSystemdWithoutNestingWarns(t *testing.T) {
	c := start(t)
	got := c.task("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/nixos.tar.xz", "rootfs=local:1")
	if got != "WARNINGS: 1" {
		t.Errorf("create ended with %s", got)
	}
}

func TestANodeGoesAwayAndComesBack(t *testing.T) {
	c := start(t)
	if err := c.sim.SetNodeOnline("pve2", false); err != nil {
		t.Fatal(err)
	}
	if got := c.call("GET", "/nodes/pve2/lxc"); got.Status != 595 || got.Raw != "" {
		t.Errorf("its calls answer %d %q", got.Status, got.Raw)
	}
	c.ok("GET", lxc)
	if err := c.sim.SetNodeOnline("pve2", true); err != nil {
		t.Fatal(err)
	}
	c.create("100")
	c.mustTask("POST", lxc+"/100/status/start")
	if got := c.call("POST", lxc+"/100/migrate", "target=pve2"); got.Status != 500 {
		t.Errorf("a running container moves without restart: %d", got.Status)
	}
	c.ok("POST", lxc+"/100/status/stop")
}

func TestAnOlderReleaseHasOlderDefaults(t *testing.T) {
	c := start(t)
	old := pvesimtest.Start(t, pvesimtest.World(t, worldText), pvesim.Options{TimeScale: 50, PVE: "8.4"})
	c.sim = old
	c.create("100")
	if got := c.config("100")["unprivileged"]; got != nil {
		t.Errorf("unprivileged is %v by default", got)
	}
	if got := c.ok("GET", "/version").(map[string]any); got["release"] != "8.4" {
		t.Errorf("version is %v", got)
	}
	if got := c.call("PUT", lxc+"/100/config", "entrypoint=/bin/sh"); got.Status != 400 {
		t.Errorf("a parameter of 9.1 is taken: %d", got.Status)
	}
}

func TestMovingAndMigratingKeepTheData(t *testing.T) {
	c := start(t)
	c.create("100")
	if got := c.task("POST", lxc+"/100/move_volume", "volume=rootfs", "storage=nope"); got != "storage 'nope' does not exist" {
		t.Errorf("move to nowhere ended with %s", got)
	}
	c.mustTask("POST", lxc+"/100/move_volume", "volume=rootfs", "storage=thin")
	config := c.config("100")
	if config["rootfs"] != "thin:vm-100-disk-0,size=1G" || config["unused0"] != "local:100/vm-100-disk-0.raw" {
		t.Errorf("after the move: %v", config)
	}
	if got := c.call("POST", lxc+"/100/migrate", "target=pve1"); got.Errors["target"] != "target is local node." {
		t.Errorf("migration to itself: %d %v", got.Status, got.Errors)
	}
	c.mustTask("POST", lxc+"/100/status/start")
	c.mustTask("POST", lxc+"/100/migrate", "target=pve2", "restart=1")
	if got := c.call("GET", lxc+"/100/config"); got.Status != 500 {
		t.Errorf("it is still on the old node: %d", got.Status)
	}
	status := c.ok("GET", "/nodes/pve2/lxc/100/status/current").(map[string]any)
	if status["status"] != "running" {
		t.Errorf("on the new node: %v", status)
	}
}

func TestAPoolGivesItsMembersPrivileges(t *testing.T) {
	c := start(t)
	c.ok("POST", "/pools", "poolid=stack")
	c.create("100", "pool=stack")
	stranger := c.as("nixmox@pve!none=cccc")
	if got := stranger.call("GET", lxc+"/100/config"); got.Status != 403 {
		t.Errorf("without a role: %d", got.Status)
	}
	c.ok("PUT", "/access/acl", "path=/pool/stack", "tokens=nixmox@pve!none", "roles=PVEVMAdmin")
	c.ok("PUT", "/access/acl", "path=/pool/stack", "users=nixmox@pve", "roles=PVEVMAdmin")
	stranger.ok("GET", lxc+"/100/config")
	c.mustTask("DELETE", lxc+"/100")
	if got := c.ok("GET", "/pools/stack").(map[string]any); len(got["members"].([]any)) != 0 {
		t.Errorf("members after the destroy: %v", got)
	}
}

func TestCallsDuringCreateWaitForItsFileLock(t *testing.T) {
	c := start(t)
	create := c.ok("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/alpine.tar.gz", "rootfs=local:1").(string)
	// Between the call and its worker there is a moment in which others see the lock in the configuration, and are refused.
	c.until("the worker has the file lock", func() bool {
		return strings.Contains(fmt.Sprint(c.ok("GET", "/nodes/pve1/tasks/"+create+"/log")), "extracting archive")
	})
	begin := c.ok("POST", lxc+"/100/status/start").(string)
	c.ok("PUT", lxc+"/100/config", "memory=640")
	for what, upid := range map[string]string{"create": create, "start": begin} {
		if exit := c.wait(upid); exit != "OK" {
			t.Errorf("%s ended with %s", what, exit)
		}
	}
	if got := c.config("100")["memory"]; got != float64(640) {
		t.Errorf("memory is %v", got)
	}
}

func TestAContainerOnALostNodeIsUnknown(t *testing.T) {
	c := start(t)
	c.caddy("100")
	state := func() any { return c.ok("GET", "/cluster/resources", "type=vm").([]any)[0].(map[string]any)["status"] }
	c.until("the broadcast says that it runs", func() bool { return state() == "running" })
	if err := c.sim.SetNodeOnline("pve1", false); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "unknown" {
		t.Errorf("its status is %v", got)
	}
	if got, err := c.sim.Exec(t.Context(), 100, []string{"true"}); err != nil || got.ExitCode != 255 {
		t.Errorf("a command in it gives %+v %v", got, err)
	}
	if err := c.sim.SetNodeOnline("pve1", true); err != nil {
		t.Fatal(err)
	}
	if got := state(); got != "running" {
		t.Errorf("with its node back its status is %v", got)
	}
}

func TestAVolumeChangesItsContainer(t *testing.T) {
	c := start(t)
	c.create("100", "mp0=thin:1,mp=/data,backup=1")
	c.create("101")
	c.mustTask("POST", lxc+"/100/move_volume", "volume=mp0", "target-vmid=101", "target-volume=mp3")
	if got := c.config("101")["mp3"]; got != "thin:vm-101-disk-0,mp=/data,backup=1,size=1G" {
		t.Errorf("the target has %v", got)
	}
	if got := c.config("100")["mp0"]; got != nil {
		t.Errorf("the source still has %v", got)
	}
	for sentence, test := range map[string]struct{ volume, want string }{
		"the root stays":    {"rootfs", "Cannot move to/from 'rootfs'"},
		"what is not there": {"mp9", "volume 'mp9' for container '100' does not exist"},
	} {
		if got := c.call("POST", lxc+"/100/move_volume", "volume="+test.volume, "target-vmid=101"); got.Reason != test.want {
			t.Errorf("%s: %d %s", sentence, got.Status, got.Reason)
		}
	}
}

func TestWhatKeepsAContainerFromMigrating(t *testing.T) {
	c := start(t)
	c.create("100")
	c.mustTask("POST", lxc+"/100/status/start")
	if err := c.sim.Edit(100, map[string]string{"mp5": "/tank,mp=/tank"}); err != nil {
		t.Fatal(err)
	}
	if got := c.task("POST", lxc+"/100/migrate", "target=pve2", "restart=1"); got != "cannot migrate local bind mount point 'mp5'" {
		t.Errorf("with a bind mount it ended with %s", got)
	}
	if g, _ := c.sim.Container(100); !g.Running || g.Node != "pve1" {
		t.Errorf("it is on %s, running %v", g.Node, g.Running)
	}
	if err := c.sim.Edit(100, map[string]string{"mp5": "/tank,mp=/tank,shared=1"}); err != nil {
		t.Fatal(err)
	}
	c.mustTask("POST", lxc+"/100/migrate", "target=pve2", "restart=1")
	if g, _ := c.sim.Container(100); !g.Running || g.Node != "pve2" {
		t.Errorf("it is on %s, running %v", g.Node, g.Running)
	}
}
