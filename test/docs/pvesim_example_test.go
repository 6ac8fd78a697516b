package docs

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
)

func TestTheSimulatorsExamplesAreTheseHere(t *testing.T) {
	here, err := os.ReadFile("pvesim_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := blocks(simulatorPage(t), "go")
	if len(found) != 2 {
		t.Errorf("the page has %d examples in Go", len(found))
	}
	for _, block := range found {
		if !strings.Contains(string(here), block) {
			t.Errorf("this file does not have the page's\n%s", block)
		}
	}
}

func TestAPvesimOfOnesOwn(t *testing.T) {
	folder := reader(t)
	endpoint := startPvesim(t, filepath.Join(folder, "bin", "pvesim"), filepath.Join(folder, "world.json"))
	if answer, err := change(t, endpoint, "/nodes/pve1/lxc/101/config", "memory=8"); err != nil || answer.Status != "400 Parameter verification failed." {
		t.Errorf("%v %v", answer, err)
	}
}

// startPvesim serves a world until the test ends, and returns the endpoint, such as http://127.0.0.1:41234.
func startPvesim(t *testing.T, program, world string, more ...string) (endpoint string) {
	t.Helper()
	arguments := append([]string{"--world", world, "--listen", "127.0.0.1:0", "--time-scale", "20"}, more...)
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // the test's context has ended by then, and killed it
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal("pvesim ended; standard error says why")
	}
	return strings.Fields(line)[3]
}

// change sends one PUT as the world's unprivileged token.
func change(t *testing.T, endpoint, path, form string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, endpoint+"/api2/json"+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "PVEAPIToken=nixmox@pve!ctl=1111")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := new(http.Client).Do(request)
	if err == nil {
		answer.Body.Close()
	}
	return answer, err
}

func TestASimulatorInTheProcess(t *testing.T) {
	folder := t.TempDir()
	worldFile(t, folder)
	t.Chdir(folder)
	aContainerSurvivesALostReply(t)
}

func aContainerSurvivesALostReply(t *testing.T) {
	world, err := pvesim.ReadWorld("world.json")
	if err != nil {
		t.Fatal(err)
	}
	sim := pvesimtest.Start(t, world, pvesim.Options{TimeScale: 50})
	if err := sim.AddFault(pvesim.Fault{Name: "lost", Method: "PUT", Path: "/nodes/*/lxc/101/config", Lost: true, AfterEffect: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := change(t, sim.URL, "/nodes/pve1/lxc/101/config", "memory=640"); err == nil {
		t.Error("the reply was not lost")
	}
	if now, _ := sim.Container(101); now.Config["memory"] != "640" {
		t.Errorf("memory is %s: the change had no effect", now.Config["memory"])
	}
}
