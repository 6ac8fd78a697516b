package pvesim_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

// crowd is a world with many containers, half of them running.
func crowd(t testing.TB, count int) *pvesim.World {
	t.Helper()
	world := pvesimtest.World(t, worldText)
	for i := range count {
		world.Containers = append(world.Containers, pvesim.Guest{
			VMID: 1000 + i, Running: i%2 == 0,
			Config: map[string]string{
				"hostname": fmt.Sprintf("ct%d.nixmox.lan", i), "tags": "nixmox", "cores": "2",
				"rootfs": fmt.Sprintf("thin:vm-%d-disk-0,size=4G", 1000+i), "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth",
			},
		})
	}
	return world
}

func getResources(t testing.TB, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api2/json/cluster/resources?type=vm", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "PVEAPIToken=nixmox@pve!ctl=bbbb")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("resources: %s %v", response.Status, err)
	}
}

func BenchmarkResourcesOfTenThousandContainers(b *testing.B) {
	server := pvesimtest.Start(b, crowd(b, 10000), pvesim.Options{})
	for b.Loop() {
		getResources(b, server.URL)
	}
}

func TestContainersAtRestHaveNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	sim, err := pvesim.New(crowd(t, 2000), pvesim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	if more := runtime.NumGoroutine() - before; more > 2 {
		t.Errorf("%d goroutines for 2000 containers at rest", more)
	}
}

func TestAHundredClientsAtOnce(t *testing.T) {
	c := start(t)
	var clients sync.WaitGroup
	for i := range 100 {
		clients.Go(func() {
			vmid := fmt.Sprint(1000 + i)
			got := c.call("POST", lxc, "vmid="+vmid, "ostemplate=local:vztmpl/alpine.tar.gz", "rootfs=local:1", "start=1")
			upid, ok := got.Data.(string)
			if !ok {
				t.Errorf("create %s: %d %s", vmid, got.Status, got.Reason)
				return
			}
			for c.call("GET", "/nodes/pve1/tasks/"+upid+"/status").Data.(map[string]any)["status"] != "stopped" {
				getResources(t, c.sim.URL)
			}
			c.call("PUT", lxc+"/"+vmid+"/config", "memory=256")
			c.call("DELETE", lxc+"/"+vmid, "force=1")
		})
	}
	clients.Wait()
	c.until("all are gone", func() bool { return len(c.sim.Containers()) == 0 })
	if left := c.sim.Volumes(); len(left) != 0 {
		t.Errorf("volumes are left: %v", left)
	}
}
