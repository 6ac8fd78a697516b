package demo_test

import (
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running is `nixmox demo` in the background, in an empty home.
type running struct {
	cmd        *exec.Cmd
	out        *output
	kubeconfig string
}

func startDemo(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := &running{out: &output{}, kubeconfig: dir + "/kubeconfig"}
	r.cmd = exec.Command(program(t, "nixmox"), append([]string{"demo", "--data-dir", dir, "--time-scale", "10"}, args...)...)
	r.cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	eventually(t, 3*time.Minute, "the demo says what to try\n"+r.out.String(), func() bool { return strings.Contains(r.out.String(), "Three things to try") })
	return r
}

// interrupt is Ctrl-C.
func (r *running) interrupt(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil || time.Since(began) > 10*time.Second {
		t.Fatalf("Ctrl-C: %v after %v\n%s", err, time.Since(began), r.out)
	}
}

// commands are the lines that a numbered thing to try consists of.
func (r *running) commands(number string) []string {
	_, text, _ := strings.Cut(r.out.String(), "\n"+number+". ")
	var lines []string
	for _, line := range strings.Split(text, "\n")[1:] {
		if !strings.HasPrefix(line, "     ") {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// value is a field of a service.
func (r *running) value(t *testing.T, service, path string) string {
	t.Helper()
	return shell(t, r.kubeconfig, "bin/nixmox kubectl -n homelab get nms "+service+" --ignore-not-found -o jsonpath='{"+path+"}'")
}

const readyPath = `.status.conditions[?(@.type=="Ready")].status`

func TestTheDemoDoesWhatItSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startDemo(t, dir)
	if table := regexp.MustCompile(`(?m)^\w+ +True +Running +Healthy`).FindAllString(r.out.String(), -1); len(table) != 10 {
		t.Errorf("%d of 10 services are ready in the table:\n%s", len(table), r.out)
	}
	if !strings.Contains(r.out.String(), "export KUBECONFIG="+r.kubeconfig) {
		t.Errorf("the KUBECONFIG line is missing:\n%s", r.out)
	}

	memory := r.commands("1")
	shell(t, r.kubeconfig, memory[0])
	eventually(t, 20*time.Second, "the memory is 2048 MiB", func() bool { return strings.TrimSpace(shell(t, r.kubeconfig, memory[1])) == "2048" })

	stop := r.commands("2")
	shell(t, r.kubeconfig, stop[0])
	eventually(t, 30*time.Second, "the stop is noticed", func() bool { return r.value(t, "monitoring", readyPath) == "False" })
	eventually(t, 30*time.Second, "it runs again", func() bool { return r.value(t, "monitoring", readyPath) == "True" })

	vmid, uid := r.value(t, "mail", ".status.vmid"), r.value(t, "mail", ".metadata.uid")
	again := r.commands("3")
	shell(t, r.kubeconfig, again[0])
	shell(t, r.kubeconfig, again[1])
	eventually(t, 30*time.Second, "the service is back", func() bool { return r.value(t, "mail", readyPath) == "True" })
	if now := r.value(t, "mail", ".status.vmid"); now != vmid || r.value(t, "mail", ".metadata.uid") == uid {
		t.Errorf("the new object has container %s, the old one had %s", now, vmid)
	}

	r.interrupt(t)
	second := startDemo(t, dir)
	if now := second.value(t, "caddy", ".spec.resources.memory"); now != "2Gi" {
		t.Errorf("after the second start caddy asks for %s: what was changed is not kept", now)
	}
	if now := second.value(t, "caddy", ".status.observed.memoryMiB"); now != "2048" {
		t.Errorf("after the second start caddy has %s MiB: the state was not kept", now)
	}
	second.interrupt(t)
}

// On a terminal, which script(1) gives it, the same is drawn in place: frames of all phases, the last one with ten services ready.
func TestTheDemoDrawsInPlaceOnATerminal(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script(1) of util-linux is not here, which makes the terminal:", err)
	}
	dir := t.TempDir()
	var out output
	cmd := exec.Command("script", "-qefc", program(t, "nixmox")+" demo --time-scale 10 --data-dir "+dir, "/dev/null")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "TERM=xterm", "COLUMNS=120"}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	eventually(t, 3*time.Minute, "the demo says what to try", func() bool { return strings.Contains(out.String(), "Three things to try") })
	screen := out.String()
	frames := strings.Split(screen, "ready, ")
	if len(frames) < 10 || !strings.Contains(screen, "\x1b[1A") && !strings.Contains(screen, "A\r\x1b[2K") {
		t.Errorf("%d frames, and no sign that they are drawn over each other:\n%q", len(frames), screen)
	}
	for _, part := range []string{"10/10", "phase 1  infrastructure", "phase 6  advanced", "✔ mail", "export KUBECONFIG="} {
		if !strings.Contains(screen, part) {
			t.Errorf("the screen never showed %q", part)
		}
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	_ = cmd.Wait() // how script passes an interrupt on is its own business
}
