package pvesim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

func TestCallsMeetTheirFaults(t *testing.T) {
	for sentence, test := range map[string]struct {
		fault  pvesim.Fault
		status int
		body   string
		made   bool // whether the container is there afterwards
	}{
		"an error before the effect":         {pvesim.Fault{Path: "/nodes/*/lxc", Method: "POST", Status: 500, Text: "got timeout"}, 500, `"message":"got timeout\n"`, false},
		"a proxy that gives up too early":    {pvesim.Fault{Path: "/nodes/*/lxc", Method: "POST", Status: 596, AfterEffect: true}, 596, "", true},
		"a reply that is lost before":        {pvesim.Fault{Method: "POST", Lost: true}, 0, "", false},
		"a reply that is lost after":         {pvesim.Fault{Method: "POST", Lost: true, AfterEffect: true}, 0, "", true},
		"a reply of which half arrives":      {pvesim.Fault{Method: "POST", VMID: 100, Garble: "truncated"}, 200, `{"data":"UPID`, true},
		"a reply that is no JSON":            {pvesim.Fault{Garble: "malformed"}, 200, "<html>", true},
		"another container is not concerned": {pvesim.Fault{Method: "POST", VMID: 101, Status: 500}, 200, "UPID", true},
		"the first is let pass":              {pvesim.Fault{Method: "POST", Skip: 1, Status: 500}, 200, "UPID", true},
	} {
		t.Run(sentence, func(t *testing.T) {
			c := start(t)
			if err := c.sim.AddFault(test.fault); err != nil {
				t.Fatal(err)
			}
			form := strings.NewReader("vmid=100&ostemplate=local:vztmpl/alpine.tar.gz&rootfs=local:1")
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.sim.URL+"/api2/json"+lxc, form)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Authorization", "PVEAPIToken="+c.token)
			response, err := http.DefaultClient.Do(request)
			status, text := 0, ""
			if err == nil {
				status, text = response.StatusCode, readAll(t, response)
			}
			if status != test.status || !strings.Contains(text, test.body) {
				t.Errorf("got %d %q", status, text)
			}
			if _, made := c.sim.Container(100); made != test.made {
				t.Errorf("the container is there: %v, want %v", made, test.made)
			}
		})
	}
}

func TestATaskThatIsKilledLeavesItsLock(t *testing.T) {
	c := start(t)
	if err := c.sim.AddFault(pvesim.Fault{TaskType: "vzcreate", Stuck: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := c.task("POST", lxc, "vmid=100", "ostemplate=local:vztmpl/alpine.tar.gz"); got != "unexpected status" {
		t.Errorf("ended with %q", got)
	}
	if got := c.call("DELETE", lxc+"/100"); got.Reason != "CT is locked (create)" {
		t.Errorf("destroy: %s", got.Reason)
	}
	c.until("the broadcast tells of the stub", func() bool {
		return c.ok("GET", "/cluster/resources", "type=vm").([]any)[0].(map[string]any)["name"] == "CT100"
	})
	if err := c.sim.Unlock(100); err != nil {
		t.Fatal(err)
	}
	c.mustTask("DELETE", lxc+"/100")
}

func TestAFaultMustSayWhatItDoes(t *testing.T) {
	c := start(t)
	for sentence, fault := range map[string]pvesim.Fault{
		"nothing at all":       {},
		"a task without text":  {TaskType: "vzstart"},
		"an unknown task type": {TaskType: "vzhalt", Text: "x"},
		"an unknown garble":    {Garble: "shuffled"},
	} {
		if err := c.sim.AddFault(fault); err == nil {
			t.Errorf("%s was accepted", sentence)
		}
	}
}

func TestWithoutQuorumNothingIsWritten(t *testing.T) {
	c := start(t)
	c.create("100")
	c.sim.SetQuorum(false)
	if got := c.call("PUT", lxc+"/100/config", "memory=600"); got.Reason != "cluster not ready - no quorum?" {
		t.Errorf("got %d %s", got.Status, got.Reason)
	}
	c.ok("GET", lxc+"/100/config")
	if got := c.call("GET", "/cluster/status"); !strings.Contains(got.Raw, `"quorate":0`) {
		t.Errorf("the cluster says of itself: %s", got.Raw)
	}
}
